"""Generating with real, tiny models in a real worker."""

import threading
from collections.abc import Callable

import pytest
from engine_help import ANSWER, QUESTION, ask

from studio.engines.base import Done, Message, Sampling, Text
from studio.engines.errors import NotAble, NotAChatModel, NotAnEmbedder, PromptTooLong
from studio.engines.local import LocalEngine
from studio.models.card import ModelCard
from studio.models.errors import NoWeights


def test_chinese_and_emoji_arrive_whole(parrot: LocalEngine) -> None:
    events = list(
        parrot.generate("story", [Message("user", QUESTION)], Sampling(temperature=0, max_tokens=200))
    )
    pieces = [event.text for event in events if isinstance(event, Text)]
    assert "".join(pieces) == ANSWER
    assert not any("�" in piece for piece in pieces)
    assert len(pieces) > 20, "the answer has to come piece by piece"


def test_an_answer_ends_where_the_model_ends_it(parrot: LocalEngine) -> None:
    _, done = ask(parrot, QUESTION, max_tokens=400)
    assert done.reason == "stop"
    assert done.usage.completion_tokens == len(ANSWER.encode()) + 1
    assert done.usage.prompt_tokens == parrot.count([parrot.render([Message("user", QUESTION)])])[0]
    assert done.usage.ttft_seconds is not None and done.usage.ttft_seconds > 0
    assert done.usage.tokens_per_second is not None and done.usage.tokens_per_second > 0


def test_max_tokens_cuts(parrot: LocalEngine) -> None:
    text, done = ask(parrot, QUESTION, max_tokens=7)
    assert (done.reason, done.usage.completion_tokens) == ("length", 7)
    assert text == "从前", "the third character lacks a byte"


def test_a_stop_string_ends_the_answer_before_it(parrot: LocalEngine) -> None:
    text, done = ask(parrot, QUESTION, max_tokens=400, stop=("庙里",))
    assert (text, done.reason) == (ANSWER.split("庙里")[0], "stop")


@pytest.mark.parametrize("still", [{"temperature": 0.0}, {"temperature": 0.9, "top_p": 0.0}])
def test_temperature_or_top_p_of_zero_is_greedy(babbler: LocalEngine, still: dict[str, float]) -> None:
    first, _ = ask(babbler, "hello", **still)
    again, _ = ask(babbler, "hello", **still)
    assert first == again == ask(babbler, "hello", temperature=5.0, top_p=1e-9)[0]


def test_a_seed_repeats_an_answer_and_another_one_does_not(babbler: LocalEngine) -> None:
    def draw(seed: int | None) -> str:
        return ask(babbler, "hello", temperature=1.5, top_p=1.0, seed=seed)[0]

    assert draw(1) == draw(1)
    assert len({draw(1), draw(2), draw(None), draw(None)}) == 4


def test_temperature_and_top_p_reach_generation(babbler: LocalEngine) -> None:
    greedy, _ = ask(babbler, "hello")
    cold, _ = ask(babbler, "hello", temperature=0.001, top_p=1.0, seed=3)
    hot, _ = ask(babbler, "hello", temperature=5.0, top_p=1.0, seed=3)
    narrow, _ = ask(babbler, "hello", temperature=5.0, top_p=0.001, seed=3)
    assert cold == greedy == narrow
    # The folder's generation_config.json asks for top_k 1, which would make this greedy too.
    assert hot != greedy


def test_cancel_from_another_thread(babbler: LocalEngine) -> None:
    events = []
    stream = babbler.generate("stop me", [Message("user", "go")], Sampling(temperature=1.5, max_tokens=450))
    for event in stream:
        events.append(event)
        if len(events) == 5:
            threading.Thread(target=babbler.cancel, args=("stop me",)).start()
    assert isinstance(events[-1], Done)
    assert events[-1].reason == "cancelled"
    assert events[-1].usage.completion_tokens < 450


def test_a_dropped_stream_is_cancelled_and_the_next_answer_comes(babbler: LocalEngine) -> None:
    stream = babbler.generate("dropped", [Message("user", "go")], Sampling(temperature=1.5, max_tokens=450))
    next(stream)
    stream.close()
    _, done = ask(babbler, "hello", max_tokens=3)
    assert done.usage.completion_tokens == 3


def test_cancelling_what_waits_its_turn(babbler: LocalEngine) -> None:
    first = babbler.generate("first", [Message("user", "go")], Sampling(temperature=1.5, max_tokens=450))
    next(first)
    reasons = []
    second = babbler.generate("second", [Message("user", "go")], Sampling(max_tokens=450))
    waiting = threading.Thread(target=lambda: reasons.append(list(second)[-1].reason))
    waiting.start()
    babbler.cancel("second")
    first.close()
    waiting.join(30)
    # Cancelled before or after it was queued: either way the engine is free again.
    babbler.cancel("second")
    assert ask(babbler, "hello", max_tokens=2)[1].usage.completion_tokens == 2


def test_unknown_requests_are_ignored(babbler: LocalEngine) -> None:
    babbler.cancel("nobody")
    assert ask(babbler, "hello", max_tokens=1)[1].usage.completion_tokens == 1


def test_counting_probing_and_rendering_answer_while_it_generates(babbler: LocalEngine) -> None:
    stream = babbler.generate("busy", [Message("user", "go")], Sampling(temperature=1.5, max_tokens=450))
    next(stream)
    assert babbler.count(["abc", "山", ""]) == [3, 3, 0]
    assert babbler.probe().pid == babbler.pid
    assert babbler.render([Message("system", "s"), Message("user", "u")]) == "System: s\nUser: u\nAssistant:"
    babbler.cancel("busy")
    assert list(stream)[-1].reason == "cancelled", "it had ended before they were answered"


def test_the_models_own_template(parrot: LocalEngine) -> None:
    assert parrot.render([Message("user", "你好")]) == "user: 你好\nassistant: "


def test_a_prompt_longer_than_the_context(babbler: LocalEngine) -> None:
    with pytest.raises(PromptTooLong) as caught:
        ask(babbler, "x" * 600)
    assert caught.value.facts["limit"] == 511
    assert "511" in caught.value.say("zh")
    assert ask(babbler, "short", max_tokens=1)[1].reason in ("length", "stop")


def test_max_tokens_is_clipped_to_the_room_that_is_left(babbler: LocalEngine) -> None:
    _, done = ask(babbler, "x" * 480, max_tokens=10_000)
    assert done.usage.prompt_tokens + done.usage.completion_tokens <= 512


def test_what_a_chat_model_cannot_do(babbler: LocalEngine) -> None:
    with pytest.raises(NotAnEmbedder):
        babbler.embed(["x"], "query")
    with pytest.raises(NotAble):
        babbler.rerank("x", ["y"])


@pytest.mark.parametrize("name", ["gpt2", "t5"])
def test_other_architectures(engine: LocalEngine, card: Callable[..., ModelCard], name: str) -> None:
    done = engine.load(card(name, context_length=64), "full", "cpu", lambda _: None)
    assert done.context_length > 0
    assert ask(engine, "hello", max_tokens=4)[1].usage.completion_tokens <= 4


def test_an_encoder_is_refused_whatever_its_card_says(
    engine: LocalEngine, card: Callable[..., ModelCard]
) -> None:
    with pytest.raises(NotAChatModel):
        engine.load(card("bert", kind="encoder"), "full", "cpu", lambda _: None)
    with pytest.raises(NotAChatModel):
        engine.load(card("bert"), "full", "cpu", lambda _: None)
    assert engine.alive


def test_a_folder_without_weights_is_refused(engine: LocalEngine, card: Callable[..., ModelCard]) -> None:
    with pytest.raises(NoWeights):
        engine.load(card("empty"), "full", "cpu", lambda _: None)


def test_a_load_tells_how_far_it_is(engine: LocalEngine, card: Callable[..., ModelCard]) -> None:
    steps = []
    result = engine.load(card("random"), "full", "cpu", steps.append)
    assert steps[0].stage == "worker"
    assert steps[-1].stage == "ready" and steps[-1].fraction == 1.0
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert result.seconds > 0 and result.context_length == 512 and not result.has_chat_template
