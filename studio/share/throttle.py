"""Slows down whoever guesses passwords."""

import threading
import time
from collections.abc import Callable

# So many wrong tries are a typing error; after them the wait doubles with each.
FREE_TRIES = 5
LONGEST_SECONDS = 60.0


class Throttle:
    """Counts the wrong tries of everybody who shares it. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        """`clock`: seconds that only grow."""
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong = 0
        self._until = 0.0

    def wait_seconds(self) -> float:
        """How long nobody may try now; 0 when trying is allowed."""
        with self._lock:
            return max(0.0, self._until - self._clock())

    def failed(self) -> None:
        with self._lock:
            self._wrong += 1
            if self._wrong >= FREE_TRIES:
                wait = min(2.0 ** (self._wrong - FREE_TRIES), LONGEST_SECONDS)
                self._until = self._clock() + wait

    def succeeded(self) -> None:
        with self._lock:
            self._wrong = 0
