"""Words are found as people type them, in any script, and leave nothing behind when removed."""

import pytest

from studio.knowledge import lexical
from studio.store import Store

BASE = "ab12"


@pytest.fixture
def index(store: Store) -> Store:
    with store.transaction() as connection:
        lexical.create(connection, BASE)
    return store


def fill(store: Store, *texts: str) -> None:
    with store.transaction() as connection:
        lexical.add(connection, BASE, [(number, lexical.words(text)) for number, text in enumerate(texts, 1)])


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("The dogs were running", "dog run"), ("国旗的通用尺度", "尺度"), ("查字典", "典"), ("字典", "字"),
        ("ＡＢＣ café naïve", "abc cafe naive"), ("MiniLM模型很小", "minilm"),
        ("हिन्दी भाषा", "हिन्दी"), ("한국어 문장", "한국어"),
        ("max_tokens = 5", "max tokens"), ("AT&T OR NOT", 'at "t" OR NOT *'), ("𠮷野家", "𠮷野"),
    ],
)  # fmt: skip
def test_finds(index: Store, text: str, query: str) -> None:
    fill(index, text, "something else 其他")
    assert [number for number, _ in lexical.search(index, BASE, query, 5)][:1] == [1]


@pytest.mark.parametrize("query", ["", "   ", "！？…", '"', "* OR", "()"])
def test_queries_without_words_find_nothing_and_do_not_fail(index: Store, query: str) -> None:
    fill(index, "text")
    assert lexical.search(index, BASE, query, 5) == []


def test_rarer_words_weigh_more_and_equals_come_in_order(index: Store) -> None:
    fill(index, "common one", "common two", "common rare", "common two")
    assert lexical.search(index, BASE, "common rare", 5)[0][0] == 3
    assert [number for number, _ in lexical.search(index, BASE, "two", 5)] == [2, 4]


def test_removed_text_is_found_no_more_and_the_index_stays_sound(index: Store) -> None:
    fill(index, "国旗的尺度 flag", "其他 words")
    with index.transaction() as connection:
        lexical.remove(connection, BASE, [(1, "国旗的尺度 flag")])
    assert lexical.search(index, BASE, "国旗 flag", 5) == []
    assert lexical.numbers(index, BASE) == {2}
    left = (
        index.rows(f"SELECT term FROM vocabulary_{BASE}")
        if index.rows(
            f"CREATE VIRTUAL TABLE temp.vocabulary_{BASE} USING fts5vocab(main, lexical_{BASE}, row)"
        )
        is not None
        else []
    )
    assert "flag" not in {row[0] for row in left}
