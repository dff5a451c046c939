"""The watch of the privacy test sees what it is there to see."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from outgoing import Note, Outgoing, environment, is_this_computer, watching

# 192.0.2.0/24 is set aside for documentation: nobody answers there.
CONNECT = """
import socket
with socket.socket() as probe:
    probe.settimeout(0.05)
    try:
        probe.connect(("192.0.2.77", 9))
    except OSError:
        pass
"""
LOOK_UP = """
import socket
try:
    socket.getaddrinfo("telemetry.invalid", 443)
except OSError:
    pass
"""
SPAWN = f"""
import multiprocessing

def breach():
    exec({CONNECT!r})

if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=breach)
    child.start()
    child.join()
"""
# Past the audit hook, as native code would: straight to the C library.
NATIVE = """
import ctypes, socket, struct
probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
place = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", 9, bytes([127, 0, 0, 9]))
assert ctypes.CDLL(None).connect(probe.fileno(), place, len(place)) == 0
input()
"""


@contextmanager
def program(source: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], Outgoing]]:
    """A watched Python program."""
    script = folder / "program.py"
    script.write_text(source)
    notebook = folder / "notes.jsonl"
    watched = {**os.environ, **environment(notebook)}
    with (
        subprocess.Popen([sys.executable, script], env=watched, stdin=subprocess.PIPE, text=True) as process,
        watching(process.pid, notebook) as seen,
    ):
        yield process, seen


@pytest.mark.parametrize(
    ("source", "host"),
    [(CONNECT, "192.0.2.77"), (LOOK_UP, "telemetry.invalid"), (SPAWN, "192.0.2.77")],
    ids=["connection", "name", "spawned child"],
)
def test_what_python_code_asks_for_is_seen(tmp_path: Path, source: str, host: str) -> None:
    with program(source, tmp_path) as (process, seen):
        process.communicate()
        assert host in {note.host for note in seen.abroad()}


def test_a_connection_of_native_code_is_seen(tmp_path: Path) -> None:
    with program(NATIVE, tmp_path) as (process, seen):
        while "127.0.0.9" not in {note.host for note in seen.native}:
            assert process.poll() is None
        process.communicate("\n")
        assert seen.abroad() == []


def test_a_quiet_program_is_quiet(tmp_path: Path) -> None:
    with program("import socket; socket.getaddrinfo('localhost', 80)", tmp_path) as (process, seen):
        process.communicate()
        assert process.pid in seen.watched()
        assert seen.abroad() == []


@pytest.mark.parametrize(
    "host", [None, "", "localhost", "127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"]
)
def test_this_computer(host: str | None) -> None:
    assert is_this_computer(host)


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "10.0.0.1", "fe80::1%eth0", "::ffff:192.0.2.1", "example.invalid", "localhost.evil"]
)
def test_somewhere_else(host: str) -> None:
    assert not is_this_computer(host)
    assert Outgoing(Path("none"), {Note(1, "connection", host)}).abroad()
