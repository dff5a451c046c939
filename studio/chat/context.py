"""The context ledger: what of a conversation and its evidence goes into a model's context, and what not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from studio.chat.errors import NoRoomForEvidence, QuestionTooLong
from studio.chat.events import ContextLedger, Turn
from studio.engines.base import Engine, Message
from studio.knowledge.types import Evidence

# An answer gets at least this many tokens (some forty English words); a prompt that leaves less is refused.
MINIMUM_ANSWER = 64
# What a chat template adds around one message; more than the usual ones do, so that a sum never falls short.
MESSAGE_OVERHEAD = 8

Write = Callable[[Sequence[Turn], Sequence[Evidence]], list[Message]]


@dataclass(frozen=True, slots=True)
class Fit:
    """The turns (oldest first) and the evidence (best first) that go in, and the ledger that says so."""

    turns: list[Turn]
    evidence: list[Evidence]
    ledger: ContextLedger


def fit_context(
    engine: Engine,
    context_length: int,
    max_tokens: int,
    turns: Sequence[Turn],
    evidence: Sequence[Evidence],
    write: Write,
) -> Fit:
    """Choose what fits into `context_length - max_tokens` tokens, counted on the prompt as the model gets it.

    Evidence goes first, best first, then the most recent turns without a gap. `write(turns, evidence)` gives
    the messages of a prompt that holds these. The same input always gives the same choice.

    A question that needs more room takes it from the answer, down to `MINIMUM_ANSWER` tokens. Raises
    `QuestionTooLong`, or `NoRoomForEvidence` when the question fits but not one chunk beside it.
    """
    everything = engine.render(write(turns, evidence))
    counts = engine.count([everything, *map(_passage, evidence), *map(_exchange, turns)])
    total, costs = counts[0], counts[1:]
    chunk_costs = costs[: len(evidence)]
    turn_costs = [cost + 2 * MESSAGE_OVERHEAD for cost in costs[len(evidence) :]]
    room = context_length - max_tokens
    if total <= room:
        return _fit(
            turns, evidence, chunk_costs, turn_costs, set(range(len(turns))), set(range(len(evidence)))
        )

    required = _required(engine, context_length, evidence, write)
    room = max(room, required)
    chunks = _best_chunks(chunk_costs, room - required)
    left = room - required - sum(chunk_costs[index] for index in chunks if index > 0)
    recent = _recent_turns(turn_costs, left)
    while recent or len(chunks) > 1:
        chosen = write([turns[i] for i in sorted(recent)], [evidence[i] for i in sorted(chunks)])
        if engine.count([engine.render(chosen)])[0] <= room:
            break
        if recent:
            recent.remove(min(recent))
        else:
            chunks.remove(max(chunks))
    return _fit(turns, evidence, chunk_costs, turn_costs, recent, chunks)


def _required(engine: Engine, context_length: int, evidence: Sequence[Evidence], write: Write) -> int:
    """Tokens of the smallest prompt there is: the question, with the best chunk when there is evidence."""
    limit = context_length - MINIMUM_ANSWER
    required, bare = engine.count([engine.render(write([], evidence[:1])), engine.render(write([], []))])
    if bare > limit:
        raise QuestionTooLong(tokens=bare, limit=max(limit, 0))
    if required > limit:
        raise NoRoomForEvidence(context=context_length)
    return required


def _best_chunks(costs: Sequence[int], room: int) -> set[int]:
    """The first chunk is part of what is required; of the others, best first, each that still fits."""
    chosen = {0} if costs else set()
    for index, cost in enumerate(costs):
        if index > 0 and cost <= room:
            chosen.add(index)
            room -= cost
    return chosen


def _recent_turns(costs: Sequence[int], room: int) -> set[int]:
    chosen: set[int] = set()
    for index in reversed(range(len(costs))):
        if costs[index] > room:
            break
        chosen.add(index)
        room -= costs[index]
    return chosen


def _fit(
    turns: Sequence[Turn],
    evidence: Sequence[Evidence],
    chunk_costs: Sequence[int],
    turn_costs: Sequence[int],
    kept_turns: set[int],
    kept_chunks: set[int],
) -> Fit:
    ledger = ContextLedger(kept=[], dropped=[])
    for index, chunk in enumerate(evidence):
        _note(ledger, index in kept_chunks, "chunk", chunk.chunk_id, chunk_costs[index])
    for index, turn in enumerate(turns):
        _note(ledger, index in kept_turns, "turn", turn.id, turn_costs[index])
    return Fit(
        turns=[turn for index, turn in enumerate(turns) if index in kept_turns],
        evidence=[chunk for index, chunk in enumerate(evidence) if index in kept_chunks],
        ledger=ledger,
    )


def _note(ledger: ContextLedger, kept: bool, what: str, id: str, tokens: int) -> None:
    entry: dict[str, Any] = {"what": what, "id": id, "tokens": tokens}
    if kept:
        ledger.kept.append(entry | {"reason": "fits"})
    else:
        ledger.dropped.append(entry | {"reason": "no room left in the model's context"})


def _passage(chunk: Evidence) -> str:
    return f"[1] {chunk.document} {chunk.page} {chunk.heading}\n{chunk.text}\n\n"


def _exchange(turn: Turn) -> str:
    return f"{turn.question}\n{turn.answer}"
