"""Text comes out of tokens whole: no half characters, no stop strings, in linear time."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from studio.engines.worker.stream import Detokenizer, StopStrings

TEXTS = [
    "Plain English, with spaces.",
    "从前有座山，山上有座庙。",
    "混合 mixed 文本🙂 and 👩‍👩‍👧 emoji 🇨🇳",
    "é à ü — “quotes” …",
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """One token a byte."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    return made


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_are_whole_characters(tokenizer: Tokenizer, text: str) -> None:
    stream = Detokenizer(tokenizer.decode)
    pieces = [stream.add(token) for token in tokenizer.encode(text).ids]
    assert "".join(pieces) + stream.rest() == text
    assert not any("�" in piece for piece in pieces)


def test_an_unfinished_character_at_the_end_is_left_out(tokenizer: Tokenizer) -> None:
    stream = Detokenizer(tokenizer.decode)
    ids = tokenizer.encode("山上").ids
    assert "".join(stream.add(token) for token in ids[:-1]) + stream.rest() == "山"


def test_bytes_that_are_no_text_do_not_hold_back_what_follows(tokenizer: Tokenizer) -> None:
    stream = Detokenizer(tokenizer.decode)
    broken = [tokenizer.encode("山").ids[0]] * 40
    shown = "".join(stream.add(token) for token in [*broken, *tokenizer.encode("after").ids])
    assert shown.endswith("after")


def test_each_token_is_decoded_a_bounded_number_of_times(tokenizer: Tokenizer) -> None:
    decoded = 0

    def counting(ids):
        nonlocal decoded
        decoded += len(ids)
        return tokenizer.decode(ids)

    stream = Detokenizer(counting)
    ids = tokenizer.encode("山上有座庙 temple " * 100).ids
    for token in ids:
        stream.add(token)
    assert decoded <= 12 * len(ids)


@pytest.mark.parametrize(
    ("pieces", "shown", "hit"),
    [
        (["a", "b\n", "Us", "er", ": x"], "ab", True),
        (["a\n", "Us", "ing it"], "a\nUsing it", False),
        (["one\nUser: two"], "one", True),
        (["ends with \nUs"], "ends with \nUs", False),
        (["x\n\n", "User:"], "x\n", True),
    ],
)
def test_stop_strings(pieces: list[str], shown: str, hit: bool) -> None:
    stops = StopStrings(["\nUser:", "###"])
    text = "".join(stops.add(piece) for piece in pieces)
    assert stops.hit == hit
    assert text + ("" if hit else stops.rest()) == shown


def test_nothing_is_held_back_without_need() -> None:
    stops = StopStrings(["\nUser:"])
    assert stops.add("hello") == "hello"
