"""Runs a command in this process, which owns the data folder meanwhile."""

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TextIO

from studio import owner
from studio.cli.errors import Cancelling
from studio.sentences import Language
from studio.settings import Settings


def run_here(
    settings: Settings, command: str, arguments: dict[str, Any], language: Language
) -> Iterator[dict[str, Any]]:
    """What the command reports on the way, and at last `{"outcome": …}`.

    Ctrl-C cancels the command, a second one ends the process at once.
    Raises `DataFolderInUse`, `DataFolderUnusable` or `DatabaseFromNewerVersion`.
    """
    ownership = owner.take(settings.data_dir, command)
    try:
        from studio.commands import Task, run
        from studio.services import Studio

        said: queue.Queue[dict[str, Any]] = queue.Queue()
        task = Task(said.put, language)
        studio = Studio(settings)

        def work() -> None:
            said.put({"outcome": run(studio, command, arguments, task).as_dict()})

        with contextlib.closing(studio), _interrupts(task.cancel, language):
            threading.Thread(target=work, name=f"studio {command}", daemon=True).start()
            while "outcome" not in (report := said.get()):
                yield report
        yield report
    finally:
        ownership.release()


@contextlib.contextmanager
def _interrupts(cancel: Callable[[], None], language: Language) -> Iterator[None]:
    """Inside the block Ctrl-C cancels; pressed again it ends the process at once."""
    interrupted = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted:
            os._exit(128 + number)
        interrupted = True
        print(Cancelling().say(language), file=sys.stderr, flush=True)
        threading.Thread(target=cancel, daemon=True).start()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def clean_stdout() -> Iterator[TextIO]:
    """Stdout for the result alone: inside the block whatever libraries and workers print goes to stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    with open(kept, "w", encoding="utf-8", closefd=False) as out:
        try:
            yield out
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
    os.close(kept)
