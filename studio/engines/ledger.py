"""The nouns of the pool: what it holds, and what an unload gave back."""

import threading
import time
from dataclasses import dataclass, field
from typing import Literal

from studio.engines.base import Engine, Loaded, Probe, Progress, ProgressCallback
from studio.models.card import Estimate, ModelCard
from studio.sentences import StudioError

State = Literal["loading", "ready", "closing", "dead"]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One model that the pool holds. `last_used`: seconds since the epoch; `busy`: somebody uses it now.

    `loaded` and `probe` are None until the load is done, `progress` afterwards.
    """

    key: str
    card: ModelCard
    level: str
    device: str
    state: State
    estimated: Estimate
    loaded: Loaded | None
    probe: Probe | None
    progress: Progress | None
    last_used: float
    busy: bool


@dataclass(frozen=True, slots=True)
class Released:
    """What an unload gave back. Bytes measured as DESIGN section 4 defines `measured_bytes`."""

    key: str
    before_bytes: int
    after_bytes: int
    freed_bytes: int
    process_ended: bool
    seconds: float


def ledger_key(card: ModelCard, level: str) -> str:
    """How the ledger names a model at a level: `smollm2-135m-instruct@full`."""
    return f"{card.id}@{level}"


@dataclass(slots=True)
class Place:
    """A model's place in the pool while it is there. Guarded by the pool's lock, except `settled`."""

    key: str
    card: ModelCard
    level: str
    device: str
    estimated: Estimate
    engine: Engine | None = None
    state: State = "loading"
    loaded: Loaded | None = None
    probe: Probe | None = None
    probed: float = 0.0
    progress: Progress | None = None
    last_used: float = field(default_factory=time.time)
    pins: int = 0
    listeners: list[ProgressCallback] = field(default_factory=list)
    settled: threading.Event = field(default_factory=threading.Event)
    error: StudioError | None = None

    @property
    def usable(self) -> bool:
        """Loaded, and its worker still there."""
        return self.state == "ready" and self.engine is not None and self.engine.alive

    @property
    def evictable(self) -> bool:
        """Nobody uses it now and it is not on its way."""
        return self.pins == 0 and self.state in ("ready", "dead")

    def begin_closing(self) -> None:
        """Mark it as on its way out; whoever wants the same model waits for `settled`."""
        self.state = "closing"
        self.settled.clear()

    def entry(self) -> LedgerEntry:
        """As the ledger shows it."""
        return LedgerEntry(
            key=self.key,
            card=self.card,
            level=self.level,
            device=self.device,
            state=self.state,
            estimated=self.estimated,
            loaded=self.loaded,
            probe=self.probe,
            progress=self.progress,
            last_used=self.last_used,
            busy=self.pins > 0,
        )
