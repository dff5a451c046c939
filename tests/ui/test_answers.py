"""Answers on their way: stopped while their model is still being loaded."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import FakeEngine, FakePool, fake_card
from stand_ins import FakeCatalogue, FakeKnowledge

from studio.chat.conversation import Chat
from studio.chat.errors import UnknownConversation
from studio.chat.events import ReplyOptions
from studio.settings import Settings
from studio.store import Store
from studio.ui.answers import Answers
from studio.ui.chat_handlers import ChatHandlers
from studio.ui.texts import Texts

OPTIONS = ReplyOptions(model="fake-chat", level="full")
TAB: Any = SimpleNamespace(session_hash="tab", cookies={})


class SlowStudio:
    """A studio whose `load` waits for `loaded`."""

    def __init__(self, settings: Settings, store: Store, engine: FakeEngine):
        self.catalogue = FakeCatalogue(fake_card())
        pool: Any = FakePool(engine)
        self.chat = Chat(settings, store, self.catalogue, pool, FakeKnowledge())  # type: ignore[arg-type]
        self.loading = threading.Event()
        self.loaded = threading.Event()

    def load(self, *_: Any) -> None:
        self.loading.set()
        assert self.loaded.wait(30)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def studio(settings: Settings, store: Store, engine: FakeEngine) -> SlowStudio:
    return SlowStudio(settings, store, engine)


@pytest.fixture
def answers(studio: SlowStudio) -> Answers:
    return Answers(studio)  # type: ignore[arg-type]


@pytest.fixture
def handlers(studio: SlowStudio, answers: Answers, monkeypatch: pytest.MonkeyPatch) -> ChatHandlers:
    monkeypatch.setattr(ChatHandlers, "_shown", lambda *_: ())
    monkeypatch.setattr(ChatHandlers, "_list", lambda *_: "")
    return ChatHandlers(studio, answers, Texts("en"))  # type: ignore[arg-type]


ENDINGS: dict[str, Callable[[ChatHandlers, str], object]] = {
    "stop": lambda handlers, conversation: handlers.stop(conversation, TAB),
    "clear": lambda handlers, conversation: handlers.clear(conversation, TAB),
    "delete": lambda handlers, conversation: handlers.delete(conversation, "", TAB),
    "leave": lambda handlers, _: handlers.leave(TAB),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_answer_is_stopped_while_its_model_is_loaded(
    studio: SlowStudio, answers: Answers, handlers: ChatHandlers, engine: FakeEngine, ending: str
) -> None:
    conversation = studio.chat.create().id
    answer = answers.ask("tab", conversation, "Hello", OPTIONS, "owner", evict=["other@full"])
    assert studio.loading.wait(30)
    ENDINGS[ending](handlers, conversation)
    studio.loaded.set()
    last = list(answer.snapshots())[-1]
    assert last.over and last.error is None and not last.text
    assert engine.asked == [] and answers.live(conversation) is None
    if ending != "delete":
        assert studio.chat.turns(conversation) == []
        again = answers.ask("tab", conversation, "Hello", OPTIONS, "owner")
        assert list(again.snapshots())[-1].text == "You said: Hello"


def test_a_stop_that_comes_a_moment_before_the_reply_counts(
    studio: SlowStudio, answers: Answers, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = studio.chat.create().id
    begin = studio.chat._begin

    def stop_then_begin(*asked: Any) -> Any:
        answers.stop(conversation, "owner")
        return begin(*asked)

    monkeypatch.setattr(studio.chat, "_begin", stop_then_begin)
    engine.gate = threading.Semaphore(1)
    answer = answers.ask("tab", conversation, "Hello", OPTIONS, "owner")
    assert list(answer.snapshots())[-1].over
    assert studio.chat.turns(conversation)[0].status == "stopped"


def test_nobody_stops_anothers_answer(studio: SlowStudio, answers: Answers) -> None:
    conversation = studio.chat.create().id
    answer = answers.ask("tab", conversation, "Hello", OPTIONS, "owner", evict=["other@full"])
    assert studio.loading.wait(30)
    with pytest.raises(UnknownConversation):
        answers.stop(conversation, "guest-1")
    studio.loaded.set()
    assert list(answer.snapshots())[-1].text == "You said: Hello"
