"""Work that reports while it runs in a thread, handed to a page a few times a second."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Report = TypeVar("Report")

SECONDS_BETWEEN_DRAWINGS = 0.15


class Pump(Generic[Report]):
    """Runs `work(put)` in a thread of its own; `batches` hands on what it puts."""

    def __init__(self, work: Callable[[Callable[[Report], None]], None], name: str):
        self._queue: queue.SimpleQueue[tuple[Report] | BaseException | None] = queue.SimpleQueue()
        self._work = work
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        try:
            self._work(lambda report: self._queue.put((report,)))
        except BaseException as error:
            self._queue.put(error)
        else:
            self._queue.put(None)

    def batches(self) -> Iterator[list[Report]]:
        """Reports in order, several at a time, until the work is over; raises what it raised."""
        while True:
            batch: list[Report] = []
            item = self._queue.get()
            while isinstance(item, tuple):
                batch.append(item[0])
                if self._queue.empty():
                    break
                item = self._queue.get()
            if batch:
                yield batch
            if isinstance(item, BaseException):
                raise item
            if item is None:
                return
            time.sleep(SECONDS_BETWEEN_DRAWINGS)
