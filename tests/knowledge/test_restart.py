"""A studio killed at any moment goes on where it was: nothing is lost, half there or embedded twice."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import FakePool
from stand_ins import FakeCatalogue

from studio.knowledge.base import Knowledge
from studio.models.card import ModelCard
from studio.settings import Settings
from studio.store import Store

HERE = Path(__file__).resolve().parent
# With batches of 64 the first document takes several.
LONG = "\n\n".join(
    f"Paragraph {number} tells of the harbour and its {number} ships." for number in range(3000)
)


@pytest.mark.parametrize("point", ["parsing", "embedding", "serving", "storing", "stored"])
def test_a_killed_ingest_goes_on_where_it_was(
    settings: Settings, catalogue: FakeCatalogue, pool: FakePool, card: ModelCard, tmp_path: Path,
    write: Callable[..., Path], point: str,
) -> None:  # fmt: skip
    files = [write("long.txt", LONG), write("short.txt", "A lighthouse.")]
    log = tmp_path / "embedded.log"
    log.touch()
    command = [
        sys.executable,
        str(HERE / "ingest_and_die.py"),
        str(settings.data_dir),
        str(card.path),
        str(log),
        point,
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE.parent.parent)])}
    killed = subprocess.run([*command, *map(str, files)], env=environment, timeout=120, capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    for file in files:
        file.unlink()

    store = Store(settings.database)
    chosen = settings.model_copy(update={"embedder": "fake-embedder"})
    knowledge = Knowledge(chosen, store, catalogue, pool)  # type: ignore[arg-type]
    try:
        assert all(document.chunks for document in knowledge.documents("papers"))
        knowledge.search("papers", "harbour")
        knowledge.resume()
        results = knowledge.wait(knowledge.jobs("papers"))
        assert next((result.path, result.status) for result in results) == ("long.txt", "indexed")
        assert {document.path for document in knowledge.documents("papers")} >= {"long.txt"}
        knowledge.add("papers", [write("short.txt", "A lighthouse.")])
        state = knowledge.verify("papers")
        assert state["documents"] == 2 and state["agree"], state
        assert store.rows("SELECT count(*) FROM vectors")[0][0] == state["chunks"]
        assert not list(settings.files_dir.glob("incoming-*"))
        embedded = len(log.read_text().splitlines())
        embedded += sum(
            len(texts)
            for engine in pool.engines.values()
            for texts, kind in engine.embedded
            if kind == "passage"
        )
        assert embedded == state["chunks"]
    finally:
        knowledge.close()
        store.close()


def test_orphans_in_the_vector_store_never_answer_and_a_rebuild_clears_them(
    knowledge: Knowledge, store: Store, write: Callable[..., Path]
) -> None:
    knowledge.add("papers", [write("a.txt", "Red apples."), write("b.txt", "Green pears.")])
    # As if the studio had been killed between the two stores.
    store.write("DELETE FROM documents WHERE path = 'a.txt'")
    assert not knowledge.verify("papers")["agree"]
    assert {hit.document for hit in knowledge.search("papers", "red apples", mode="dense").hits} == {"b.txt"}
    assert knowledge.verify("papers", rebuild=True) == {
        "documents": 1, "chunks": 1, "lexical": 1, "vectors": 1, "agree": True,
    }  # fmt: skip


def test_a_lost_vector_store_is_rebuilt_without_embedding(
    open_knowledge: Callable[[], Knowledge], settings: Settings, pool: FakePool, write: Callable[..., Path]
) -> None:
    import shutil

    first = open_knowledge()
    first.create("papers")
    first.add("papers", [write("a.txt", "Red apples."), write("b.txt", "Green pears.")])
    first.close()
    shutil.rmtree(settings.chroma_dir)
    [engine] = pool.engines.values()
    engine.embedded.clear()
    second = open_knowledge()
    assert [hit.document for hit in second.search("papers", "apples").hits] == ["a.txt"]
    assert not second.verify("papers")["agree"]
    assert second.verify("papers", rebuild=True)["agree"]
    assert [kind for _, kind in engine.embedded] == ["query"]
    assert second.search("papers", "red apples", mode="dense").hits[0].document == "a.txt"
