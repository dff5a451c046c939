"""Carries events from a blocking iterator to an asynchronous consumer that may leave at any time."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Generic, TypeVar

Event = TypeVar("Event")


class Pump(Generic[Event]):
    """Runs `make()` in a thread of its own. Leaving the `async for` stops it at the iterator's next event."""

    def __init__(self, make: Callable[[], Iterator[Event]]):
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
        self._left = threading.Event()
        threading.Thread(target=self._run, name="answer", daemon=True).start()

    async def __aiter__(self) -> AsyncIterator[Event]:
        try:
            while (item := await self._queue.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.stop()

    def stop(self) -> None:
        """Close the iterator at its next event. Idempotent."""
        self._left.set()

    def _run(self) -> None:
        try:
            events = self._make()
            for event in events:
                if self._left.is_set():
                    events.close()  # type: ignore[attr-defined]
                    return
                self._put(event)
            self._put(None)
        except BaseException as error:
            self._put(error)

    def _put(self, item: Event | BaseException | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
        except RuntimeError:
            # The studio is ending and its event loop is closed: nobody listens any more.
            self._left.set()
