"""The engine contract, the same for every engine: messages in, tokens out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from studio.models.card import ModelCard

Role = Literal["system", "user", "assistant"]
Ability = Literal["chat", "embed", "rerank"]
TextKind = Literal["query", "passage"]


class Message(NamedTuple):
    """One message of a chat prompt."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn. `temperature` 0 or `top_p` 0: always the likeliest token.

    `seed` None: different every time. `max_tokens`: the most tokens an answer may have.
    """

    temperature: float = 0.7
    top_p: float = 0.9
    max_tokens: int = 512
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took. Tokens, seconds, tokens per second (of decode, the first token not counted)."""

    prompt_tokens: int
    completion_tokens: int
    ttft_seconds: float | None
    tokens_per_second: float | None
    cached_prompt_tokens: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Text:
    """More text of the answer (one or several tokens)."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is complete. `reason`: `stop` (the model ended it), `length` (max_tokens), `cancelled`."""

    reason: Literal["stop", "length", "cancelled"]
    usage: Usage


Stage = Literal["worker", "weights", "quantize", "warm-up", "ready"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a load is. `fraction` 0–1 over the whole load, None where nobody knows."""

    stage: Stage
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """Memory of a loaded model, in bytes, measured as DESIGN section 4 defines it."""

    measured_bytes: int
    peak_bytes: int
    device: str
    pid: int | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A load that succeeded. `dtype`: of the weights that stay unquantized (`bfloat16`, …)."""

    seconds: float
    dtype: str
    context_length: int
    has_chat_template: bool
    probe: Probe


ProgressCallback = Callable[[Progress], None]


class Engine(ABC):
    """One loaded model. Thread-safe; answers are generated one at a time, in the order asked for."""

    card: ModelCard
    level: str
    abilities: frozenset[Ability]

    @property
    def alive(self) -> bool:
        """False once what runs the model is gone (the pool then starts it anew)."""
        return True

    @abstractmethod
    def load(self, card: ModelCard, level: str, device: str, progress: ProgressCallback) -> Loaded:
        """Load the weights. Raises `LoadFailed`, `WorkerDied` or another `StudioError`."""

    @abstractmethod
    def render(self, messages: Sequence[Message]) -> str:
        """The prompt as the model's own chat template writes it (a plain transcript when it has none)."""

    @abstractmethod
    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens."""

    @abstractmethod
    def generate(
        self, request: str, messages: Sequence[Message], sampling: Sampling
    ) -> Iterator[Text | Done]:
        """Stream an answer; the last event is `Done`. `request` names it for `cancel`.

        Closing the iterator early cancels. Raises `PromptTooLong`, `WorkerDied`, `OutOfMemory`.
        """

    @abstractmethod
    def cancel(self, request: str) -> None:
        """Stop generating `request` within one token. Unknown or finished requests are ignored."""

    @abstractmethod
    def embed(self, texts: Sequence[str], kind: TextKind) -> npt.NDArray[np.float32]:
        """Unit-length vectors, shape (len(texts), dimension), float32. The card's prefixes are added here."""

    @abstractmethod
    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """A relevance score per text, higher is better. Raises `NotAble` on engines without a reranker."""

    @abstractmethod
    def probe(self) -> Probe:
        """Memory now and at its highest since the last load."""

    @abstractmethod
    def close(self) -> None:
        """Give every byte back. Running requests end with `WorkerDied`. Idempotent."""
