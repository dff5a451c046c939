"""Stand-ins for engines and their pool, so that logic is tested without weights.

`from fakes import FakeEngine, FakePool, fake_card`
"""

import contextlib
import hashlib
import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from studio.engines.base import (
    Done,
    Engine,
    Loaded,
    Message,
    Probe,
    Progress,
    ProgressCallback,
    Sampling,
    Text,
    TextKind,
    Usage,
)
from studio.engines.errors import NotAble, NotAChatModel, NotAnEmbedder, NotLoaded, PromptTooLong
from studio.engines.pool import LedgerEntry, Released, ledger_key
from studio.models.card import Estimate, ModelCard

# Words, single Chinese characters, punctuation: near enough to a tokenizer to test budgets with.
_TOKEN = re.compile(r"[㐀-鿿]|[^\W㐀-鿿]+|[^\w\s]")
_PIECE = re.compile(r"\s*(?:[㐀-鿿]|[^\W㐀-鿿]+|[^\w\s])|\s+")


def fake_card(id: str = "fake-chat", **facts: Any) -> ModelCard:
    """A card of an installed chat model; any field can be given."""
    defaults: dict[str, Any] = {
        "id": id,
        "name": id,
        "family": "fake",
        "kind": "chat",
        "source": "folder",
        "context_length": 2048,
        "languages": ("en",),
        "levels": ("full", "int8", "nf4"),
        "installed": True,
        "path": Path("/nonexistent") / id,
        "revision": "1",
    }
    if facts.get("kind") == "embedding":
        defaults |= {"dimension": 64, "max_tokens": 256, "levels": ("full",)}
    return ModelCard(**(defaults | facts))


@dataclass(frozen=True)
class Asked:
    """One call of `generate`."""

    request: str
    messages: list[Message]
    sampling: Sampling


class FakeEngine(Engine):
    """Implements the whole contract over a queue of replies.

    A reply is a string, an exception (raised), or a list of both (text, then the exception). With an empty
    queue it answers `You said: <last message>`. `asked` records every call. Set `gate` to a
    `threading.Semaphore(0)` and each token waits for one `gate.release()`: for tests of Stop.
    """

    def __init__(
        self,
        replies: Sequence[Any] = (),
        card: ModelCard | None = None,
        level: str = "full",
        context_length: int | None = None,
    ):
        self.card = card or fake_card()
        self.level = level
        self.context_length = context_length or self.card.context_length or 2048
        self.abilities = frozenset({"embed"} if self.card.kind in ("embedding", "encoder") else {"chat"})
        self.replies: deque[Any] = deque(replies)
        self.asked: list[Asked] = []
        self.embedded: list[tuple[list[str], TextKind]] = []
        self.cancelled: set[str] = set()
        self.generated = 0
        self.gate: threading.Semaphore | None = None
        self.closed = False
        self._one_at_a_time = threading.Lock()

    @property
    def alive(self) -> bool:
        return not self.closed

    def load(self, card: ModelCard, level: str, device: str, progress: ProgressCallback) -> Loaded:
        self.card, self.level = card, level
        self.abilities = frozenset({"embed"} if card.kind in ("embedding", "encoder") else {"chat"})
        for stage in ("worker", "weights", "warm-up", "ready"):
            progress(Progress(stage, None))
        return Loaded(0.0, "float32", self.context_length, True, self.probe())

    def render(self, messages: Sequence[Message]) -> str:
        return "".join(f"<{m.role}>{m.content}</{m.role}>\n" for m in messages) + "<assistant>"

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(_TOKEN.findall(text)) for text in texts]

    def generate(
        self, request: str, messages: Sequence[Message], sampling: Sampling
    ) -> Iterator[Text | Done]:
        if "chat" not in self.abilities:
            raise NotAChatModel(model=self.card.name)
        self.asked.append(Asked(request, list(messages), sampling))
        prompt_tokens = self.count([self.render(messages)])[0]
        if prompt_tokens + 1 > self.context_length:
            raise PromptTooLong(model=self.card.name, tokens=prompt_tokens, limit=self.context_length - 1)
        with self._one_at_a_time:
            yield from self._stream(request, messages, sampling, prompt_tokens)

    def _stream(
        self, request: str, messages: Sequence[Message], sampling: Sampling, prompt_tokens: int
    ) -> Iterator[Text | Done]:
        reply = self.replies.popleft() if self.replies else f"You said: {messages[-1].content}"
        made = 0

        def done(reason: Any) -> Done:
            return Done(
                reason, Usage(prompt_tokens, made, 0.01 if made else None, 100.0 if made > 1 else None)
            )

        try:
            for part in reply if isinstance(reply, list) else [reply]:
                if isinstance(part, BaseException):
                    raise part
                for piece in _PIECE.findall(part):
                    if self.gate is not None and request not in self.cancelled:
                        self._wait_for_gate(request)
                    if request in self.cancelled:
                        yield done("cancelled")
                        return
                    if made >= sampling.max_tokens:
                        yield done("length")
                        return
                    made += 1
                    self.generated += 1
                    yield Text(piece)
            yield done("stop")
        finally:
            self.cancelled.add(request)

    def _wait_for_gate(self, request: str) -> None:
        assert self.gate is not None
        while not self.gate.acquire(timeout=0.01):
            if request in self.cancelled or self.closed:
                return

    def cancel(self, request: str) -> None:
        self.cancelled.add(request)

    def embed(self, texts: Sequence[str], kind: TextKind) -> np.ndarray:
        """Hashed bags of tokens: texts that share words are near each other, and always the same vector."""
        if "embed" not in self.abilities:
            raise NotAnEmbedder(model=self.card.name)
        self.embedded.append((list(texts), kind))
        dimension = self.card.dimension or 64
        vectors = np.zeros((len(texts), dimension), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for token in _TOKEN.findall(text.lower()) or [""]:
                digest = hashlib.blake2b(token.encode(), digest_size=8).digest()
                row[int.from_bytes(digest[:4], "little") % dimension] += 1 if digest[4] & 1 else -1
            if not row.any():
                row[0] = 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        raise NotAble(model=self.card.name, ability="rerank")

    def probe(self) -> Probe:
        return Probe(100_000_000, 120_000_000, "cpu", None)

    def close(self) -> None:
        self.closed = True


class FakePool:
    """The pool's surface over FakeEngines: one per ledger key, made when first used.

    Give it an engine to hand out that one for every chat model, or a dict of ledger key or card id to engine.
    `refuse[key or card id] = error` makes a load fail. `loads` records the keys that were loaded, in order.
    """

    def __init__(self, engines: FakeEngine | dict[str, FakeEngine] | None = None):
        self._default = engines if isinstance(engines, FakeEngine) else None
        self._given = engines if isinstance(engines, dict) else {}
        self.engines: dict[str, FakeEngine] = {}
        self.refuse: dict[str, BaseException] = {}
        self.loads: list[str] = []
        self.in_use: list[str] = []
        self._used: dict[str, float] = {}

    def prepare(self, card: ModelCard, progress: ProgressCallback | None = None) -> ModelCard:
        return card

    def load(
        self,
        card: ModelCard,
        level: str,
        *,
        device: str | None = None,
        context: int | None = None,
        evict: Sequence[str] = (),
        progress: ProgressCallback | None = None,
    ) -> FakeEngine:
        key = ledger_key(card, level)
        for name in (key, card.id):
            if name in self.refuse:
                raise self.refuse[name]
        for other in evict:
            self.engines.pop(other, None)
        if key not in self.engines:
            self.loads.append(key)
            engine = self._given.get(key) or self._given.get(card.id)
            if engine is None and card.kind not in ("embedding", "encoder"):
                engine = self._default
            engine = engine or FakeEngine(card=card, level=level)
            engine.load(card, level, device or "cpu", progress or (lambda _: None))
            self.engines[key] = engine
        self._used[key] = time.time()
        return self.engines[key]

    @contextlib.contextmanager
    def use(
        self, card: ModelCard, level: str, progress: ProgressCallback | None = None
    ) -> Iterator[FakeEngine]:
        engine = self.load(card, level, progress=progress)
        key = ledger_key(card, level)
        self.in_use.append(key)
        try:
            yield engine
        finally:
            self.in_use.remove(key)

    def unload(self, key: str) -> Released:
        engine = self.engines.pop(key, None)
        if engine is None:
            raise NotLoaded(model=key)
        engine.close()
        return Released(key, 100_000_000, 0, 100_000_000, True, 0.0)

    def ledger(self) -> list[LedgerEntry]:
        return [self._entry(key, engine) for key, engine in self.engines.items()]

    def _entry(self, key: str, engine: FakeEngine) -> LedgerEntry:
        estimate = Estimate(
            90_000_000, 5_000_000, 5_000_000, 8_000_000_000, "fits", "cpu", {"en": "", "zh": ""}
        )
        return LedgerEntry(
            key=key,
            card=engine.card,
            level=engine.level,
            device="cpu",
            state="ready",
            estimated=estimate,
            loaded=Loaded(0.0, "float32", engine.context_length, True, engine.probe()),
            probe=engine.probe(),
            progress=None,
            last_used=self._used.get(key, 0.0),
            busy=key in self.in_use,
        )

    def start_spare(self) -> None:
        return None

    def close(self) -> None:
        for engine in self.engines.values():
            engine.close()
        self.engines.clear()


def installed(card: ModelCard, path: Path) -> ModelCard:
    """The card with its folder."""
    return replace(card, path=path, installed=True)
