"""Asking, stopping, failing and coming back: what a conversation keeps, and for whom."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeEngine, FakePool
from stand_ins import FakeKnowledge, chunk

from studio.chat.conversation import Chat
from studio.chat.errors import (
    AlreadyAnswering,
    EmptyQuestion,
    NotForGuests,
    QuestionTooLong,
    UnknownConversation,
)
from studio.chat.events import Event, Failed, Finished, Fitted, Loading, ReplyOptions, Retrieved, Token
from studio.chat.history import History
from studio.engines.base import Message, Sampling, Text
from studio.engines.errors import DoesNotFit, NotAChatModel, WorkerDied
from studio.knowledge.errors import EmbedderCannotReadQuestion, UnknownKnowledgeBase
from studio.models.errors import UnknownModel
from studio.store import Store

OPTIONS = ReplyOptions(model="fake-chat", level="full")
PAPERS = replace(OPTIONS, knowledge_base="papers")


def ask(chat: Chat, question: str, options: ReplyOptions = OPTIONS, owner: str = "owner") -> list[Event]:
    conversation = chat.create(owner).id
    return list(chat.reply(conversation, question, options, owner))


def until_token(events: Iterator[Event]) -> Token:
    return next(event for event in events if isinstance(event, Token))


class TestReply:
    def test_the_way_of_a_plain_question(self, chat: Chat, engine: FakeEngine) -> None:
        engine.replies.append("It is noon.")
        events = ask(chat, "What time is it?")
        kinds = [type(event) for event in events]
        first_token = kinds.index(Token)
        assert Loading in kinds[:first_token]
        assert kinds[first_token - 1] is Fitted
        assert Retrieved not in kinds
        assert "".join(event.text for event in events if isinstance(event, Token)) == "It is noon."
        finished = events[-1]
        assert isinstance(finished, Finished)
        assert (finished.answer, finished.reason) == ("It is noon.", "stop")
        assert finished.usage.completion_tokens == 4
        assert finished.usage.prompt_tokens > 0

    def test_the_way_of_a_question_to_documents(
        self, chat: Chat, engine: FakeEngine, knowledge: FakeKnowledge
    ) -> None:
        knowledge.evidence = [chunk("The pier opened in 1904."), chunk("Gulls nest on the roof.", 2)]
        engine.replies.append("The pier opened in 1904 [2].")
        events = ask(chat, "When did the pier open?", PAPERS)
        retrieved = next(event for event in events if isinstance(event, Retrieved))
        assert [one.chunk_id for one in retrieved.evidence] == ["c1", "c2"]
        fitted = next(event for event in events if isinstance(event, Fitted))
        assert fitted.evidence == retrieved.evidence
        finished = events[-1]
        assert isinstance(finished, Finished)
        assert finished.answer == "The pier opened in 1904 [1]."
        assert [(one.n, one.document, one.page) for one in finished.citations] == [(1, "handbook.pdf", 1)]
        prompt = engine.asked[0].messages[-1].content
        assert "[1] handbook.pdf, page 1\nThe pier opened in 1904." in prompt
        assert "[2] handbook.pdf, page 2\nGulls nest on the roof." in prompt
        assert prompt.index("[2] handbook") < prompt.index("[1] handbook") < prompt.index("When did the pier")

    @pytest.mark.parametrize(
        ("options", "question", "loaded"),
        [
            (PAPERS, "When did the pier open?", ["fake-chat@full", "fake-embedder@full"]),
            (PAPERS, "码头什么时候开放？", ["fake-chat@full"]),
            (replace(PAPERS, mode="lexical"), "When did the pier open?", ["fake-chat@full"]),
        ],
    )
    def test_the_embedder_is_loaded_with_progress_where_it_is_needed(
        self, chat: Chat, pool: FakePool, options: ReplyOptions, question: str, loaded: list[str]
    ) -> None:
        events = ask(chat, question, options)
        assert pool.loads == loaded
        told = [event.card.id for event in events if isinstance(event, Loading)]
        assert [f"{card}@full" for card in dict.fromkeys(told)] == loaded

    def test_every_setting_reaches_the_engine(self, chat: Chat, engine: FakeEngine) -> None:
        sampling = Sampling(temperature=0.3, top_p=0.55, max_tokens=77, seed=1234, stop=("END",))
        ask(chat, "Hello", replace(OPTIONS, sampling=sampling, system_prompt="Speak like a pirate."))
        assert engine.asked[0].sampling == sampling
        assert engine.asked[0].messages[0] == Message("system", "Speak like a pirate.")

    def test_the_system_prompt_reaches_questions_to_documents_too(
        self, chat: Chat, engine: FakeEngine, knowledge: FakeKnowledge
    ) -> None:
        knowledge.evidence = [chunk("The pier opened in 1904.")]
        ask(chat, "When?", replace(PAPERS, system_prompt="Speak like a {pirate}."))
        role, content = engine.asked[0].messages[0]
        assert role == "system"
        assert content.startswith("Speak like a {pirate}.\n\nAnswer from the passages only.")

    @pytest.mark.parametrize(
        ("question", "model", "said"),
        [
            ("Hello there", "fake-chat", "You are a helpful assistant"),
            ("你好，请介绍一下自己", "chinese-chat", "请用中文"),
            ("你好，请介绍一下自己", "fake-chat", "You are a helpful assistant"),
        ],
    )
    def test_without_a_system_prompt_question_and_model_choose_the_template(
        self, chat: Chat, engine: FakeEngine, question: str, model: str, said: str
    ) -> None:
        ask(chat, question, replace(OPTIONS, model=model))
        role, content = engine.asked[0].messages[0]
        assert role == "system" and said in content

    def test_earlier_turns_go_in_without_their_markers(
        self, chat: Chat, engine: FakeEngine, knowledge: FakeKnowledge
    ) -> None:
        knowledge.evidence = [chunk("The pier opened in 1904.")]
        conversation = chat.create().id
        engine.replies.append("The pier opened in 1904 [1].")
        list(chat.reply(conversation, "When did it open?", PAPERS))
        list(chat.reply(conversation, "And who built it?", OPTIONS))
        assert engine.asked[1].messages[1:] == [
            Message("user", "When did it open?"),
            Message("assistant", "The pier opened in 1904."),
            Message("user", "And who built it?"),
        ]

    def test_nothing_found_is_said_to_the_user_and_to_the_model(self, chat: Chat, engine: FakeEngine) -> None:
        events = ask(chat, "Who built the pier?", PAPERS)
        finished = events[-1]
        assert isinstance(finished, Finished)
        assert [notice["code"] for notice in finished.notices] == ["NothingFound"]
        assert "hold nothing about this question" in engine.asked[0].messages[-1].content

    def test_what_the_search_has_to_say_is_passed_on(self, chat: Chat, knowledge: FakeKnowledge) -> None:
        knowledge.evidence = [chunk("码头于1904年开放。")]
        knowledge.notices = [{"code": EmbedderCannotReadQuestion.__name__, "en": "…", "zh": "…"}]
        events = ask(chat, "码头什么时候开放？", replace(PAPERS, model="chinese-chat"))
        retrieved = next(event for event in events if isinstance(event, Retrieved))
        assert [notice["code"] for notice in retrieved.notices] == ["EmbedderCannotReadQuestion"]
        finished = events[-1]
        assert isinstance(finished, Finished)
        assert [notice["code"] for notice in finished.notices] == ["EmbedderCannotReadQuestion"]

    def test_a_chinese_question_to_an_english_model_is_pointed_out(self, chat: Chat) -> None:
        finished = ask(chat, "今天天气怎么样？")[-1]
        assert isinstance(finished, Finished)
        assert [notice["code"] for notice in finished.notices] == ["ModelLanguage"]
        assert "English" in finished.notices[0]["en"] and "英语" in finished.notices[0]["zh"]
        finished = ask(chat, "今天天气怎么样？", replace(OPTIONS, model="chinese-chat"))[-1]
        assert isinstance(finished, Finished) and finished.notices == []

    def test_an_answer_that_was_cut_says_so(self, chat: Chat, engine: FakeEngine) -> None:
        engine.replies.append("one two three four five")
        finished = ask(chat, "Count", replace(OPTIONS, sampling=Sampling(max_tokens=3)))[-1]
        assert isinstance(finished, Finished)
        assert (finished.answer, finished.reason) == ("one two three", "length")
        assert [notice["code"] for notice in finished.notices] == ["AnswerCut"]

    def test_an_edited_template_takes_effect_at_once(
        self, make_chat: Callable[..., Chat], engine: FakeEngine, tmp_path: Any
    ) -> None:
        (tmp_path / "plain.en.txt").write_text("Be kind.")
        chat = make_chat(prompts=tmp_path)
        ask(chat, "Hello")
        (tmp_path / "plain.en.txt").write_text("Be brave.")
        ask(chat, "Hello")
        assert [asked.messages[0].content for asked in engine.asked] == ["Be kind.", "Be brave."]


class TestBadInput:
    @pytest.mark.parametrize("question", ["", "  \n "])
    def test_an_empty_question_is_refused_and_nothing_is_stored(self, chat: Chat, question: str) -> None:
        conversation = chat.create().id
        with pytest.raises(EmptyQuestion):
            list(chat.reply(conversation, question, OPTIONS))
        assert chat.turns(conversation) == []

    @pytest.mark.parametrize(
        ("options", "kind"),
        [
            (replace(OPTIONS, model="no-such-model"), UnknownModel),
            (replace(OPTIONS, knowledge_base="no-such-base"), UnknownKnowledgeBase),
        ],
    )
    def test_what_does_not_exist_fails_the_turn_and_the_next_works(
        self, chat: Chat, options: ReplyOptions, kind: type[Exception]
    ) -> None:
        conversation = chat.create().id
        failed = list(chat.reply(conversation, "Hello", options))[-1]
        assert isinstance(failed, Failed) and isinstance(failed.error, kind)
        assert isinstance(list(chat.reply(conversation, "Hello", OPTIONS))[-1], Finished)
        first, second = chat.turns(conversation)
        assert (first.status, second.status) == ("failed", "done")
        assert set(first.details["error"]) == {"code", "en", "zh"}

    def test_a_model_that_does_not_fit_fails_the_turn(self, chat: Chat, pool: FakePool) -> None:
        refusal = DoesNotFit(
            model="fake", level="full", needed=2, available=1, device="cpu", listing=["a@full"]
        )
        pool.refuse["fake-chat"] = refusal
        failed = ask(chat, "Hello")[-1]
        assert isinstance(failed, Failed) and failed.error is refusal

    def test_an_encoder_fails_the_turn(self, chat: Chat, engine: FakeEngine) -> None:
        engine.replies.append(NotAChatModel(model="bert"))
        failed = ask(chat, "Hello")[-1]
        assert isinstance(failed, Failed) and isinstance(failed.error, NotAChatModel)

    def test_a_question_longer_than_the_context_says_both_numbers(self, chat: Chat) -> None:
        failed = ask(chat, "word " * 3000)[-1]
        assert isinstance(failed, Failed) and isinstance(failed.error, QuestionTooLong)
        assert failed.error.facts["tokens"] > 3000
        assert str(failed.error.facts["limit"]) in failed.error.say("en")
        assert str(failed.error.facts["limit"]) in failed.error.say("zh")

    @pytest.mark.parametrize(
        ("template", "said"),
        [("Be {kind}.", "{kind}"), ("Be kind}.", "brace"), (None, "missing"), (b"\xff\xfe\xfa", "UTF-8")],
    )
    def test_a_broken_template_is_named(
        self, make_chat: Callable[..., Chat], tmp_path: Any, template: str | bytes | None, said: str
    ) -> None:
        file = tmp_path / "plain.en.txt"
        if template is not None:
            file.write_bytes(template if isinstance(template, bytes) else template.encode())
        failed = ask(make_chat(prompts=tmp_path), "Hello")[-1]
        assert isinstance(failed, Failed)
        assert failed.error.code == "PromptUnusable"
        assert str(file) in str(failed.error) and said in str(failed.error)
        assert str(file) in failed.error.say("zh")

    def test_lone_surrogates_are_replaced(self, chat: Chat, engine: FakeEngine) -> None:
        conversation = chat.create().id
        options = replace(OPTIONS, system_prompt="Be \ud800kind.")
        assert isinstance(list(chat.reply(conversation, "Hello\udfff", options))[-1], Finished)
        assert [message.content for message in engine.asked[0].messages] == ["Be ?kind.", "Hello?"]
        turn = chat.turns(conversation)[0]
        assert (turn.status, turn.question) == ("done", "Hello?")
        assert turn.details["options"]["system_prompt"] == "Be ?kind."

    def test_a_fault_of_ours_is_one_sentence_too(self, chat: Chat, engine: FakeEngine) -> None:
        engine.replies.append(["Half an ", ZeroDivisionError("division by zero")])
        failed = ask(chat, "Hello")[-1]
        assert isinstance(failed, Failed)
        assert (failed.error.code, failed.answer) == ("Unexpected", "Half an ")


class TestEndings:
    def test_stop_keeps_what_was_written(self, chat: Chat, engine: FakeEngine) -> None:
        engine.gate = threading.Semaphore(2)
        engine.replies.append("one two three four")
        conversation = chat.create().id
        events = chat.reply(conversation, "Count", OPTIONS)
        until_token(events)
        until_token(events)
        assert chat.answering(conversation)
        assert chat.stop(conversation)
        finished = list(events)[-1]
        assert isinstance(finished, Finished)
        assert (finished.answer, finished.reason) == ("one two", "cancelled")
        turn = chat.turns(conversation)[0]
        assert (turn.status, turn.answer, turn.details["reason"]) == ("stopped", "one two", "cancelled")
        assert engine.generated == 2
        assert not chat.answering(conversation)
        assert not chat.stop(conversation)

    def test_stop_while_the_model_is_still_loading(self, chat: Chat, engine: FakeEngine) -> None:
        loading, go_on = threading.Event(), threading.Event()

        def slow_load(*_: Any) -> Any:
            loading.set()
            go_on.wait(10)
            return original(*_)

        original, engine.load = engine.load, slow_load  # type: ignore[method-assign]
        conversation = chat.create().id
        events: list[Event] = []
        reader = threading.Thread(target=lambda: events.extend(chat.reply(conversation, "Hello", OPTIONS)))
        reader.start()
        assert loading.wait(10)
        chat.stop(conversation)
        reader.join(10)
        assert isinstance(events[-1], Finished) and events[-1].reason == "cancelled"
        assert chat.turns(conversation)[0].status == "stopped"
        go_on.set()
        assert isinstance(list(chat.reply(conversation, "Again", OPTIONS))[-1], Finished)
        assert [asked.messages[-1].content for asked in engine.asked] == ["Again"]

    def test_a_closed_tab_stops_the_engine_and_keeps_the_text(self, chat: Chat, engine: FakeEngine) -> None:
        engine.gate = threading.Semaphore(1)
        engine.replies.append("one two three four")
        conversation = chat.create().id
        events = chat.reply(conversation, "Count", OPTIONS)
        until_token(events)
        events.close()  # type: ignore[attr-defined]
        turn = chat.turns(conversation)[0]
        assert (turn.status, turn.answer) == ("stopped", "one")
        assert turn.id in engine.cancelled
        assert engine.generated == 1
        engine.gate = None
        assert isinstance(list(chat.reply(conversation, "Go on", OPTIONS))[-1], Finished)

    def test_a_closed_tab_during_an_endless_prefill_frees_the_conversation(
        self, chat: Chat, engine: FakeEngine
    ) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def prefilling(*_: Any) -> Iterator[Any]:
            begun.set()
            go_on.wait(10)
            yield from ()

        generate, engine.generate = engine.generate, prefilling  # type: ignore[method-assign]
        conversation = chat.create().id
        events = chat.reply(conversation, "Hello", OPTIONS)
        next(event for event in events if isinstance(event, Fitted))
        assert begun.wait(10)
        events.close()  # type: ignore[attr-defined]
        assert chat.turns(conversation)[0].status == "stopped"
        go_on.set()
        engine.generate = generate  # type: ignore[method-assign]
        assert isinstance(list(chat.reply(conversation, "Again", OPTIONS))[-1], Finished)

    def test_a_dead_worker_fails_the_turn_keeps_the_text_and_the_next_question_works(
        self, chat: Chat, engine: FakeEngine
    ) -> None:
        engine.replies.extend([["Half an ", WorkerDied(model="fake", detail="killed")], "All well."])
        conversation = chat.create().id
        failed = list(chat.reply(conversation, "Hello", OPTIONS))[-1]
        assert isinstance(failed, Failed)
        assert isinstance(failed.error, WorkerDied) and failed.answer == "Half an "
        assert isinstance(list(chat.reply(conversation, "Again", OPTIONS))[-1], Finished)
        first, second = chat.turns(conversation)
        assert (first.status, first.answer, second.answer) == ("failed", "Half an ", "All well.")
        assert first.details["error"]["code"] == "WorkerDied"

    @pytest.mark.parametrize("ending", ["died", "closed"])
    def test_the_markers_of_half_an_answer_are_checked(
        self, chat: Chat, engine: FakeEngine, knowledge: FakeKnowledge, ending: str
    ) -> None:
        knowledge.evidence = [chunk("The pier opened in 1904."), chunk("Gulls nest on the roof.", 2)]
        written = "The pier opened in 1904 [2]. Cats swim to the moon [1]. And"
        conversation = chat.create().id
        if ending == "died":
            engine.replies.append([written, WorkerDied(model="fake", detail="killed")])
            failed = list(chat.reply(conversation, "When did the pier open?", PAPERS))[-1]
            assert isinstance(failed, Failed)
            assert failed.answer == "The pier opened in 1904 [1]. Cats swim to the moon. And"
        else:
            self._close_in_the_middle(chat, engine, conversation, written)
        turn = chat.turns(conversation)[0]
        assert turn.answer == "The pier opened in 1904 [1]. Cats swim to the moon. And"
        assert [citation["n"] for citation in turn.details["citations"]] == [1]

    @staticmethod
    def _close_in_the_middle(chat: Chat, engine: FakeEngine, conversation: str, written: str) -> None:
        """Close the tab while a worker that hears nothing is about to go on."""
        go_on = threading.Event()

        def deaf(*_: Any) -> Iterator[Any]:
            yield Text(written)
            go_on.wait(10)

        engine.generate = deaf  # type: ignore[method-assign]
        events = chat.reply(conversation, "When did the pier open?", PAPERS)
        until_token(events)
        events.close()  # type: ignore[attr-defined]
        go_on.set()

    def test_markers_that_cannot_be_checked_do_not_keep_a_reply_from_ending(
        self, chat: Chat, engine: FakeEngine, knowledge: FakeKnowledge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        knowledge.evidence = [chunk("The pier opened in 1904.")]
        engine.replies.append("It opened in 1904 [1].")
        broken = ZeroDivisionError("division by zero")
        for module in ("answer", "reply"):
            monkeypatch.setattr(
                f"studio.chat.{module}.cite", lambda *_: (_ for _ in ()).throw(broken), raising=False
            )
        events: list[Event] = []
        reader = threading.Thread(target=lambda: events.extend(ask(chat, "When?", PAPERS)), daemon=True)
        reader.start()
        reader.join(10)
        assert isinstance(events[-1], Failed) and events[-1].answer == "It opened in 1904."

    def test_one_reply_at_a_time_in_a_conversation(self, chat: Chat, engine: FakeEngine) -> None:
        engine.gate = threading.Semaphore(1)
        conversation = chat.create().id
        events = chat.reply(conversation, "First", OPTIONS)
        until_token(events)
        with pytest.raises(AlreadyAnswering):
            list(chat.reply(conversation, "Second", OPTIONS))
        assert len(chat.turns(conversation)) == 1
        events.close()  # type: ignore[attr-defined]
        engine.gate = None
        assert isinstance(list(chat.reply(conversation, "Third", OPTIONS))[-1], Finished)

    def test_what_is_written_is_stored_while_it_is_written(
        self, chat: Chat, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("studio.chat.reply.SAVE_EVERY_SECONDS", 0)
        engine.gate = threading.Semaphore(2)
        engine.replies.append("one two three")
        conversation = chat.create().id
        events = chat.reply(conversation, "Count", OPTIONS)
        until_token(events)
        until_token(events)
        turn = chat.turns(conversation)[0]
        assert (turn.status, turn.answer) == ("running", "one two")
        events.close()  # type: ignore[attr-defined]

    def test_a_full_disk_is_said_and_does_not_hang(self, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
        conversation = chat.create().id
        with monkeypatch.context() as patch:
            full = sqlite3.OperationalError("database or disk is full")
            patch.setattr(History, "end", lambda *_: (_ for _ in ()).throw(full))
            failed = list(chat.reply(conversation, "Hello", OPTIONS))[-1]
        assert isinstance(failed, Failed)
        assert failed.error.code == "AnswerNotStored" and "disk is full" in str(failed.error)
        assert failed.answer == "You said: Hello"
        assert isinstance(list(chat.reply(conversation, "Again", OPTIONS))[-1], Finished)

    def test_whatever_keeps_a_turn_from_being_stored_ends_the_answer(
        self, chat: Chat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        conversation = chat.create().id
        events: list[Event] = []
        with monkeypatch.context() as patch:
            patch.setattr(History, "end", lambda *_: "\ud800".encode())
            reader = threading.Thread(
                target=lambda: events.extend(chat.reply(conversation, "Hello", OPTIONS)), daemon=True
            )
            reader.start()
            reader.join(10)
        assert isinstance(events[-1], Failed) and events[-1].error.code == "AnswerNotStored"
        assert not chat.answering(conversation)

    def test_clearing_or_deleting_stops_the_answer(self, chat: Chat, engine: FakeEngine) -> None:
        for end in (chat.clear, chat.delete):
            engine.gate = threading.Semaphore(1)
            conversation = chat.create().id
            events = chat.reply(conversation, "Count to ten", OPTIONS)
            until_token(events)
            end(conversation)
            assert isinstance(list(events)[-1], Finished)
            assert engine.asked[-1].request in engine.cancelled
        assert [one.title for one in chat.all()] == [""]


class TestHistory:
    def test_a_turn_keeps_everything_about_its_answer(
        self, chat: Chat, engine: FakeEngine, knowledge: FakeKnowledge
    ) -> None:
        knowledge.evidence = [chunk("The pier opened in 1904.")]
        engine.replies.append("The pier opened in 1904.")
        conversation = chat.create().id
        list(chat.reply(conversation, "When did the pier open?", replace(PAPERS, sampling=Sampling(seed=7))))
        turn = chat.turns(conversation)[0]
        assert (turn.status, turn.model, turn.level) == ("done", "fake-chat", "full")
        assert turn.answer == "The pier opened in 1904 [1]."
        assert turn.details["citations"][0]["n"] == 1
        assert turn.details["evidence"][0]["text"] == "The pier opened in 1904."
        assert turn.details["context"]["kept"][0]["what"] == "chunk"
        assert turn.details["usage"]["completion_tokens"] == 6
        assert turn.details["options"]["seed"] == 7
        assert turn.details["options"]["knowledge_base"] == "papers"

    def test_the_first_question_becomes_the_title_until_it_is_renamed(self, chat: Chat) -> None:
        conversation = chat.create().id
        list(chat.reply(conversation, "What\n is a tide gauge? " + "x" * 100, OPTIONS))
        assert chat.get(conversation).title.startswith("What is a tide gauge? xxx")
        assert len(chat.get(conversation).title) == 60
        chat.rename(conversation, "  Tides ")
        list(chat.reply(conversation, "And a barometer?", OPTIONS))
        assert chat.get(conversation).title == "Tides"

    def test_the_last_used_comes_first(self, chat: Chat) -> None:
        first, second = chat.create().id, chat.create().id
        assert [one.id for one in chat.all()] == [second, first]
        list(chat.reply(first, "Hello", OPTIONS))
        assert [one.id for one in chat.all()] == [first, second]

    def test_clear_keeps_the_conversation_delete_does_not(self, chat: Chat) -> None:
        conversation = chat.create().id
        list(chat.reply(conversation, "Hello", OPTIONS))
        chat.clear(conversation)
        assert chat.turns(conversation) == [] and chat.get(conversation).title == ""
        chat.delete(conversation)
        with pytest.raises(UnknownConversation):
            chat.get(conversation)

    def test_turns_of_a_killed_studio_are_recovered(self, chat: Chat, store: Store) -> None:
        conversation = chat.create().id
        history = History(store)
        turn = history.begin(conversation, "Hello", "fake-chat", "full")
        history.save_partial(turn.id, "Half an ans")
        assert chat.recover() == 1
        kept = chat.turns(conversation)[0]
        assert (kept.status, kept.answer, kept.details["error"]["code"]) == (
            "stopped",
            "Half an ans",
            "Interrupted",
        )
        assert chat.recover() == 0
        assert isinstance(list(chat.reply(conversation, "Go on", OPTIONS))[-1], Finished)


class TestOwners:
    def test_nobody_reaches_another_persons_conversation(self, chat: Chat) -> None:
        mine, theirs = chat.create().id, chat.create("guest-1").id
        assert [one.id for one in chat.all("guest-1")] == [theirs]
        assert [one.id for one in chat.all()] == [mine]
        calls: list[Callable[[], Any]] = [
            lambda: chat.get(mine, "guest-1"),
            lambda: chat.turns(mine, "guest-1"),
            lambda: chat.rename(mine, "x", "guest-1"),
            lambda: chat.clear(mine, "guest-1"),
            lambda: chat.delete(mine, "guest-1"),
            lambda: chat.stop(mine, "guest-1"),
            lambda: chat.answering(mine, "guest-1"),
            lambda: list(chat.reply(mine, "Hello", OPTIONS, "guest-1")),
            lambda: chat.get(theirs),
            lambda: chat.turns(theirs, "guest-2"),
        ]
        for call in calls:
            with pytest.raises(UnknownConversation):
                call()
        assert chat.get(mine).id == mine

    def test_a_guest_uses_only_what_is_loaded_and_open(self, chat: Chat, knowledge: FakeKnowledge) -> None:
        failed = ask(chat, "Hello", OPTIONS, "guest-1")[-1]
        assert isinstance(failed, Failed) and isinstance(failed.error, NotForGuests)
        ask(chat, "Hello")
        assert isinstance(ask(chat, "Hello", OPTIONS, "guest-1")[-1], Finished)
        failed = ask(chat, "Hello", PAPERS, "guest-1")[-1]
        assert isinstance(failed, Failed) and isinstance(failed.error, NotForGuests)
        assert knowledge.asked == []
        unknown = ask(chat, "Hello", replace(OPTIONS, knowledge_base="secret"), "guest-1")[-1]
        assert isinstance(unknown, Failed) and isinstance(unknown.error, NotForGuests)
        knowledge.open_to_guests = True
        assert isinstance(ask(chat, "Hello", PAPERS, "guest-1")[-1], Finished)
