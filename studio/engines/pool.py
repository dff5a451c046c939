"""The one owner of memory: loads, shares, evicts and unloads every model, and keeps the ledger."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import cast

from studio import hardware
from studio.engines.base import Engine, Progress, ProgressCallback
from studio.engines.checks import check_loadable
from studio.engines.conversion import Converter, Converting
from studio.engines.errors import DoesNotFit, LoadFailed, NotLoaded, Unloaded
from studio.engines.ledger import LedgerEntry, Place, Released, ledger_key
from studio.engines.local import LocalEngine
from studio.engines.spare import Spare
from studio.models.card import Estimate, ModelCard
from studio.models.estimate import estimate
from studio.sentences import StudioError
from studio.settings import Settings

EngineFactory = Callable[[], Engine]

# Reserved for the KV cache unless a caller says otherwise: most chats stay below it.
USUAL_CONTEXT = 4096
# The memory strip asks each second; a probe younger than this is not asked for again.
PROBE_SECONDS = 1.0


__all__ = ["LedgerEntry", "Pool", "Released", "ledger_key"]


class Pool:
    """Every local model of the studio, each in a worker of its own. Thread-safe."""

    def __init__(self, settings: Settings, engine_factory: EngineFactory | None = None):
        """Starts nothing. `engine_factory` makes an engine that has not loaded anything yet."""
        self._converter = Converter(settings.models_dir, self._borrow_worker)
        self._lock = threading.RLock()
        # One load at a time: two at once would both count the same free memory as theirs.
        self._admission = threading.Lock()
        self._places: dict[str, Place] = {}
        self._spare = Spare(engine_factory or LocalEngine, self._is_busy)
        self._closed = False
        self._refreshing = threading.Lock()

    # -- what is loaded ------------------------------------------------------------------------------------

    def ledger(self) -> list[LedgerEntry]:
        """What the pool holds, oldest first. Never waits for a worker: probes come from the background."""
        with self._lock:
            for place in self._places.values():
                if place.state == "ready" and place.engine is not None and not place.engine.alive:
                    place.state = "dead"
            entries = [place.entry() for place in self._places.values()]
            stale = any(
                place.state == "ready" and time.monotonic() - place.probed >= PROBE_SECONDS
                for place in self._places.values()
            )
        if stale and self._refreshing.acquire(blocking=False):
            threading.Thread(target=self._refresh_probes, name="probe", daemon=True).start()
        return entries

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
        check_loadable(card, level)
        card = self.prepare(card, progress)
        key = ledger_key(card, level)
        mine: Place | None = None
        while True:
            with self._lock:
                self._check_open(card)
                place = self._places.get(key)
                if place is not None and place.usable:
                    assert place.engine is not None
                    place.last_used = time.time()
                    return place.engine
                if place is None or place.state in ("ready", "dead"):
                    # Nobody has it, or its worker died.
                    place = mine
                    if mine is not None:
                        self._places[key] = mine
                if place is not None and progress is not None:
                    place.listeners.append(progress)
            if place is None:
                mine = self._new_place(card, level, device, context)
            elif place is mine:
                return self._load_into(mine, context, evict)
            else:
                place.settled.wait()
                if place.error is not None:
                    raise place.error

    def _new_place(self, card: ModelCard, level: str, device: str | None, context: int | None) -> Place:
        where = device or hardware.best_device()
        return Place(
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

    def _load_into(self, place: Place, context: int | None, evict: Sequence[str]) -> Engine:
        try:
            with self._admission:
                self._make_room(place, context, evict)
                engine = self._spare.take()
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
                place.settled.set()
            return engine
        except BaseException as error:
            with self._lock:
                if self._places.get(place.key) is place:
                    del self._places[place.key]
                place.state = "dead"
                place.error = error if isinstance(error, StudioError) else None
                if place.error is None:
                    place.error = LoadFailed(model=place.card.name, detail=str(error) or type(error).__name__)
            try:
                if place.engine is not None:
                    place.engine.close()
            finally:
                place.settled.set()
            raise
        finally:
            self._spare.refill_later()

    def _tell(self, place: Place, step: Progress) -> None:
        with self._lock:
            place.progress = step
            listeners = list(place.listeners)
        for listener in listeners:
            listener(step)

    def _make_room(self, place: Place, context: int | None, evict: Sequence[str]) -> None:
        """Evict what was agreed to until the model fits; tight will do once nothing is left to evict."""
        agreed = [key for key in evict if key != place.key]
        while True:
            estimated = self._estimate(place.card, place.level, context, place.device)
            with self._lock:
                place.estimated = estimated
            if estimated.fit == "fits":
                return
            if self._evict_one(agreed):
                continue
            if estimated.fit == "tight":
                return
            raise self._does_not_fit(place, estimated)

    def _evict_one(self, agreed: list[str]) -> bool:
        """Unload the first of these that nobody uses, and take it off the list. False when there is none."""
        with self._lock:
            goes = next((self._places[key] for key in agreed if key in self._places), None)
            while goes is not None and not goes.evictable:
                agreed.remove(goes.key)
                goes = next((self._places[key] for key in agreed if key in self._places), None)
            if goes is None:
                return False
            agreed.remove(goes.key)
            goes.begin_closing()
        self._close(goes)
        return True

    def _does_not_fit(self, place: Place, estimated: Estimate) -> DoesNotFit:
        with self._lock:
            others = [
                other
                for other in self._places.values()
                if other is not place and other.device == place.device and other.evictable
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

    def _pin(self, card: ModelCard, level: str, progress: ProgressCallback | None) -> tuple[Place, Engine]:
        while True:
            engine = self.load(card, level, progress=progress)
            with self._lock:
                place = self._places.get(ledger_key(card, level))
                # Between load and here it may have been unloaded by somebody else.
                if place is not None and place.engine is engine and place.usable:
                    place.pins += 1
                    place.last_used = time.time()
                    return place, engine

    # -- letting go ----------------------------------------------------------------------------------------

    def start_spare(self) -> None:
        """Keep one worker with everything imported ready for the next load, from now on. Returns at once."""
        self._spare.start()

    @contextlib.contextmanager
    def _borrow_worker(self) -> Iterator[Converting]:
        """The spare worker for a conversion; the load that usually follows finds it there again."""
        engine = self._spare.take()
        try:
            yield cast(Converting, engine)
        finally:
            self._spare.give_back(engine)

    def _is_busy(self) -> bool:
        with self._lock:
            return any(place.pins or place.state == "loading" for place in self._places.values())

    def unload(self, key: str) -> Released:
        """End the worker behind `key`, also while it is loading or answering. Raises `NotLoaded`."""
        with self._lock:
            place = self._places.get(key)
            if place is None or place.state == "closing":
                raise NotLoaded(model=key)
            if place.state == "loading":
                place.error = Unloaded(model=place.card.name)
            place.begin_closing()
        return self._close(place)

    def _close(self, place: Place) -> Released:
        """End the worker of a place that is marked as closing, and take it out of the ledger."""
        started = time.monotonic()
        engine = place.engine
        before = _measure(engine) if engine is not None and place.loaded is not None else 0
        try:
            if engine is not None:
                engine.close()
        finally:
            with self._lock:
                if self._places.get(place.key) is place:
                    del self._places[place.key]
            place.settled.set()
        ended = engine is None or not engine.alive
        after = 0 if ended or place.probe is None else place.probe.measured_bytes
        return Released(
            key=place.key,
            before_bytes=before,
            after_bytes=after,
            freed_bytes=before - after,
            process_ended=ended,
            seconds=time.monotonic() - started,
        )

    def close(self) -> None:
        """End every worker. Idempotent; later loads are refused."""
        with self._lock:
            self._closed = True
            keys = list(self._places)
        self._converter.close()
        self._spare.close()
        for key in keys:
            with contextlib.suppress(NotLoaded):
                self.unload(key)

    def _check_open(self, card: ModelCard) -> None:
        if self._closed:
            raise Unloaded(model=card.name)

    def _check_wanted(self, place: Place) -> None:
        """Raises `Unloaded` when somebody unloaded it while it was loading."""
        if self._closed or place.state == "closing":
            raise Unloaded(model=place.card.name)


def _measure(engine: Engine) -> int:
    try:
        return engine.probe().measured_bytes
    except StudioError:
        return 0
