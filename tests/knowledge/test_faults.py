"""What fails around the ingest (the disk, the vector store) costs what it must and no more."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import pytest
from chromadb.config import Settings as ChromaSettings
from fakes import FakeEngine, FakePool

from studio.knowledge import ingest
from studio.knowledge.base import Knowledge
from studio.knowledge.errors import VectorsUnavailable
from studio.knowledge.vectors import VectorIndex
from studio.settings import Settings
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


def test_a_base_deleted_while_its_vectors_are_out_of_reach_leaves_nothing(
    open_knowledge: Callable[[], Knowledge],
    knowledge: Knowledge,
    store: Store,
    settings: Settings,
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    knowledge.add("papers", [write("a.txt", "Red apples.")])
    knowledge.create("kept")
    knowledge.add("kept", [write("b.txt", "Green pears.")])

    def down(*_: Any) -> None:
        raise VectorsUnavailable(name="papers", reason="down")

    with monkeypatch.context() as broken, pytest.raises(VectorsUnavailable):
        broken.setattr(VectorIndex, "drop", down)
        knowledge.delete("papers")
    assert [base.name for base in knowledge.all()] == ["kept"]
    assert len(list(settings.files_dir.iterdir())) == store.rows("SELECT count(*) FROM vectors")[0][0] == 1
    knowledge.close()
    again = open_knowledge()
    assert again.verify("kept")["agree"]
    again.close()
    client = chromadb.PersistentClient(settings.chroma_dir, ChromaSettings(anonymized_telemetry=False))
    assert len(client.list_collections()) == 1
    client.close()


def test_originals_that_nobody_needs_go_at_the_next_start(
    open_knowledge: Callable[[], Knowledge], knowledge: Knowledge, settings: Settings, write: Write
) -> None:
    knowledge.add("papers", [write("a.txt", "Red apples."), write("b.pdf", b"no pdf")])
    needed = {path.name for path in settings.files_dir.iterdir()}
    assert len(needed) == 2
    knowledge.close()
    for name in ("f" * 64, "incoming-x", "notes of a person"):
        (settings.files_dir / name).write_text("left behind")
    assert open_knowledge().resume() == 0
    assert {path.name for path in settings.files_dir.iterdir()} == {*needed, "notes of a person"}


def test_originals_of_failed_and_cancelled_jobs_go_with_them(
    knowledge: Knowledge, settings: Settings, held: HeldEngine, write: Write
) -> None:
    path = write("a.txt", "Red apples.")
    [job] = knowledge.enqueue("papers", [path])
    knowledge.cancel(job.id)
    held.go.set()
    write("a.txt", b"\x00")
    knowledge.add("papers", [path])
    write("a.txt", "Green pears.")
    knowledge.add("papers", [path])
    assert [each.sha256 for each in knowledge.documents("papers")] == [
        each.name for each in settings.files_dir.iterdir()
    ]
    # A later version that was cancelled: the earlier one answers still, and takes both along as it goes.
    write("a.txt", "Blue plums.")
    held.go.clear()
    held.reached.clear()
    [job] = knowledge.enqueue("papers", [path])
    assert held.reached.wait(timeout=30)
    knowledge.cancel(job.id)
    held.go.set()
    knowledge.wait([job])
    assert len(list(settings.files_dir.iterdir())) == 2
    knowledge.remove("papers", "a.txt")
    assert list(settings.files_dir.iterdir()) == []


def test_a_rebuild_while_a_document_comes_in_leaves_it_its_vectors(
    knowledge: Knowledge, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = threading.Event()
    store_document = ingest.Ingest._store_document

    def rebuild() -> None:
        assert served.wait(timeout=30)
        knowledge.verify("papers", rebuild=True)

    rebuilding = threading.Thread(target=rebuild)

    def store_late(self: ingest.Ingest, prepared: ingest.Prepared) -> None:
        served.set()
        # A rebuild that is not kept out is through by then.
        rebuilding.join(timeout=0.5)
        store_document(self, prepared)

    monkeypatch.setattr(ingest.Ingest, "_store_document", store_late)
    rebuilding.start()
    knowledge.add("papers", [write("a.txt", "Red apples.")])
    rebuilding.join(timeout=30)
    assert knowledge.verify("papers")["agree"]
