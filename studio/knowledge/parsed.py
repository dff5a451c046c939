"""What a parser hands on: pages of clean text with the places of their headings."""

from dataclasses import dataclass, field
from typing import NamedTuple

HEADING_SEPARATOR = " › "


class Heading(NamedTuple):
    """A heading in a page. `start`: its first character; `path`: with those above it, outermost first."""

    start: int
    path: str


class Pair(NamedTuple):
    """A question and its answer in a page, as characters: the question is `[start, question_end)`."""

    start: int
    question_end: int
    end: int


@dataclass(slots=True)
class ParsedPage:
    """One page. `number` counts from 1, None where the format has no pages.

    `heading`: the path that holds at its first character; `headings`: those that begin in it, in order.
    `pairs`: only in tables of questions and answers, which are split along them.
    """

    number: int | None
    text: str
    heading: str = ""
    headings: list[Heading] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)


@dataclass(slots=True)
class ParsedDocument:
    """A whole document; at least one page has text. `empty_pages`: numbers of pages without any."""

    title: str
    pages: list[ParsedPage]
    empty_pages: list[int] = field(default_factory=list)


class Outline:
    """The path of headings while walking through a document."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, text: str) -> str:
        """A heading of `level` (1 is the outermost) begins; returns its path."""
        self._open = [entry for entry in self._open if entry[0] < level]
        self._open.append((level, text))
        return HEADING_SEPARATOR.join(entry[1] for entry in self._open)
