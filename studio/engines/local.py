"""The engine for models on this computer: one worker process each."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from studio.engines.base import (
    Ability,
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
)
from studio.engines.checks import check_loadable
from studio.engines.errors import NotAble, NotAChatModel, NotAnEmbedder
from studio.engines.messages import AskProbe, Convert, Count, Embed, Generate, Load, Render
from studio.engines.process import WorkerProcess
from studio.models.card import ModelCard


class LocalEngine(Engine):
    """A model in a worker process. The process starts with the engine and ends with `close`."""

    card: ModelCard
    level: str
    abilities: frozenset[Ability]

    def __init__(self) -> None:
        """Start the worker; returns at once."""
        self._worker = WorkerProcess()
        self.abilities = frozenset()

    @property
    def alive(self) -> bool:
        return self._worker.alive

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._worker.pid

    def load(self, card: ModelCard, level: str, device: str, progress: ProgressCallback) -> Loaded:
        """Load. Raises `LoadFailed`, `LevelUnavailable`, `NoWeights`, `WorkerDied`, `OutOfMemory`."""
        check_loadable(card, level)
        started = time.monotonic()
        self.card, self.level = card, level
        self._worker.model = card.name
        progress(Progress("worker", 0.0))
        call = self._worker.call(Load(card, level, device))
        for event in call.events():
            progress(event)
        self.abilities = frozenset({"embed"} if card.kind == "embedding" else {"chat"})
        return replace(call.result(), seconds=time.monotonic() - started)

    def convert(self, card: ModelCard, folder: Path) -> None:
        """Write the GGUF file of the card as a model folder. `folder` must not exist. Raises `LoadFailed`."""
        assert card.path is not None
        self._worker.model = card.name
        self._worker.call(Convert(card, card.path, folder)).result()

    def render(self, messages: Sequence[Message]) -> str:
        self._need_chat()
        return self._worker.call(Render(tuple(messages))).result()

    def count(self, texts: Sequence[str]) -> list[int]:
        return self._worker.call(Count(tuple(texts))).result()

    def generate(
        self, request: str, messages: Sequence[Message], sampling: Sampling
    ) -> Iterator[Text | Done]:
        self._need_chat()
        call = self._worker.call(Generate(request, tuple(messages), sampling))
        try:
            yield from call.events()
            yield call.result()
        finally:
            if not call.ended:
                call.drop()
                self.cancel(request)

    def cancel(self, request: str) -> None:
        self._worker.cancel(request)

    def embed(self, texts: Sequence[str], kind: TextKind) -> npt.NDArray[np.float32]:
        if "embed" not in self.abilities:
            raise NotAnEmbedder(model=self.card.name)
        return self._worker.call(Embed(tuple(texts), kind)).result()

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        raise NotAble(model=self.card.name, ability="rerank")

    def probe(self) -> Probe:
        return self._worker.call(AskProbe()).result()

    def close(self) -> None:
        self._worker.close()

    def _need_chat(self) -> None:
        if "chat" not in self.abilities:
            raise NotAChatModel(model=self.card.name)
