"""A worker with everything imported, waiting for the next model."""

import threading
from collections.abc import Callable

from studio.engines.base import Engine

# After a load, wait this long with the next spare worker, and longer while anything is in use.
SPARE_SECONDS = 10.0


class Spare:
    """At most one engine that has not loaded anything yet. Thread-safe."""

    def __init__(self, make: Callable[[], Engine], busy: Callable[[], bool]):
        """`busy`: whether a model is loading or in use, whose cores an import should not take."""
        self._make = make
        self._busy = busy
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._timer: threading.Timer | None = None
        self._wanted = False
        self._closed = False

    def start(self) -> None:
        """Keep one ready from now on. Returns at once."""
        with self._lock:
            self._wanted = True
            self._fill()

    def take(self) -> Engine:
        """The spare one, or a new one where there is none."""
        with self._lock:
            engine, self._engine = self._engine, None
        return engine if engine is not None and engine.alive else self._make()

    def give_back(self, engine: Engine) -> None:
        """An engine that was taken and still has not loaded anything."""
        with self._lock:
            keep = engine.alive and self._engine is None and not self._closed
            if keep:
                self._engine = engine
        if not keep:
            engine.close()

    def refill_later(self) -> None:
        """Importing takes a core for seconds, which the first answer of the model just loaded should have."""
        with self._lock:
            if not self._wanted:
                return
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(SPARE_SECONDS, self._refill)
            self._timer.daemon = True
            self._timer.start()

    def close(self) -> None:
        """End it, and keep none from now on."""
        with self._lock:
            self._wanted = False
            self._closed = True
            engine, self._engine = self._engine, None
            if self._timer is not None:
                self._timer.cancel()
        if engine is not None:
            engine.close()

    def _refill(self) -> None:
        if self._busy():
            self.refill_later()
            return
        with self._lock:
            self._fill()

    def _fill(self) -> None:
        if self._wanted and (self._engine is None or not self._engine.alive):
            self._engine = self._make()
