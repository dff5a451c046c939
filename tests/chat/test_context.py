"""The context ledger: what goes in, what stays out, and that the prompt never outgrows the context."""

from collections.abc import Sequence

import pytest
from fakes import FakeEngine
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import chunk

from studio.chat.context import MINIMUM_ANSWER, Fit, fit_context
from studio.chat.errors import NoRoomForEvidence, QuestionTooLong
from studio.chat.events import Turn
from studio.engines.base import Message
from studio.knowledge.types import Evidence

ENGINE = FakeEngine()


def turn(n: int, words: int) -> Turn:
    return Turn(f"t{n}", "word " * words, "word " * words, "done", "m", "full", {}, 0.0)


def passage(n: int, words: int) -> Evidence:
    return chunk("word " * words, n)


def fit(
    context: int, reserve: int, turns: Sequence[Turn], evidence: Sequence[Evidence], question: int = 10
) -> tuple[Fit, int]:
    """The fit, and the tokens of its prompt."""

    def write(turns: Sequence[Turn], evidence: Sequence[Evidence]) -> list[Message]:
        earlier = [
            message
            for each in turns
            for message in (Message("user", each.question), Message("assistant", each.answer))
        ]
        found = "".join(f"[{n}] {each.document}\n{each.text}\n" for n, each in enumerate(evidence, 1))
        return [Message("system", "Be brief."), *earlier, Message("user", found + "word " * question)]

    chosen = fit_context(ENGINE, context, reserve, turns, evidence, write)
    return chosen, ENGINE.count([ENGINE.render(write(chosen.turns, chosen.evidence))])[0]


def names(entries: list[dict[str, object]]) -> list[object]:
    return [entry["id"] for entry in entries]


def test_everything_goes_in_where_there_is_room() -> None:
    chosen, _ = fit(2000, 500, [turn(1, 50), turn(2, 50)], [passage(1, 100), passage(2, 100)])
    assert names(chosen.ledger.kept) == ["c1", "c2", "t1", "t2"]
    assert chosen.ledger.dropped == []
    assert all(entry["tokens"] >= 100 and entry["reason"] for entry in chosen.ledger.kept)


def test_the_oldest_turns_stay_out_first() -> None:
    turns = [turn(n, 100) for n in range(1, 6)]
    chosen, tokens = fit(1000, 300, turns, [])
    assert [each.id for each in chosen.turns] == ["t3", "t4", "t5"]
    assert names(chosen.ledger.dropped) == ["t1", "t2"]
    assert all("room" in entry["reason"] for entry in chosen.ledger.dropped)
    assert tokens <= 700


def test_turns_have_no_gap() -> None:
    chosen, _ = fit(1000, 300, [turn(1, 10), turn(2, 400), turn(3, 10)], [])
    assert [each.id for each in chosen.turns] == ["t3"]


def test_evidence_goes_before_history_and_keeps_its_order() -> None:
    chosen, tokens = fit(1000, 300, [turn(1, 200)], [passage(1, 200), passage(2, 600), passage(3, 200)])
    assert [each.chunk_id for each in chosen.evidence] == ["c1", "c3"]
    assert names(chosen.ledger.dropped) == ["c2", "t1"]
    assert tokens <= 700


def test_a_long_question_takes_room_from_the_answer() -> None:
    chosen, tokens = fit(1000, 900, [turn(1, 10)], [], question=500)
    assert chosen.turns == []
    assert 100 < tokens <= 1000 - MINIMUM_ANSWER


def test_a_question_that_is_too_long_alone_says_both_numbers() -> None:
    with pytest.raises(QuestionTooLong) as refused:
        fit(1000, 100, [turn(1, 10)], [passage(1, 10)], question=950)
    assert refused.value.facts["tokens"] > 950
    assert refused.value.facts["limit"] == 1000 - MINIMUM_ANSWER


def test_no_room_for_one_chunk_is_said() -> None:
    with pytest.raises(NoRoomForEvidence):
        fit(1000, 100, [], [passage(1, 900)], question=100)


@given(
    context=st.integers(100, 3000),
    reserve=st.integers(1, 3000),
    turns=st.lists(st.integers(0, 400), max_size=8),
    chunks=st.lists(st.integers(1, 400), max_size=6),
    question=st.integers(1, 600),
)
def test_the_prompt_never_outgrows_the_context(
    context: int, reserve: int, turns: list[int], chunks: list[int], question: int
) -> None:
    history = [turn(n, words) for n, words in enumerate(turns)]
    evidence = [passage(n, words) for n, words in enumerate(chunks, 1)]
    try:
        chosen, tokens = fit(context, reserve, history, evidence, question)
    except (QuestionTooLong, NoRoomForEvidence):
        _, needed = fit(10_000, 100, [], evidence[:1], question)
        assert needed > context - MINIMUM_ANSWER
        return
    assert tokens <= max(context - reserve, context - MINIMUM_ANSWER)
    assert chosen == fit(context, reserve, history, evidence, question)[0]
    assert len(chosen.ledger.kept) + len(chosen.ledger.dropped) == len(turns) + len(chunks)
    assert history[len(history) - len(chosen.turns) :] == chosen.turns
    if evidence:
        assert chosen.evidence[0] == evidence[0]
