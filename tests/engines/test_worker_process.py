"""The process behind an engine: killed, closed, left alone; it never stays behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from engine_help import ask

from studio.engines.base import Message, Sampling
from studio.engines.errors import Unloaded, WorkerDied
from studio.engines.local import LocalEngine
from studio.engines.process import physical_cores
from studio.models.card import ModelCard

ORPHAN = """
import sys, time
from pathlib import Path
from fakes import fake_card
from studio.engines.local import LocalEngine
from studio.engines.base import Message, Sampling
engine = LocalEngine()
engine.load(fake_card(path=Path(sys.argv[1])), "full", "cpu", lambda _: None)
stream = engine.generate("r", [Message("user", "go")], Sampling(temperature=1.5, max_tokens=450))
next(stream)
print(engine.pid, flush=True)
time.sleep(600)
"""


def gone(pid: int, seconds: float = 20) -> bool:
    """Whether the process ends (a zombie has not)."""
    until = time.monotonic() + seconds
    while psutil.pid_exists(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not psutil.pid_exists(pid)


def test_killed_in_the_middle_of_an_answer(engine: LocalEngine, card: Callable[..., ModelCard]) -> None:
    engine.load(card("random"), "full", "cpu", lambda _: None)
    stream = engine.generate("r", [Message("user", "go")], Sampling(temperature=1.5, max_tokens=450))
    next(stream)
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(WorkerDied) as caught:
        list(stream)
    assert "SIGKILL" in caught.value.say("en") and "random" in caught.value.say("zh")
    assert not engine.alive
    with pytest.raises(WorkerDied):
        engine.count(["x"])
    assert gone(engine.pid), "a zombie is left"


def test_close_ends_the_process_and_running_answers(
    engine: LocalEngine, card: Callable[..., ModelCard]
) -> None:
    engine.load(card("random"), "full", "cpu", lambda _: None)
    stream = engine.generate("r", [Message("user", "go")], Sampling(temperature=1.5, max_tokens=450))
    next(stream)
    engine.close()
    assert not psutil.pid_exists(engine.pid)
    with pytest.raises(Unloaded):
        list(stream)
    engine.close()


def test_close_while_it_is_still_importing() -> None:
    engine = LocalEngine()
    engine.close()
    assert not psutil.pid_exists(engine.pid)


def test_nothing_grows_over_loads_and_unloads(card: Callable[..., ModelCard]) -> None:
    me = psutil.Process()

    def round_trip() -> None:
        engine = LocalEngine()
        engine.load(card("random"), "full", "cpu", lambda _: None)
        ask(engine, "hello", max_tokens=4)
        engine.close()
        assert not psutil.pid_exists(engine.pid)

    round_trip()
    files, threads, resident = me.num_fds(), me.num_threads(), me.memory_info().rss
    for _ in range(5):
        round_trip()
    assert me.num_fds() <= files
    assert me.num_threads() <= threads
    assert me.memory_info().rss < resident * 1.05
    assert not [child for child in me.children() if child.status() == psutil.STATUS_ZOMBIE]


def test_a_worker_does_not_outlive_a_killed_studio(tiny_models: Path) -> None:
    tests = Path(__file__).parents[1]
    studio = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, tiny_models / "random"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tests.parent,
        env=os.environ | {"PYTHONPATH": str(tests)},
    )
    assert studio.stdout is not None
    worker = int(studio.stdout.readline())
    studio.kill()
    studio.wait()
    studio.stdout.close()
    assert gone(worker)


def test_the_worker_is_light_and_offline(engine: LocalEngine, card: Callable[..., ModelCard]) -> None:
    engine.load(card("random"), "full", "cpu", lambda _: None)
    process = psutil.Process(engine.pid)
    environment = process.environ()
    assert environment["HF_HUB_OFFLINE"] == environment["TRANSFORMERS_OFFLINE"] == "1"
    assert environment["OMP_NUM_THREADS"] == str(physical_cores())
    mapped = {Path(entry.path).name for entry in process.memory_maps()}
    assert any(name.startswith("libtorch") for name in mapped)
    assert not any("chromadb" in name or "hnswlib" in name for name in mapped)
    assert not any("libtorch" in entry.path for entry in psutil.Process().memory_maps())
