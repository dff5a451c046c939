"""The text of HTML inside other formats: Word files that were exported from web pages hold nothing else."""

import email
import email.policy
from html.parser import HTMLParser
from typing import NamedTuple

from studio.knowledge.plain import decode

_BLOCKS = {
    "address", "article", "blockquote", "body", "caption", "center", "dd", "div", "dl", "dt", "footer",
    "form", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table", "tr", "ul",
}  # fmt: skip
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_HIDDEN = {"head", "script", "style", "template", "title"}


class Block(NamedTuple):
    """A paragraph. `level`: 1–6 for a heading, else None."""

    level: int | None
    text: str


def blocks_of_archive(data: bytes) -> list[Block]:
    """Paragraphs of the first HTML part of a web archive (MHTML)."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    part = message.get_body(("html", "plain"))
    return blocks(part.get_content()) if part is not None else []


def blocks_of_page(data: bytes) -> list[Block]:
    """Paragraphs of an HTML file."""
    return blocks(decode(data) or "")


def blocks(text: str) -> list[Block]:
    """Paragraphs, headings and table rows, in order."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.end_block()
    return reader.found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Block] = []
        self._text: list[str] = []
        self._level: int | None = None
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag in _HEADINGS:
            self.end_block()
            self._level = _HEADINGS[tag]
        elif tag in _BLOCKS:
            self.end_block()
        elif tag == "br":
            self._text.append("\n")
        elif tag in ("td", "th") and self._text:
            self._text.append(" | ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BLOCKS or tag in _HEADINGS:
            self.end_block()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._text.append(" ".join(data.replace("\n", " ").split(" ")))

    def end_block(self) -> None:
        lines = [" ".join(line.split()) for line in "".join(self._text).split("\n")]
        text = "\n".join(line for line in lines if line)
        if text:
            self.found.append(Block(self._level, text))
        self._text, self._level = [], None
