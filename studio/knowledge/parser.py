"""The parser's process seen from the studio: started when needed, ended when it crashes, hangs or is idle."""

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from studio.knowledge.errors import ParserDied, ParserTimedOut
from studio.knowledge.parsed import ParsedDocument
from studio.settings import ROOT

# Seconds without a page. The slowest page of ordinary documents takes well under one.
PATIENCE = 60.0


class ParsingStopped(Exception):
    """The caller's progress callback asked to stop."""


class Parser:
    """One process that parses one document at a time. Not thread-safe."""

    def __init__(self, patience: float = PATIENCE, program: str = "studio.knowledge.parser_process"):
        self._patience = patience
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def parse(
        self, path: Path, name: str, kind: str, limit: int, progress: Callable[[int, int], bool]
    ) -> ParsedDocument:
        """Parse one file; `progress(done, total)` in pages, False from it stops (`ParsingStopped`).

        Raises the file's `StudioError`, `ParserDied` or `ParserTimedOut`.
        """
        try:
            return self._parse(path, name, kind, limit, progress)
        except ParserDied:
            if self._ended:
                raise
            # It may have been killed for a reason that has nothing to do with this file.
            return self._parse(path, name, kind, limit, progress)

    def _parse(
        self, path: Path, name: str, kind: str, limit: int, progress: Callable[[int, int], bool]
    ) -> ParsedDocument:
        process = self._running()
        assert process.stdin and process.stdout
        timed_out = threading.Event()
        try:
            pickle.dump((str(path), name, kind, limit), process.stdin)
            process.stdin.flush()
            while True:
                answer = self._receive(process, timed_out)
                if answer[0] == "pages" and not self._told(progress, answer[1], answer[2]):
                    raise ParsingStopped
                if answer[0] == "failed":
                    raise answer[1]
                if answer[0] == "done":
                    return answer[1]
        except ParsingStopped:
            self.close()
            raise
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self.close()
            if timed_out.is_set():
                raise ParserTimedOut(file=name, seconds=f"{self._patience:.0f}") from error
            raise ParserDied(file=name) from error

    def _told(self, progress: Callable[[int, int], bool], done: int, total: int) -> bool:
        try:
            return progress(done, total)
        except BaseException:
            # The rest of this document would be taken for the next one's.
            self.close()
            raise

    def _receive(self, process: subprocess.Popen[bytes], timed_out: threading.Event) -> tuple:
        def give_up() -> None:
            timed_out.set()
            process.kill()

        watchdog = threading.Timer(self._patience, give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            assert process.stdout
            return pickle.load(process.stdout)
        finally:
            watchdog.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            # Not multiprocessing: a child spawned by it would run the caller's __main__ again.
            paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            )
        return self._process

    def end(self) -> None:
        """End the process for good, from any thread; a document in hand fails with `ParserDied`."""
        self._ended = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process; the next document starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                # A broken pipe complains once more about what it could not flush.
                try:
                    pipe.close()
                except OSError:
                    continue
