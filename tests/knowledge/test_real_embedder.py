"""The packaged embedder, its worker and the real stores together."""

from collections.abc import Callable, Iterator
from pathlib import Path

import made_documents
import pytest

from studio.engines.pool import Pool
from studio.knowledge.base import Knowledge
from studio.models.catalogue import Catalogue
from studio.settings import Settings
from studio.store import Store


@pytest.fixture
def real(settings: Settings, store: Store) -> Iterator[Knowledge]:
    pool = Pool(settings)
    knowledge = Knowledge(settings, store, Catalogue(settings, store), pool)
    yield knowledge
    knowledge.close()
    pool.close()


def test_questions_in_other_words_and_in_chinese_find_their_page(
    real: Knowledge, write: Callable[..., Path]
) -> None:
    real.create("papers")
    paper = made_documents.pdf(
        [
            "The harbour was built of granite in 1872 and enlarged twice.",
            "Physicians advise adults to rest for about eight hours every night.",
            "The parliament passed the budget after a long debate.",
        ]
    )
    law = made_documents.word(
        ("Normal", "第一章 总则"),
        ("Normal", "第一条 国旗的通用尺度为五种尺度。"),
        ("Normal", "第二章 附则"),
        ("Normal", "第二条 本法自公布之日起施行。"),
    )
    results = real.add("papers", [write("paper.pdf", paper), write("law.docx", law)])
    assert [(result.status, result.pages) for result in results] == [("indexed", 3), ("indexed", 0)]
    assert real.verify("papers")["agree"]

    # No word in common with the page but the meaning
    [hit] = real.search("papers", "How long should a grown-up sleep?", k=1, mode="dense").hits
    assert (hit.document, hit.page) == ("paper.pdf", 2)

    result = real.search("papers", "国旗有几种尺度？", k=2)
    assert (result.hits[0].document, result.hits[0].page, result.hits[0].heading) == (
        "law.docx",
        None,
        "第一章 总则",
    )
    assert {hit.document for hit in result.hits} == {"law.docx"}
    assert [notice["code"] for notice in result.notices] == ["EmbedderCannotReadQuestion"]
