"""Watches what a process and everything it starts asks of the network.

Two eyes: Python's audit hooks in every process (`watch/sitecustomize.py`) see each connection and each name
that Python code asks for; the table of open connections, read many times a second, sees those of native code.
"""

import ipaddress
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

WATCH = Path(__file__).resolve().parent / "watch"
READ_EVERY_SECONDS = 0.02


@dataclass(frozen=True)
class Note:
    """`host` was asked for by process `pid`; `event` says how."""

    pid: int
    event: str
    host: str | None
    unix: bool = False


def is_this_computer(host: str | None) -> bool:
    """Whether an address or a name can only mean this computer (also: the wildcard that servers bind to)."""
    if host in (None, "", "localhost"):
        return True
    with suppress(ValueError):
        address = ipaddress.ip_address(host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        return mapped.is_loopback or mapped.is_unspecified
    return False


@dataclass
class Outgoing:
    """Everything asked for until now."""

    notebook: Path
    native: set[Note] = field(default_factory=set)

    def notes(self) -> list[Note]:
        """What Python code asked for, in every process."""
        if not self.notebook.exists():
            return []
        return [Note(**json.loads(line)) for line in self.notebook.read_text(encoding="utf-8").splitlines()]

    def watched(self) -> set[int]:
        """Processes in which the audit hook is at work."""
        return {note.pid for note in self.notes() if note.event == "start"}

    def abroad(self) -> list[Note]:
        """What went, or tried to go, beyond this computer."""
        asked = [note for note in self.notes() if note.event != "start" and not note.unix]
        return [note for note in [*asked, *self.native] if not is_this_computer(note.host)]


def environment(notebook: Path) -> Mapping[str, str]:
    """Variables for a process to be watched."""
    path = os.pathsep.join(filter(None, [str(WATCH), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path, "WATCHED_CONNECTIONS": str(notebook)}


@contextmanager
def watching(pid: int, notebook: Path) -> Iterator[Outgoing]:
    """Watch `pid` and its descendants; `notebook` is the one that its environment names."""
    seen = Outgoing(notebook)
    ended = threading.Event()
    reader = threading.Thread(target=_read, args=(psutil.Process(pid), seen.native, ended.wait), daemon=True)
    reader.start()
    try:
        yield seen
    finally:
        ended.set()
        reader.join()


def _read(process: psutil.Process, native: set[Note], ended: Callable[[float], bool]) -> None:
    while not ended(READ_EVERY_SECONDS):
        with suppress(psutil.NoSuchProcess):
            for one in [process, *process.children(recursive=True)]:
                native.update(_connections(one))


def _connections(process: psutil.Process) -> Iterator[Note]:
    with suppress(psutil.NoSuchProcess):
        for connection in process.net_connections(kind="inet"):
            if connection.raddr:
                yield Note(process.pid, "connection", connection.raddr.ip)
