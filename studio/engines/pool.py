"""The one owner of memory: loads, shares, evicts and unloads every model, and keeps the ledger."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from studio import hardware
from studio.engines.base import Engine, Loaded, Probe, Progress, ProgressCallback
from studio.engines.conversion import Converter
from studio.engines.errors import DoesNotFit, LoadFailed, NotLoaded, Unloaded
from studio.engines.local import LocalEngine
from studio.models.card import Estimate, ModelCard
from studio.models.estimate import estimate
from studio.sentences import StudioError
from studio.settings import Settings

State = Literal["loading", "ready", "closing", "dead"]
EngineFactory = Callable[[], Engine]

# Reserved for the KV cache unless a caller says otherwise: most chats stay below it.
USUAL_CONTEXT = 4096
# The memory strip asks each second; a probe younger than this is not asked for again.
PROBE_SECONDS = 1.0

# After a load, wait this long with the next spare worker, and longer while anything is in use.
SPARE_SECONDS = 10.0


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
class _Place:
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


class Pool:
    """Every local model of the studio, each in a worker of its own. Thread-safe."""

    def __init__(self, settings: Settings, engine_factory: EngineFactory | None = None):
        """Starts nothing. `engine_factory` makes an engine that has not loaded anything yet."""
        self._converter = Converter(settings.models_dir)
        self._make_engine = engine_factory or LocalEngine
        self._lock = threading.RLock()
        # One load at a time: two at once would both count the same free memory as theirs.
        self._admission = threading.Lock()
        self._places: dict[str, _Place] = {}
        self._spare: Engine | None = None
        self._spare_timer: threading.Timer | None = None
        self._keep_spare = False
        self._closed = False
        self._refreshing = threading.Lock()

    # -- what is loaded ------------------------------------------------------------------------------------

    def ledger(self) -> list[LedgerEntry]:
        """What the pool holds, oldest first. Never waits for a worker: probes come from the background."""
        with self._lock:
            for place in self._places.values():
                if place.state == "ready" and place.engine is not None and not place.engine.alive:
                    place.state = "dead"
            entries = [self._entry(place) for place in self._places.values()]
            stale = any(
                place.state == "ready" and time.monotonic() - place.probed >= PROBE_SECONDS
                for place in self._places.values()
            )
        if stale and self._refreshing.acquire(blocking=False):
            threading.Thread(target=self._refresh_probes, name="probe", daemon=True).start()
        return entries

    @staticmethod
    def _entry(place: _Place) -> LedgerEntry:
        return LedgerEntry(
            key=place.key,
            card=place.card,
            level=place.level,
            device=place.device,
            state=place.state,
            estimated=place.estimated,
            loaded=place.loaded,
            probe=place.probe,
            progress=place.progress,
            last_used=place.last_used,
            busy=place.pins > 0,
        )

    def _refresh_probes(self) -> None:
        try:
            with self._lock:
                ready = [place for place in self._places.values() if place.state == "ready"]
            for place in ready:
                assert place.engine is not None
                # A worker that has just gone is found out and marked by the next look at the ledger.
                with contextlib.suppress(StudioError):
                    probe = place.engine.probe()
                    with self._lock:
                        place.probe, place.probed = probe, time.monotonic()
        finally:
            self._refreshing.release()

    # -- loading -------------------------------------------------------------------------------------------

    def prepare(self, card: ModelCard, progress: ProgressCallback | None = None) -> ModelCard:
        """The card in a form that loads: a single GGUF file is converted once into the models folder.

        Raises `ConversionFailed`. Waits when another thread or process converts the same file.
        """
        return self._converter.prepare(card, progress)

    def load(
        self,
        card: ModelCard,
        level: str,
        *,
        device: str | None = None,
        context: int | None = None,
        evict: Sequence[str] = (),
        progress: ProgressCallback | None = None,
    ) -> Engine:
        """The loaded engine; a load of the same model that is on its way is joined.

        `context`: tokens to reserve KV cache for. `evict`: ledger keys that may be unloaded, in this order,
        as far as needed; one that is in use stays. Raises `DoesNotFit` before anything is loaded, or what
        `Engine.load` raises.
        """
        card = self.prepare(card, progress)
        key = ledger_key(card, level)
        while True:
            with self._lock:
                self._check_open(card)
                place = self._places.get(key)
                if place is not None and self._usable(place):
                    assert place.engine is not None
                    place.last_used = time.time()
                    return place.engine
                if place is not None and place.state == "loading":
                    if progress is not None:
                        place.listeners.append(progress)
                    mine = False
                elif place is not None and place.state == "closing":
                    mine = False
                else:
                    place = self._new_place(card, level, device, context)
                    if progress is not None:
                        place.listeners.append(progress)
                    self._places[key] = place
                    mine = True
            if mine:
                return self._load_into(place, context, evict)
            place.settled.wait()
            if place.error is not None:
                raise place.error

    def _new_place(self, card: ModelCard, level: str, device: str | None, context: int | None) -> _Place:
        where = device or hardware.best_device()
        return _Place(
            key=ledger_key(card, level),
            card=card,
            level=level,
            device=where,
            estimated=self._estimate(card, level, context, where),
        )

    @staticmethod
    def _estimate(card: ModelCard, level: str, context: int | None, device: str) -> Estimate:
        if context is None:
            context = min(card.context_length or USUAL_CONTEXT, USUAL_CONTEXT)
        return estimate(card, level, context, device=device)

    @staticmethod
    def _usable(place: _Place) -> bool:
        return place.state == "ready" and place.engine is not None and place.engine.alive

    def _load_into(self, place: _Place, context: int | None, evict: Sequence[str]) -> Engine:
        try:
            with self._admission:
                self._make_room(place, context, evict)
                engine = self._take_engine()
                with self._lock:
                    place.engine = engine
                    self._check_wanted(place)
                loaded = engine.load(
                    place.card, place.level, place.device, lambda step: self._tell(place, step)
                )
            with self._lock:
                self._check_wanted(place)
                place.loaded, place.probe, place.probed = loaded, loaded.probe, time.monotonic()
                place.state, place.progress, place.last_used = "ready", None, time.time()
            return engine
        except BaseException as error:
            with self._lock:
                if self._places.get(place.key) is place:
                    del self._places[place.key]
                place.state = "dead"
                place.error = error if isinstance(error, StudioError) else None
                if place.error is None:
                    place.error = LoadFailed(model=place.card.name, detail=str(error) or type(error).__name__)
            if place.engine is not None:
                place.engine.close()
            raise
        finally:
            place.settled.set()
            self._replace_spare_later()

    def _tell(self, place: _Place, step: Progress) -> None:
        with self._lock:
            place.progress = step
            listeners = list(place.listeners)
        for listener in listeners:
            listener(step)

    def _make_room(self, place: _Place, context: int | None, evict: Sequence[str]) -> None:
        """Evict what was agreed to until the model fits; tight will do once nothing is left to evict."""
        agreed = [key for key in evict if key != place.key]
        while True:
            estimated = self._estimate(place.card, place.level, context, place.device)
            with self._lock:
                place.estimated = estimated
            if estimated.fit == "fits":
                return
            with self._lock:
                goes = next((key for key in agreed if self._evictable(key)), None)
            if goes is not None:
                agreed.remove(goes)
                with contextlib.suppress(NotLoaded):
                    self.unload(goes)
                continue
            if estimated.fit == "tight":
                return
            raise self._does_not_fit(place, estimated)

    def _evictable(self, key: str) -> bool:
        place = self._places.get(key)
        return place is not None and place.pins == 0 and place.state in ("ready", "dead")

    def _does_not_fit(self, place: _Place, estimated: Estimate) -> DoesNotFit:
        with self._lock:
            others = [
                other
                for other in self._places.values()
                if other is not place and other.device == place.device and self._evictable(other.key)
            ]
        gain = sum(other.probe.measured_bytes for other in others if other.probe)
        enough = estimated.available_bytes + gain >= estimated.total_bytes
        return DoesNotFit(
            model=place.card.name,
            level=place.level,
            needed=estimated.total_bytes,
            available=estimated.available_bytes,
            device=place.device,
            listing=[o.key for o in sorted(others, key=lambda other: other.last_used)] if enough else [],
        )

    # -- using ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def use(self, card: ModelCard, level: str, progress: ProgressCallback | None = None) -> Iterator[Engine]:
        """The loaded engine, loaded first if need be; it is never evicted while in use.

        A worker that has died is started anew. Raises what `load` raises.
        """
        place, engine = self._pin(card, level, progress)
        try:
            yield engine
        finally:
            with self._lock:
                place.pins -= 1
                place.last_used = time.time()

    def _pin(self, card: ModelCard, level: str, progress: ProgressCallback | None) -> tuple[_Place, Engine]:
        while True:
            engine = self.load(card, level, progress=progress)
            with self._lock:
                place = self._places.get(ledger_key(card, level))
                # Between load and here it may have been unloaded by somebody else.
                if place is not None and place.engine is engine and self._usable(place):
                    place.pins += 1
                    place.last_used = time.time()
                    return place, engine

    # -- letting go ----------------------------------------------------------------------------------------

    def unload(self, key: str) -> Released:
        """End the worker behind `key`, also while it is loading or answering. Raises `NotLoaded`."""
        started = time.monotonic()
        with self._lock:
            place = self._places.get(key)
            if place is None or place.state == "closing":
                raise NotLoaded(model=key)
            loading = place.state == "loading"
            place.state = "closing"
            engine = place.engine
            pid = place.probe.pid if place.probe else None
        before = _measure(engine) if engine is not None and not loading else 0
        if engine is not None:
            engine.close()
        after = hardware.unique_bytes(pid) if pid is not None else 0
        with self._lock:
            if self._places.get(key) is place:
                del self._places[key]
        if loading:
            place.error = Unloaded(model=place.card.name)
        place.settled.set()
        return Released(
            key=key,
            before_bytes=before,
            after_bytes=after,
            freed_bytes=max(before - after, 0),
            process_ended=engine is None or not engine.alive,
            seconds=time.monotonic() - started,
        )

    def close(self) -> None:
        """End every worker. Idempotent; later loads are refused."""
        with self._lock:
            self._closed = True
            keys = list(self._places)
            spare, self._spare = self._spare, None
            if self._spare_timer is not None:
                self._spare_timer.cancel()
        self._converter.close()
        for key in keys:
            with contextlib.suppress(NotLoaded):
                self.unload(key)
        if spare is not None:
            spare.close()

    def _check_open(self, card: ModelCard) -> None:
        if self._closed:
            raise Unloaded(model=card.name)

    def _check_wanted(self, place: _Place) -> None:
        """Raises `Unloaded` when somebody unloaded it while it was loading."""
        if self._closed or place.state == "closing":
            raise Unloaded(model=place.card.name)

    # -- the spare worker ----------------------------------------------------------------------------------

    def start_spare(self) -> None:
        """Keep one worker with everything imported ready for the next load, from now on. Returns at once."""
        with self._lock:
            self._keep_spare = True
        self._replace_spare()

    def _replace_spare(self) -> None:
        with self._lock:
            if not self._keep_spare or self._closed:
                return
            if any(place.pins or place.state == "loading" for place in self._places.values()):
                self._replace_spare_later()
            elif self._spare is None or not self._spare.alive:
                self._spare = self._make_engine()

    def _replace_spare_later(self) -> None:
        """Importing takes a core for seconds, which the first answer of the model just loaded should have."""
        with self._lock:
            if not self._keep_spare or self._closed:
                return
            if self._spare_timer is not None:
                self._spare_timer.cancel()
            self._spare_timer = threading.Timer(SPARE_SECONDS, self._replace_spare)
            self._spare_timer.daemon = True
            self._spare_timer.start()

    def _take_engine(self) -> Engine:
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is not None and spare.alive:
            return spare
        return self._make_engine()


def _measure(engine: Engine) -> int:
    try:
        return engine.probe().measured_bytes
    except StudioError:
        return 0
