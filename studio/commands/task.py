"""A command at work: what it says on the way, how it is stopped, and what comes out."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from studio.sentences import Language, Sentence, StudioError

# `{"say": {"code", "en", "zh"}}` or `{"token": "more text of the answer"}`
Report = Callable[[dict[str, Any]], None]


class CommandFailed(StudioError):
    en = "studio {command} failed ({reason}). What was done until then is kept; run the command again."
    zh = "studio {command} 执行失败（{reason}）。已完成的部分会保留，请重新运行该命令。"


class Unusable(Exception):
    """The arguments cannot be used; `error` says why."""

    def __init__(self, error: StudioError):
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command comes back with. `value`: the JSON that it prints; `error`: a sentence, or None."""

    value: Any
    exit_code: int = 0
    error: dict[str, str] | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"value": self.value, "exit_code": self.exit_code, "error": self.error}


class Task:
    """One running command. Thread-safe."""

    def __init__(self, report: Report, language: Language = "en"):
        self.language: Language = language
        self._report = report
        self._cancelled = threading.Event()
        self._callbacks: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def say(self, sentence: Sentence | dict[str, str]) -> None:
        """Tell the user something that is not part of the result."""
        self._report({"say": sentence if isinstance(sentence, dict) else sentence.as_dict()})

    def token(self, text: str) -> None:
        """More text of an answer."""
        self._report({"token": text})

    def cancel(self) -> None:
        """Ask the command to stop. Idempotent; commands that are over ignore it."""
        with self._lock:
            if self._cancelled.is_set():
                return
            self._cancelled.set()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    @contextlib.contextmanager
    def on_cancel(self, callback: Callable[[], object]) -> Iterator[None]:
        """Call `callback` when the task is cancelled inside the block, or at once if it was before."""
        with self._lock:
            self._callbacks.append(callback)
            cancelled = self._cancelled.is_set()
        if cancelled:
            callback()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)


@contextlib.contextmanager
def arguments() -> Iterator[None]:
    """What fails in this block fails because of the arguments (exit 2), not of the work (exit 1)."""
    try:
        yield
    except StudioError as error:
        raise Unusable(error) from error
