"""What a reply tells the page while it happens, and what a turn keeps."""

from dataclasses import dataclass, field
from typing import Any, Literal

from studio.engines.base import Progress, Sampling, Usage
from studio.knowledge.types import Evidence, Mode
from studio.models.card import ModelCard
from studio.sentences import StudioError


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """How one question is answered. `knowledge_base` (a name) None: plain chat."""

    model: str
    level: str
    sampling: Sampling = field(default_factory=Sampling)
    system_prompt: str = ""
    knowledge_base: str | None = None
    evidence_count: int = 4
    mode: Mode = "hybrid"


@dataclass(frozen=True, slots=True)
class Citation:
    """A link from a claim in the answer to evidence. `n`: its marker, and its place in `evidence`."""

    n: int
    document: str
    page: int | None
    chunk_id: str
    text: str

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class ContextLedger:
    """What went into the prompt and what did not, with the reason.

    Entries: `{"what": "turn" | "chunk", "id": …, "tokens": …, "reason": …}`.
    """

    kept: list[dict[str, Any]]
    dropped: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        return {"kept": self.kept, "dropped": self.dropped}


@dataclass(frozen=True, slots=True)
class Loading:
    """The model (or the embedder) is being loaded first."""

    card: ModelCard
    progress: Progress


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Evidence, best first, before it is fitted; `notices` as `{"code", "en", "zh"}`."""

    evidence: list[Evidence]
    notices: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What the prompt holds. `evidence[n - 1]` is what marker `[n]` means."""

    evidence: list[Evidence]
    context: ContextLedger


@dataclass(frozen=True, slots=True)
class Token:
    """More text of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer as stored: checked markers in place of the model's own."""

    answer: str
    citations: list[Citation]
    evidence: list[Evidence]
    context: ContextLedger
    usage: Usage
    reason: Literal["stop", "length", "cancelled"]
    notices: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer could not be (fully) given; what was written until then is stored."""

    error: StudioError
    answer: str


Event = Loading | Retrieved | Fitted | Token | Finished | Failed


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer as stored.

    `details` keeps citations, evidence, context, usage, notices, reason, options and error as plain JSON
    values, `error` and `notices` as `{"code", "en", "zh"}`; what the answer did not come to is missing.
    """

    id: str
    question: str
    answer: str
    status: Literal["running", "done", "stopped", "failed"]
    model: str
    level: str
    details: dict[str, Any]
    created_at: float


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation in the list. Times in seconds since the epoch."""

    id: str
    title: str
    created_at: float
    updated_at: float
