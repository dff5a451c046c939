"""Documents come in completely or not at all, one bad file harms nobody, and removed ones are gone."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_documents
import numpy as np
import pytest
from fakes import FakeEngine, FakePool
from stand_ins import FakeCatalogue

from studio.knowledge import errors
from studio.knowledge.base import Knowledge
from studio.knowledge.types import Job
from studio.settings import Settings
from studio.store import Store

Write = Callable[..., Path]


class GatedEngine(FakeEngine):
    """Embeds one batch for each `gate.release()`."""

    def embed(self, texts: Sequence[str], kind: Any) -> np.ndarray:
        if kind == "passage":
            assert self.gate is not None
            assert self.gate.acquire(timeout=30)
        return super().embed(texts, kind)


@pytest.fixture
def gated(pool: FakePool, card: Any) -> Iterator[GatedEngine]:
    engine = GatedEngine(card=card)
    engine.gate = threading.Semaphore(0)
    pool._given["fake-embedder"] = engine
    yield engine
    engine.gate.release(1000)


def statuses(knowledge: Knowledge, *paths: Path) -> list[tuple[str, str]]:
    return [(result.path, result.status) for result in knowledge.add("papers", paths)]


def tables(store: Store) -> dict[str, int]:
    names = ("documents", "pages", "chunks", "vectors")
    return {name: store.rows(f"SELECT count(*) FROM {name}")[0][0] for name in names}


def originals(settings: Settings) -> set[str]:
    return {path.name for path in settings.files_dir.iterdir()}


def test_a_document_answers_with_page_and_exact_place(knowledge: Knowledge, write: Write) -> None:
    paper = write("paper.pdf", made_documents.pdf(["Apples are red.", "Bananas are yellow."]))
    [result] = knowledge.add("papers", [paper])
    assert (result.status, result.pages, result.chunks, result.error) == ("indexed", 2, 2, None)
    [hit] = knowledge.search("papers", "yellow bananas", k=1).hits
    assert (hit.document, hit.page, hit.text) == ("paper.pdf", 2, "Bananas are yellow.")
    [document] = knowledge.documents("papers")
    assert knowledge.page_text(document.id, 1)[hit.start : hit.end] == hit.text
    assert knowledge.verify("papers") == {
        "documents": 1,
        "chunks": 2,
        "lexical": 2,
        "vectors": 2,
        "agree": True,
    }


def test_progress_is_told_and_ends_with_the_result(knowledge: Knowledge, write: Write) -> None:
    seen: list[Job] = []
    knowledge.add("papers", [write("a.txt", "words " * 2000)], seen.append)
    assert seen[-1].stage == "done"
    assert seen[-1].result and seen[-1].result.chunks == seen[-1].total == seen[-1].done > 1
    assert seen[-1].knowledge_base == "papers"


def test_one_bad_file_stops_no_other(knowledge: Knowledge, write: Write, tmp_path: Path) -> None:
    files = [
        write("good.txt", "Good words."),
        write("empty.pdf", b""),
        write("cut.pdf", made_documents.pdf(["text"])[:400]),
        tmp_path / "missing.pdf",
        made_documents.sparse(tmp_path / "huge.txt", 200_000_000),
        write("picture.png", b"\x89PNG"),
        write("last.txt", "Last words."),
    ]
    results = knowledge.add("papers", files)
    assert [result.error["code"] if result.error else result.status for result in results] == [
        "indexed", "FileEmpty", "PdfDamaged", "FileNotFound", "FileTooLarge", "UnsupportedFormat", "indexed",
    ]  # fmt: skip
    assert all(result.error["en"] and result.error["zh"] for result in results if result.error)
    assert [document.path for document in knowledge.documents("papers")] == ["good.txt", "last.txt"]


def test_an_unreadable_file_says_so(
    knowledge: Knowledge, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("locked.txt", "words")
    whole_open = Path.open

    def refuse(self: Path, *args: Any, **kwargs: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return whole_open(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    [result] = knowledge.add("papers", [path])
    assert result.error and result.error["code"] == "FileUnreadable"


def test_the_same_again_is_unchanged_and_a_change_takes_its_place(
    knowledge: Knowledge, write: Write, store: Store, settings: Settings
) -> None:
    path = write("note.txt", "The old harbour. " * 200)
    assert statuses(knowledge, path) == [("note.txt", "indexed")]
    before = tables(store)
    assert statuses(knowledge, path) == [("note.txt", "unchanged")]
    assert tables(store) == before
    write("note.txt", "A new lighthouse.")
    assert statuses(knowledge, path) == [("note.txt", "indexed")]
    assert tables(store) == {"documents": 1, "pages": 1, "chunks": 1, "vectors": 1}
    assert len(originals(settings)) == 1
    assert knowledge.search("papers", "harbour", mode="lexical").hits == []
    assert [hit.text for hit in knowledge.search("papers", "lighthouse").hits] == ["A new lighthouse."]
    assert knowledge.verify("papers")["agree"]
    assert len(knowledge.jobs("papers")) == 1


def test_what_is_removed_is_gone_everywhere(
    knowledge: Knowledge, write: Write, store: Store, settings: Settings
) -> None:
    knowledge.add("papers", [write("a.txt", "Red apples. " * 300), write("b.txt", "Green pears.")])
    name, chunks = knowledge.remove("papers", "a.txt")
    assert name == "a.txt" and chunks > 1
    assert tables(store) == {"documents": 1, "pages": 1, "chunks": 1, "vectors": 1}
    assert len(originals(settings)) == 1
    for mode in ("hybrid", "dense", "lexical"):
        assert {hit.document for hit in knowledge.search("papers", "red apples", 10, mode).hits} <= {"b.txt"}
    assert knowledge.verify("papers") == {
        "documents": 1,
        "chunks": 1,
        "lexical": 1,
        "vectors": 1,
        "agree": True,
    }
    with pytest.raises(errors.UnknownDocument):
        knowledge.remove("papers", "a.txt")


def test_a_text_in_two_documents_is_embedded_once_and_kept_for_the_other(
    knowledge: Knowledge, write: Write, pool: FakePool, settings: Settings
) -> None:
    knowledge.add("papers", [write("a.txt", "Shared words."), write("b.txt", "Shared words.")])
    [engine] = pool.engines.values()
    assert engine.embedded == [(["Shared words."], "passage")]
    assert len(originals(settings)) == 1
    knowledge.remove("papers", "a.txt")
    assert [hit.document for hit in knowledge.search("papers", "shared words", mode="dense").hits] == [
        "b.txt"
    ]
    assert len(originals(settings)) == 1


def test_a_deleted_knowledge_base_leaves_nothing(
    knowledge: Knowledge, write: Write, store: Store, settings: Settings
) -> None:
    knowledge.add("papers", [write("a.txt", "words"), write("bad.pdf", b"%PDF-")])
    knowledge.delete("papers")
    assert knowledge.all() == []
    assert set(tables(store).values()) == {0}
    assert originals(settings) == set()
    assert not store.rows("SELECT 1 FROM sqlite_master WHERE name LIKE 'lexical_%'")
    knowledge.create("papers")
    assert knowledge.search("papers", "words").hits == []


def test_a_cancelled_file_never_answers_and_can_be_retried(
    knowledge: Knowledge, write: Write, gated: GatedEngine
) -> None:
    [job] = knowledge.enqueue("papers", [write("a.txt", "Some words. " * 3000)])
    knowledge.cancel(job.id)
    gated.gate.release(100)
    assert [result.status for result in knowledge.wait([job])] == ["cancelled"]
    assert knowledge.documents("papers") == []
    knowledge.retry(job.id)
    assert [result.status for result in knowledge.wait([job])] == ["indexed"]
    assert knowledge.verify("papers")["agree"]


def test_a_file_cancelled_while_it_is_embedded_leaves_nothing_in_the_indexes(
    knowledge: Knowledge, write: Write, gated: GatedEngine
) -> None:
    [job] = knowledge.enqueue("papers", [write("a.txt", " ".join(map(str, range(40_000))))])
    gated.gate.release(1)
    moved = threading.Event()

    def watch(state: Job) -> None:
        if state.stage == "embedding" and 0 < state.done < state.total:
            knowledge.cancel(job.id)
            moved.set()
            gated.gate.release(100)

    knowledge.wait([job], watch)
    assert moved.is_set()
    [other] = knowledge.add("papers", [write("b.txt", "Other words.")])
    assert other.status == "indexed"
    assert knowledge.verify("papers") == {
        "documents": 1,
        "chunks": 1,
        "lexical": 1,
        "vectors": 1,
        "agree": True,
    }


def test_a_knowledge_base_deleted_while_files_come_in(
    knowledge: Knowledge, write: Write, gated: GatedEngine, store: Store
) -> None:
    jobs = knowledge.enqueue("papers", [write("a.txt", "Some words. " * 3000)])
    knowledge.delete("papers")
    gated.gate.release(100)
    assert [result.status for result in knowledge.wait(jobs)] == ["cancelled"]
    knowledge.create("papers")
    assert [status for _, status in statuses(knowledge, write("b.txt", "Other."))] == ["indexed"]
    assert knowledge.verify("papers")["agree"]


def test_files_of_one_name_stay_apart(knowledge: Knowledge, write: Write) -> None:
    write("one/same.txt", "First words.")
    write("one/deep/same.txt", "Deep words.")
    write("two/same.txt", "Second words.")
    folder = write("two/same.txt", "Second words.").parent.parent
    results = knowledge.add("papers", [folder / "one", folder / "two"])
    assert [result.path for result in results] == ["same.txt", "deep/same.txt", "two/same.txt"]
    assert statuses(knowledge, folder / "two") == [("two/same.txt", "unchanged")]
    assert len(knowledge.documents("papers")) == 3


def test_folders_pass_over_what_is_no_document(knowledge: Knowledge, write: Write) -> None:
    for name in (".hidden.txt", "~$open.docx", "photo.jpg", "code.py", ".git/notes.txt"):
        write(f"folder/{name}", "x")
    write("folder/old.doc", "x")
    write("folder/note.md", "# Words")
    folder = write("folder/sub/deep.txt", "More words.").parent.parent
    assert statuses(knowledge, folder) == [
        ("note.md", "indexed"),
        ("old.doc", "failed"),
        ("sub/deep.txt", "indexed"),
    ]
    empty = folder / "nothing"
    empty.mkdir()
    [result] = knowledge.add("papers", [empty])
    assert result.error and result.error["code"] == "NothingToAdd"


def test_archives_are_taken_apart_safely(knowledge: Knowledge, write: Write, settings: Settings) -> None:
    content = made_documents.archive(
        {"a/note.txt": b"Inside words.", "../../evil.txt": b"Escaped?", "__MACOSX/x.txt": b"x", "p.png": b"x"}
    )
    results = knowledge.add("papers", [write("bundle.zip", content)])
    assert [(result.path, result.status) for result in results] == [
        ("a/note.txt", "indexed"),
        ("evil.txt", "indexed"),
    ]
    assert not (settings.data_dir.parent / "evil.txt").exists()


def test_archives_that_would_fill_the_disk_or_are_broken_are_refused(
    settings: Settings, open_knowledge: Callable[[], Knowledge], write: Write
) -> None:
    opened = open_knowledge()
    opened.create("papers")
    opened._settings.max_document_bytes = 1000
    bomb = made_documents.archive({f"{number}.txt": b"0" * 900 for number in range(50)})
    big = made_documents.archive({"big.txt": b"0" * 1100, "small.txt": b"words"})
    paths = [write("bomb.zip", bomb), write("big.zip", big), write("broken.zip", b"PK\x03\x04rest")]
    codes = [
        result.error["code"] if result.error else result.status for result in opened.add("papers", paths)
    ]
    assert codes == ["ArchiveTooLarge", "FileTooLarge", "indexed", "ArchiveDamaged"]


def test_uploads_may_vanish_once_they_are_queued(knowledge: Knowledge, write: Write) -> None:
    path = write("tmp-1/report.txt", "First version.")
    jobs = knowledge.enqueue("papers", [path], delete_after=True)
    assert not path.exists()
    assert [result.status for result in knowledge.wait(jobs)] == ["indexed"]
    newer = knowledge.enqueue("papers", [write("tmp-2/report.txt", "Second version.")], delete_after=True)
    knowledge.wait(newer)
    assert [hit.text for hit in knowledge.search("papers", "version").hits] == ["Second version."]


def test_an_embedder_that_fails_fails_the_file_and_the_next_one_works(
    knowledge: Knowledge, write: Write, pool: FakePool
) -> None:
    pool.refuse["fake-embedder"] = errors.EmbedderNotInstalled(model="fake")
    [result] = knowledge.add("papers", [write("a.txt", "words")])
    assert result.error and result.error["code"] == "EmbedderNotInstalled"
    pool.refuse.clear()
    [job] = knowledge.jobs("papers")
    knowledge.retry(job.id)
    assert [result.status for result in knowledge.wait([job])] == ["indexed"]


def test_an_embedder_whose_files_changed_is_not_mixed_in(
    knowledge: Knowledge, write: Write, catalogue: FakeCatalogue
) -> None:
    knowledge.add("papers", [write("a.txt", "Some words.")])
    catalogue._cards["fake-embedder"] = replace(catalogue._cards["fake-embedder"], revision="2")
    [result] = knowledge.add("papers", [write("b.txt", "words")])
    assert result.error and result.error["code"] == "EmbedderChanged"
    found = knowledge.search("papers", "some words")
    assert [hit.document for hit in found.hits] == ["a.txt"]
    assert [notice["code"] for notice in found.notices] == ["SearchedByWordsOnly"]
    with pytest.raises(errors.EmbedderChanged):
        knowledge.search("papers", "some words", mode="dense")


def test_questions_and_answers_are_found_by_their_question(
    open_knowledge: Callable[[], Knowledge], write: Write
) -> None:
    opened = open_knowledge()
    opened.create("faq", kind="qa")
    [result] = opened.add("faq", [write("faq.csv", "question,answer\nHow high is it?,It is 12 metres.\n")])
    assert result.status == "indexed"
    [hit] = opened.search("faq", "How high is it?", k=1).hits
    assert hit.text == "How high is it?\nIt is 12 metres."
    assert hit.dense and hit.dense > 0.999
    [wrong] = opened.add("faq", [write("note.txt", "words")])
    assert wrong.error and wrong.error["code"] == "PairsExpected"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"name": ""}, errors.InvalidName),
        ({"name": "two\nlines"}, errors.InvalidName),
        ({"name": "papers"}, errors.KnowledgeBaseExists),
        ({"name": "x", "chunk_size": 4}, errors.InvalidChunkSize),
        ({"name": "x", "chunk_size": 100, "overlap": 51}, errors.InvalidChunkSize),
        ({"name": "x", "embedder": "fake-chat"}, errors.NotAnEmbeddingModel),
    ],
)
def test_a_knowledge_base_that_cannot_be_made_says_why(
    knowledge: Knowledge, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        knowledge.create(**arguments)
    assert [base.name for base in knowledge.all()] == ["papers"]


def test_guests_see_only_what_was_opened(knowledge: Knowledge) -> None:
    assert not knowledge.get("papers").open_to_guests
    knowledge.set_open_to_guests("papers", True)
    assert knowledge.get("papers").open_to_guests
    with pytest.raises(errors.UnknownKnowledgeBase):
        knowledge.set_open_to_guests("nothing", True)


def test_names_that_are_no_utf8_come_in_and_stop_no_other(knowledge: Knowledge, write: Write) -> None:
    folder = write("folder/a.txt", "Red apples.").parent
    for name in (b"caf\xe9.txt", b"broken\xe9.pdf"):
        (folder / os.fsdecode(name)).write_bytes(b"Green pears.")
    (folder / os.fsdecode(b"d\xe9partement")).mkdir()
    (folder / os.fsdecode(b"d\xe9partement/b.txt")).write_bytes(b"Blue plums.")
    write("folder/z.txt", "Yellow lemons.")
    results = dict(statuses(knowledge, folder))
    assert results == {
        "a.txt": "indexed",
        "broken\\xe9.pdf": "failed",
        "caf\\xe9.txt": "indexed",
        "d\\xe9partement/b.txt": "indexed",
        "z.txt": "indexed",
    }
    assert knowledge.search("papers", "pears").hits[0].document == "caf\\xe9.txt"
    empty = folder / os.fsdecode(b"vid\xe9")
    empty.mkdir()
    assert statuses(knowledge, empty, folder / os.fsdecode(b"\xe9.zip")) == [
        ("vid\\xe9", "failed"),
        ("\\xe9.zip", "failed"),
    ]
    assert set(statuses(knowledge, folder)) >= {("caf\\xe9.txt", "unchanged")}
