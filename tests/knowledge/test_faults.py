"""What fails around the ingest (the disk, the vector store) costs what it must and no more."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FakeEngine, FakePool

from studio.knowledge import ingest
from studio.knowledge.base import Knowledge
from studio.store import Store

Write = Callable[..., Path]


class HeldEngine(FakeEngine):
    """Embeds documents only while `go` is set; `reached` tells that one waits."""

    def __init__(self, **given: Any):
        super().__init__(**given)
        self.go, self.reached = threading.Event(), threading.Event()

    def embed(self, texts: Sequence[str], kind: Any) -> np.ndarray:
        if kind == "passage":
            self.reached.set()
            assert self.go.wait(timeout=30)
        return super().embed(texts, kind)


@pytest.fixture
def held(pool: FakePool, card: Any) -> Iterator[HeldEngine]:
    engine = HeldEngine(card=card)
    pool._given["fake-embedder"] = engine
    yield engine
    engine.go.set()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_disk_that_takes_no_writes_stops_the_ingest_only_as_long(
    knowledge: Knowledge,
    store: Store,
    held: HeldEngine,
    write: Write,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ingest, "_PAUSE", 0.05)
    jobs = knowledge.enqueue("papers", [write("a.txt", "Red apples.")])
    assert held.reached.wait(timeout=30)

    def told(thread: str) -> bool:
        return any(
            record.levelno == logging.ERROR and "go on" in record.message and thread in str(record.threadName)
            for record in caplog.records
        )

    store.write("PRAGMA query_only = ON")
    held.go.set()
    until(lambda: told("embed") and told("parse"))
    store.write("PRAGMA query_only = OFF")
    assert [result.status for result in knowledge.wait(jobs)] == ["indexed"]
    assert [result.status for result in knowledge.add("papers", [write("b.txt", "Pears.")])] == ["indexed"]
    assert knowledge.verify("papers")["agree"]
