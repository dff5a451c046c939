"""Comparisons: one retrieval for all, nobody's failure is another's, and only our own models make room."""

import threading
from typing import Any

import pytest
from fakes import FakeEngine, FakePool, fake_card
from stand_ins import FakeCatalogue, FakeKnowledge, chunk

from studio.chat.errors import EmptyQuestion
from studio.chat.events import Fitted, Loading, Retrieved, Token
from studio.compare.comparison import Compared, CompareEvent, Comparison, Contestant, ContestantResult
from studio.compare.errors import NoContestants, NotAContestant
from studio.engines.base import Message, Sampling
from studio.engines.errors import DoesNotFit, WorkerDied
from studio.knowledge.errors import UnknownKnowledgeBase
from studio.models.errors import UnknownModel
from studio.settings import Settings

A, B = Contestant("a", "full"), Contestant("b", "nf4")


class SmallPool(FakePool):
    """Has room for one model. Gives back what it may evict, and remembers what went."""

    def __init__(self, engines: dict[str, FakeEngine]):
        super().__init__(engines)
        self.evicted: list[str] = []

    def load(self, card: Any, level: str, **options: Any) -> FakeEngine:
        key = f"{card.id}@{level}"
        if key not in self.engines:
            for other in set(options.get("evict", ())) & set(self.engines) - set(self.in_use):
                self.unload(other)
                self.evicted.append(other)
            if self.engines:
                raise DoesNotFit(model=key, level=level, needed=2, available=1, device="cpu", listing=[])
        return super().load(card, level, **options)


@pytest.fixture
def engines() -> dict[str, FakeEngine]:
    return {"a": FakeEngine(["Answer of A."]), "b": FakeEngine(["Answer of B."])}


@pytest.fixture
def knowledge() -> FakeKnowledge:
    return FakeKnowledge(chunk("The pier opened in 1904."), chunk("Gulls nest on the roof.", 2))


def comparison(settings: Settings, pool: FakePool, knowledge: FakeKnowledge) -> Comparison:
    catalogue = FakeCatalogue(fake_card("a"), fake_card("b"))
    return Comparison(settings, catalogue, pool, knowledge)  # type: ignore[arg-type]


def results(events: list[CompareEvent]) -> list[ContestantResult]:
    last = events[-1].event
    assert isinstance(last, Compared)
    return last.results


@pytest.mark.parametrize("side_by_side", [True, False])
def test_both_answer_and_every_event_says_whose_it_is(
    settings: Settings, engines: dict[str, FakeEngine], knowledge: FakeKnowledge, side_by_side: bool
) -> None:
    sampling = Sampling(temperature=0.2, top_p=0.4, max_tokens=50, seed=3)
    compare = comparison(settings, FakePool(engines), knowledge)
    events = list(compare.run("Hello", [A, B], sampling, "Be brief.", side_by_side=side_by_side))
    for index, answer in enumerate(["Answer of A.", "Answer of B."]):
        own = [one.event for one in events if one.index == index]
        assert isinstance(own[0], Loading)
        assert any(isinstance(event, Fitted) for event in own)
        assert "".join(event.text for event in own if isinstance(event, Token)) == answer
        assert isinstance(own[-1], ContestantResult)
    first, second = results(events)
    assert (first.answer, second.answer) == ("Answer of A.", "Answer of B.")
    assert set(first.as_dict()) == {
        "contestant", "answer", "usage", "peak_bytes", "load_seconds", "citations", "error",
    }  # fmt: skip
    assert first.as_dict()["contestant"] == "a@full"
    assert first.as_dict()["peak_bytes"] == 120_000_000
    assert first.as_dict()["usage"]["completion_tokens"] == 4
    assert first.load_seconds is not None
    for engine in engines.values():
        assert engine.asked[0].sampling == sampling
        assert engine.asked[0].messages == [Message("system", "Be brief."), Message("user", "Hello")]


def test_on_a_processor_they_answer_one_after_the_other_and_the_result_says_so(
    settings: Settings,
    engines: dict[str, FakeEngine],
    knowledge: FakeKnowledge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("studio.hardware.best_device", lambda: "cpu")
    events = list(comparison(settings, FakePool(engines), knowledge).run("Hello", [A, B]))
    order = [one.index for one in events if isinstance(one.event, Token | ContestantResult)]
    assert order == sorted(order)  # type: ignore[type-var]
    last = events[-1].event
    assert isinstance(last, Compared)
    assert [notice["code"] for notice in last.notices] == ["OneAfterTheOther"]


def test_on_a_gpu_they_answer_at_the_same_time(
    settings: Settings,
    engines: dict[str, FakeEngine],
    knowledge: FakeKnowledge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("studio.hardware.best_device", lambda: "cuda:0")
    engines["a"].gate = threading.Semaphore(0)
    for index, event in _events(comparison(settings, FakePool(engines), knowledge).run("Hello", [A, B])):
        if index == 1 and isinstance(event, ContestantResult):
            assert engines["a"].generated == 0
            engines["a"].gate.release(10)
        if isinstance(event, Compared):
            assert [result.answer for result in event.results] == ["Answer of A.", "Answer of B."]
            assert event.notices == []


def test_the_documents_are_searched_once_and_everyone_gets_the_same(
    settings: Settings, engines: dict[str, FakeEngine], knowledge: FakeKnowledge
) -> None:
    engines["a"].replies[0] = "The pier opened in 1904."
    compare = comparison(settings, FakePool(engines), knowledge)
    events = list(compare.run("When did the pier open?", [A, B], knowledge_base="papers", evidence_count=2))
    assert knowledge.asked == ["When did the pier open?"]
    retrieved = [one for one in events if isinstance(one.event, Retrieved)]
    assert len(retrieved) == 1 and retrieved[0].index is None
    prompts = [engine.asked[0].messages[-1].content for engine in engines.values()]
    assert prompts[0] == prompts[1]
    assert "The pier opened in 1904." in prompts[0] and "Gulls nest" in prompts[0]
    first, second = results(events)
    assert [citation.n for citation in first.citations] == [1]
    assert second.citations == []


def test_one_that_fails_does_not_stop_the_other(
    settings: Settings, engines: dict[str, FakeEngine], knowledge: FakeKnowledge
) -> None:
    engines["a"].replies[0] = ["Half an ", WorkerDied(model="a", detail="killed")]
    events = list(comparison(settings, FakePool(engines), knowledge).run("Hello", [A, B]))
    first, second = results(events)
    assert isinstance(first.error, WorkerDied) and first.answer == "Half an "
    assert "ended unexpectedly" in first.as_dict()["error"]
    assert second.error is None and second.answer == "Answer of B."


def test_one_that_does_not_exist_does_not_stop_the_other(
    settings: Settings, engines: dict[str, FakeEngine], knowledge: FakeKnowledge
) -> None:
    for side_by_side in (True, False):
        unknown = Contestant("c", "full")
        compare = comparison(settings, FakePool({"a": FakeEngine(["Fine."])}), knowledge)
        first, second = results(list(compare.run("Hello", [unknown, A], side_by_side=side_by_side)))
        assert isinstance(first.error, UnknownModel)
        assert second.answer == "Fine."


@pytest.mark.parametrize("side_by_side", [True, False])
def test_where_one_fits_at_a_time_our_own_makes_room(
    settings: Settings, engines: dict[str, FakeEngine], knowledge: FakeKnowledge, side_by_side: bool
) -> None:
    pool = SmallPool(engines)
    events = list(comparison(settings, pool, knowledge).run("Hello", [A, B], side_by_side=side_by_side))
    assert [result.answer for result in results(events)] == ["Answer of A.", "Answer of B."]
    assert pool.evicted == ["a@full"]
    last = events[-1].event
    assert isinstance(last, Compared)
    expected = "NoRoomSideBySide" if side_by_side else "OneAfterTheOther"
    assert [notice["code"] for notice in last.notices] == [expected]


@pytest.mark.parametrize("side_by_side", [True, False])
def test_the_users_own_model_is_never_unloaded(
    settings: Settings, engines: dict[str, FakeEngine], knowledge: FakeKnowledge, side_by_side: bool
) -> None:
    pool = SmallPool(engines)
    pool.load(fake_card("a"), "full")
    first, second = results(
        list(comparison(settings, pool, knowledge).run("Hello", [A, B], side_by_side=side_by_side))
    )
    assert first.answer == "Answer of A." and first.load_seconds is None
    assert isinstance(second.error, DoesNotFit)
    assert pool.evicted == [] and "a@full" in pool.engines


@pytest.mark.parametrize("side_by_side", [True, False])
def test_the_same_contestant_twice(settings: Settings, knowledge: FakeKnowledge, side_by_side: bool) -> None:
    pool = FakePool({"a": FakeEngine(["One.", "Two."])})
    found = results(
        list(comparison(settings, pool, knowledge).run("Hello", [A, A], side_by_side=side_by_side))
    )
    assert sorted(result.answer for result in found) == ["One.", "Two."]
    assert pool.loads == ["a@full"]


@pytest.mark.parametrize("side_by_side", [True, False])
def test_stop_keeps_what_was_written(
    settings: Settings, engines: dict[str, FakeEngine], knowledge: FakeKnowledge, side_by_side: bool
) -> None:
    for engine in engines.values():
        engine.gate = threading.Semaphore(0)
    engines["a"].gate = threading.Semaphore(1)
    compare = comparison(settings, FakePool(engines), knowledge)
    events = []
    for event in compare.run("Hello", [A, B], request="mine", side_by_side=side_by_side):
        events.append(event)
        if isinstance(event.event, Token):
            compare.stop("somebody else's")
            compare.stop("mine")
    first, second = results(events)
    assert (first.answer, second.answer) == ("Answer", "")
    assert (first.error, second.error) == (None, None)
    assert engines["a"].generated == 1 and engines["b"].generated == 0


def test_a_second_comparison_of_the_same_name_replaces_the_first(
    settings: Settings, knowledge: FakeKnowledge
) -> None:
    engine = FakeEngine(["One two three.", "Four five six."])
    engine.gate = threading.Semaphore(1)
    compare = comparison(settings, FakePool({"a": engine}), knowledge)
    first = compare.run("First", [A], request="mine")
    next(event for event in first if isinstance(event.event, Token))
    second = compare.run("Second", [A], request="mine")
    next(second)
    assert results(list(first))[0].answer == "One"
    engine.gate.release()
    next(event for event in second if isinstance(event.event, Token))
    compare.stop("mine")
    assert results(list(second))[0].answer == "Four"


def test_a_closed_tab_stops_everyone(
    settings: Settings, engines: dict[str, FakeEngine], knowledge: FakeKnowledge
) -> None:
    engines["a"].gate = threading.Semaphore(1)
    running = comparison(settings, FakePool(engines), knowledge).run("Hello", [A], side_by_side=False)
    next(event for event in running if isinstance(event.event, Token))
    running.close()  # type: ignore[attr-defined]
    assert engines["a"].asked[0].request in engines["a"].cancelled


def test_bad_input_is_refused_before_anything_is_loaded(
    settings: Settings, engines: dict[str, FakeEngine], knowledge: FakeKnowledge
) -> None:
    pool = FakePool(engines)
    compare = comparison(settings, pool, knowledge)
    with pytest.raises(EmptyQuestion):
        list(compare.run("  ", [A]))
    with pytest.raises(NoContestants):
        list(compare.run("Hello", []))
    with pytest.raises(UnknownKnowledgeBase):
        list(compare.run("Hello", [A], knowledge_base="nowhere"))
    assert pool.loads == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smollm2@nf4", Contestant("smollm2", "nf4")),
        (" owner/name @ full ", Contestant("owner/name", "full")),
        ("odd@name@int8", Contestant("odd@name", "int8")),
    ],
)
def test_contestants_are_read(text: str, expected: Contestant) -> None:
    assert Contestant.parse(text) == expected
    assert Contestant.parse(str(expected)) == expected


@pytest.mark.parametrize("text", ["", "smollm2", "@full", "smollm2@", "  "])
def test_what_is_no_contestant_says_how_to_write_one(text: str) -> None:
    with pytest.raises(NotAContestant) as refused:
        Contestant.parse(text)
    assert "MODEL@LEVEL" in str(refused.value)


def _events(running: Any) -> Any:
    return ((one.index, one.event) for one in running)
