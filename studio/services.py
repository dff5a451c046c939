"""The one place where the parts are built and joined. Pages, API and command line get all from here."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from studio import hardware
from studio.chat.conversation import Chat
from studio.compare.comparison import Comparison
from studio.engines.base import Done, Message, ProgressCallback, Sampling, Text
from studio.engines.pool import LedgerEntry, Pool, Released
from studio.knowledge.base import Knowledge
from studio.models.card import Estimate, ModelCard
from studio.models.catalogue import Catalogue
from studio.models.estimate import estimate
from studio.settings import Settings
from studio.store import Store


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """What the memory strip shows. `gpus` is empty on a computer without an NVIDIA card."""

    gpus: list[hardware.Gpu]
    memory: hardware.Memory
    ledger: list[LedgerEntry]


class Studio:
    """Everything behind the pages, over one data folder. Close it to end every worker."""

    def __init__(self, settings: Settings | None = None):
        """Open the data folder. Raises `store.DataFolderUnusable` or `store.DatabaseFromNewerVersion`.

        Loads no weights and starts no process; `warm_up` does.
        """
        self.settings = settings or Settings()
        self.store = Store(self.settings.database)
        self.catalogue = Catalogue(self.settings, self.store)
        self.pool = Pool(self.settings)
        self.knowledge = Knowledge(self.settings, self.store, self.catalogue, self.pool)
        self.chat = Chat(self.settings, self.store, self.catalogue, self.pool, self.knowledge)
        self.comparison = Comparison(self.settings, self.catalogue, self.pool, self.knowledge)

    def warm_up(self) -> None:
        """Go on with interrupted ingests and get a spare worker ready, in the background."""
        self.chat.recover()
        self.knowledge.resume()
        threading.Thread(target=self._prepare, name="warm-up", daemon=True).start()

    def _prepare(self) -> None:
        if self.settings.spare_worker:
            self.pool.start_spare()
        for card in self.catalogue.cards():
            if card.source == "starter" and card.installed:
                # A starter that cannot be prepared says so when it is loaded.
                with contextlib.suppress(Exception):
                    self.pool.prepare(card)

    def estimate(self, model: str, level: str, context: int | None = None) -> Estimate:
        """What `model` at `level` would take on the best device, with what is loaded already counted as used.

        `context`: tokens to reserve KV cache for; None: the model's whole context, at most 4,096.
        """
        card = self.catalogue.get(model)
        if context is None:
            context = min(card.context_length or 4096, 4096)
        return estimate(card, level, context)

    def load(
        self, model: str, level: str, evict: Sequence[str] = (), progress: ProgressCallback | None = None
    ) -> None:
        """Load a model. Raises `DoesNotFit`, which says what could go, unless `evict` (keys) makes room."""
        self.pool.load(self.catalogue.get(model), level, evict=evict, progress=progress)

    def unload(self, key: str) -> Released:
        """End the worker behind a ledger entry; what memory came back."""
        return self.pool.unload(key)

    def complete(
        self, model: str, level: str, request: str, messages: Sequence[Message], sampling: Sampling
    ) -> Iterator[Text | Done]:
        """Answer a plain list of messages, without a conversation (the OpenAI-compatible route)."""
        with self.pool.use(self.catalogue.get(model), level) as engine:
            yield from engine.generate(request, messages, sampling)

    def loaded_chat_models(self) -> list[tuple[ModelCard, str]]:
        """(card, level) of every chat model that is loaded and ready, the most recently used first."""
        ready = [
            entry
            for entry in self.pool.ledger()
            if entry.state == "ready" and entry.card.kind in ("chat", "base")
        ]
        return [(entry.card, entry.level) for entry in sorted(ready, key=lambda entry: -entry.last_used)]

    def memory_report(self) -> MemoryReport:
        """Devices and ledger now."""
        return MemoryReport(gpus=hardware.gpus(), memory=hardware.memory(), ledger=self.pool.ledger())

    def close(self) -> None:
        """Stop what runs, end every worker, close the files."""
        self.knowledge.close()
        self.pool.close()
        self.store.close()
