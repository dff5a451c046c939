"""Dense and lexical search are fused, as far as the embedder can read."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakePool
from stand_ins import FakeCatalogue

from studio.knowledge.base import Knowledge
from studio.knowledge.errors import UnknownKnowledgeBase, UnknownMode
from studio.knowledge.types import SearchResult

Write = Callable[..., Path]


def codes(result: SearchResult) -> list[str]:
    return [notice["code"] for notice in result.notices]


def documents(result: SearchResult) -> list[str]:
    return [hit.document for hit in result.hits]


@pytest.fixture
def mixed(knowledge: Knowledge, write: Write) -> Knowledge:
    """English and Chinese documents under an English embedder."""
    knowledge.add(
        "papers",
        [
            write("apples.txt", "Apples grow on trees in the garden."),
            write("ships.txt", "Ships sail over the sea with apples."),
            write("flag.txt", "国旗的通用尺度为国旗制法说明中所列明的五种尺度。"),
            write("law.txt", "公民的合法权益受法律保护。"),
        ],
    )
    return knowledge


def test_evidence_carries_the_scores_of_both_sides(mixed: Knowledge) -> None:
    result = mixed.search("papers", "apples in the garden", k=2)
    first = result.hits[0]
    assert first.document == "apples.txt"
    assert first.score == pytest.approx(2 / 61)
    assert first.dense and first.lexical
    assert result.seconds > 0


def test_a_question_the_embedder_cannot_read_is_decided_by_words(mixed: Knowledge, pool: FakePool) -> None:
    [engine] = pool.engines.values()
    engine.embedded.clear()
    result = mixed.search("papers", "国旗的尺度", k=4)
    assert documents(result) == ["flag.txt"]
    assert codes(result) == ["EmbedderCannotReadQuestion"]
    assert result.hits[0].dense is None
    assert engine.embedded == []


def test_a_document_the_embedder_cannot_read_comes_in_by_its_words_only(mixed: Knowledge) -> None:
    assert [len(each.notices) for each in mixed.documents("papers")] == [0, 1, 1, 0]
    result = mixed.search("papers", "apples", k=4)
    assert set(documents(result)) == {"apples.txt", "ships.txt"}
    assert codes(result) == ["EmbedderCannotReadDocuments"]
    mixed.remove("papers", "law.txt")
    assert codes(mixed.search("papers", "apples", k=4)) == ["EmbedderCannotReadDocument"]


def test_dense_search_does_as_it_is_told_and_says_what_it_is_worth(mixed: Knowledge) -> None:
    result = mixed.search("papers", "国旗的尺度", k=4, mode="dense")
    assert len(result.hits) == 4
    assert codes(result) == ["DenseSearchBlind"]


def test_an_embedder_that_reads_every_language_takes_part_in_all(
    mixed: Knowledge, catalogue: FakeCatalogue
) -> None:
    known = catalogue._cards["fake-embedder"]
    catalogue._cards["fake-embedder"] = replace(known, languages=("multilingual",))
    assert codes(mixed.search("papers", "国旗的尺度")) != ["EmbedderCannotReadQuestion"]
    assert mixed.search("papers", "国旗的尺度").hits[0].document == "flag.txt"


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_odd_questions_are_answered_sensibly(mixed: Knowledge, mode: str) -> None:
    for query in ("", "   ", "\n"):
        assert mixed.search("papers", query, mode=mode).hits == []  # type: ignore[arg-type]
    assert mixed.search("papers", "apples", k=0, mode=mode).hits == []  # type: ignore[arg-type]
    assert len(mixed.search("papers", "apples", k=1000, mode=mode).hits) <= 4  # type: ignore[arg-type]
    assert mixed.search("papers", "apples " * 5000, mode=mode).hits  # type: ignore[arg-type]


def test_an_empty_knowledge_base_finds_nothing_without_loading_anything(
    knowledge: Knowledge, pool: FakePool
) -> None:
    assert knowledge.search("papers", "anything").hits == []
    assert pool.loads == []
    with pytest.raises(UnknownKnowledgeBase):
        knowledge.search("nothing", "anything")
    with pytest.raises(UnknownMode):
        knowledge.search("papers", "anything", mode="best")  # type: ignore[arg-type]


def test_many_questions_are_embedded_together_and_answered_as_one_by_one(
    mixed: Knowledge, pool: FakePool
) -> None:
    [engine] = pool.engines.values()
    engine.embedded.clear()
    questions = ["apples", "", "ships on the sea", "apples", "国旗"]
    together = mixed.search_many("papers", questions, k=2)
    assert engine.embedded == [(["apples", "ships on the sea"], "query")]
    assert [result.query for result in together] == questions
    assert [result.hits for result in together] == [
        mixed.search("papers", each, k=2).hits for each in questions
    ]


def test_equal_chunks_come_in_the_order_of_the_documents(knowledge: Knowledge, write: Write) -> None:
    knowledge.add("papers", [write(f"{name}.txt", "The same words.") for name in "cab"])
    for mode in ("hybrid", "lexical"):
        assert documents(knowledge.search("papers", "same words", mode=mode)) == ["c.txt", "a.txt", "b.txt"]  # type: ignore[arg-type]


def test_knowledge_bases_do_not_see_each_other(knowledge: Knowledge, write: Write) -> None:
    knowledge.create("other")
    path = write("a.txt", "Red apples.")
    knowledge.add("papers", [path])
    knowledge.add("other", [path])
    assert knowledge.remove("papers", "a.txt") == ("a.txt", 1)
    assert knowledge.search("papers", "apples").hits == []
    assert documents(knowledge.search("other", "apples")) == ["a.txt"]
    assert knowledge.verify("other")["agree"]


def test_langchain_users_get_documents_with_the_evidence_as_metadata(mixed: Knowledge) -> None:
    retriever = mixed.retriever("papers", k=1)
    [document] = retriever.invoke("apples in the garden")
    [hit] = mixed.search("papers", "apples in the garden", k=1).hits
    assert document.page_content == hit.text
    assert document.metadata == hit.as_dict()
    assert [notice["code"] for notice in retriever.notices] == ["EmbedderCannotReadDocuments"]
