"""Who takes part in a comparison, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from studio.chat.events import Citation, Event, Finished
from studio.compare.errors import NotAContestant
from studio.engines.base import Usage
from studio.sentences import StudioError


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model (its id) at a quantization level."""

    model: str
    level: str

    @classmethod
    def parse(cls, text: str) -> Contestant:
        """Read `MODEL@LEVEL`. Raises `NotAContestant`; whether the model exists shows when it runs."""
        model, _, level = (part.strip() for part in text.rpartition("@"))
        if not model or not level:
            raise NotAContestant(text=text)
        return cls(model, level)

    def __str__(self) -> str:
        return f"{self.model}@{self.level}"


@dataclass(frozen=True, slots=True)
class ContestantResult:
    """What one contestant did.

    `usage` and `peak_bytes` (of its worker, since it was loaded) are None when it did not get to answer;
    `load_seconds` is None when it was loaded already. With an `error`, `answer` is what came before it.
    """

    contestant: Contestant
    answer: str = ""
    usage: Usage | None = None
    peak_bytes: int | None = None
    load_seconds: float | None = None
    citations: list[Citation] = field(default_factory=list)
    finished: Finished | None = None
    error: StudioError | None = None

    def as_dict(self) -> dict[str, Any]:
        """What `studio compare` prints for a contestant."""
        return {
            "contestant": str(self.contestant),
            "answer": self.answer,
            "usage": self.usage.as_dict() if self.usage else None,
            "peak_bytes": self.peak_bytes,
            "load_seconds": self.load_seconds,
            "citations": [citation.as_dict() for citation in self.citations],
            "error": str(self.error) if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """The end of a comparison: a result per contestant, in order; `notices` as `{"code", "en", "zh"}`."""

    results: list[ContestantResult]
    notices: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class CompareEvent:
    """Something that happened, to contestant number `index` (from 0), or to all of them (None).

    For all: `Retrieved` once, at the start, when documents are asked, and `Compared` at the end. For one:
    `Loading`, `Fitted`, `Token`, and at last its `ContestantResult`, also when it failed or was stopped.
    """

    index: int | None
    event: Event | ContestantResult | Compared
