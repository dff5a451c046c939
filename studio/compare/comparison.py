"""One prompt to several contestants, with one retrieval for all of them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studio import hardware
from studio.chat.errors import EmptyQuestion
from studio.compare.contestant import Compared, CompareEvent, Contestant, ContestantResult
from studio.compare.errors import NoContestants
from studio.compare.run import Run
from studio.engines.base import Sampling
from studio.settings import PROMPTS, Settings

if TYPE_CHECKING:
    from studio.engines.pool import Pool
    from studio.knowledge.base import Knowledge
    from studio.models.catalogue import Catalogue

__all__ = ["CompareEvent", "Compared", "Comparison", "Contestant", "ContestantResult"]


class Comparison:
    """Runs comparisons. Several may run at once; each is named by its `request`."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        pool: Pool,
        knowledge: Knowledge,
        prompts: Path = PROMPTS,
    ):
        self._settings = settings
        self._catalogue = catalogue
        self._pool = pool
        self._knowledge = knowledge
        self._prompts = prompts
        self._running: dict[str, Run] = {}
        self._lock = threading.Lock()

    def run(
        self,
        prompt: str,
        contestants: Sequence[Contestant],
        options: Sampling | None = None,
        system_prompt: str = "",
        knowledge_base: str | None = None,
        evidence_count: int | None = None,
        request: str | None = None,
        side_by_side: bool | None = None,
    ) -> Iterator[CompareEvent]:
        """Ask every contestant; the last event is `Compared`. Nothing happens before the first `next`.

        With a `knowledge_base` (a name) the documents are searched once and everyone gets the same evidence.
        `side_by_side` None: at the same time on a GPU, one after the other on a processor, where two models
        would disturb each other's figures. To make room only what this comparison loaded itself is unloaded.
        One contestant's failure is its own `ContestantResult.error`. Closing the iterator stops everything,
        and so does a later comparison of the same `request`.
        Raises `EmptyQuestion`, `NoContestants`, and what a search raises.
        """
        prompt = prompt.strip()
        if not prompt:
            raise EmptyQuestion()
        if not contestants:
            raise NoContestants()
        if side_by_side is None:
            side_by_side = hardware.best_device() != "cpu"
        count = self._settings.evidence_count if evidence_count is None else evidence_count
        run = Run(
            self._catalogue,
            self._pool,
            self._prompts,
            prompt,
            list(contestants),
            options or Sampling(),
            system_prompt.strip(),
            knowledge_base,
            side_by_side,
        )
        name = request or uuid.uuid4().hex
        with self._lock:
            earlier = self._running.get(name)
            self._running[name] = run
            if earlier is not None:
                earlier.stop()
        try:
            if knowledge_base is not None:
                yield CompareEvent(None, run.retrieve(self._knowledge.retriever(knowledge_base, count)))
            yield from run.events()
        finally:
            run.stop()
            with self._lock:
                if self._running.get(name) is run:
                    del self._running[name]

    def stop(self, request: str | None = None) -> None:
        """Stop the comparison named `request`, or all of them; what was written stays in the results."""
        with self._lock:
            runs = [run for name, run in self._running.items() if request in (None, name)]
        for run in runs:
            run.stop()
