"""Commands as functions: values, exit codes, what they say on the way, how they are stopped."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fakes import FakeEngine, FakePool, fake_card

from studio.chat.conversation import Chat
from studio.commands import COMMANDS, Outcome, Task, run
from studio.compare.comparison import Comparison
from studio.engines.errors import DoesNotFit, WorkerDied
from studio.knowledge.types import FileResult, Job
from studio.models.errors import UnknownModel
from studio.services import Studio
from studio.settings import Settings


class Catalogue:
    def __init__(self) -> None:
        self.known = {
            card.id: card
            for card in (fake_card(), fake_card("other-chat"), fake_card("fake-embedder", kind="embedding"))
        }

    def cards(self, kind: str | None = None) -> list[Any]:
        return list(self.known.values())

    def get(self, model: str) -> Any:
        if model not in self.known:
            raise UnknownModel(model=model)
        return self.known[model]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(["Paris is the capital."])


@pytest.fixture
def pool(engine: FakeEngine) -> FakePool:
    return FakePool({"fake-chat@full": engine})


@pytest.fixture
def studio(settings: Settings, pool: FakePool) -> Iterator[Studio]:
    studio = Studio(settings.model_copy(update={"chat_model": "fake-chat"}))
    studio.pool, studio.catalogue = pool, Catalogue()  # type: ignore[assignment]
    parts = (studio.catalogue, studio.pool, studio.knowledge)
    studio.chat = Chat(studio.settings, studio.store, *parts)
    studio.comparison = Comparison(studio.settings, *parts)
    yield studio
    studio.close()


@pytest.fixture
def said() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def task(said: list[dict[str, Any]]) -> Task:
    return Task(said.append)


def code(outcome: Outcome) -> tuple[int, str | None]:
    return outcome.exit_code, outcome.error["code"] if outcome.error else None


class TestAsk:
    def test_the_shape_of_an_answer(self, studio: Studio, task: Task, said: list[dict[str, Any]]) -> None:
        outcome = run(studio, "ask", {"question": "Capital of France?"}, task)
        assert outcome.exit_code == 0
        assert set(outcome.value) == {"answer", "citations", "evidence", "context", "usage"}
        assert outcome.value["answer"] == "Paris is the capital."
        assert set(outcome.value["context"]) == {"kept", "dropped"}
        assert set(outcome.value["usage"]) == {
            "prompt_tokens",
            "completion_tokens",
            "ttft_seconds",
            "tokens_per_second",
            "cached_prompt_tokens",
        }
        assert "".join(report.get("token", "") for report in said) == "Paris is the capital."

    def test_every_option_reaches_the_engine(self, studio: Studio, task: Task, engine: FakeEngine) -> None:
        options = {"temperature": 0, "top_p": 0, "max_tokens": 5, "seed": 0, "system_prompt": "Be brief."}
        run(studio, "ask", {"question": "Hello?", **options}, task)
        asked = engine.asked[0]
        assert (asked.sampling.temperature, asked.sampling.top_p) == (0, 0)
        assert (asked.sampling.max_tokens, asked.sampling.seed) == (5, 0)
        assert "Be brief." in asked.messages[0].content

    def test_the_page_does_not_see_the_conversation(self, studio: Studio, task: Task) -> None:
        run(studio, "ask", {"question": "Hello?"}, task)
        assert studio.chat.all() == []

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"question": "  "}, "EmptyQuestion"),
            ({"question": "x", "model": "nobody"}, "UnknownModel"),
            ({"question": "x", "model": "fake-embedder"}, "NotAChatModel"),
            ({"question": "x", "level": "int3"}, "UnknownLevel"),
            ({"question": "x", "level": "fp4"}, "LevelUnavailable"),
            ({"question": "x", "kb": "nothing"}, "UnknownKnowledgeBase"),
        ],
    )
    def test_unusable_arguments(
        self, studio: Studio, task: Task, arguments: dict[str, Any], error: str
    ) -> None:
        assert code(run(studio, "ask", arguments, task)) == (2, error)

    def test_a_failure_keeps_what_was_written(self, studio: Studio, task: Task, engine: FakeEngine) -> None:
        engine.replies.clear()
        engine.replies.append(["Paris", WorkerDied(model="fake-chat", detail="signal 9")])
        outcome = run(studio, "ask", {"question": "Hello?"}, task)
        assert code(outcome) == (1, "WorkerDied")
        assert outcome.value["answer"] == "Paris"
        assert studio.chat.all() == []

    def test_cancelling_stops_the_engine(self, studio: Studio, engine: FakeEngine) -> None:
        engine.gate = threading.Semaphore(1)
        first = threading.Event()
        task = Task(lambda report: first.set() if "token" in report else None)
        outcomes: list[Outcome] = []
        work = threading.Thread(target=lambda: outcomes.append(run(studio, "ask", {"question": "Hi?"}, task)))
        work.start()
        assert first.wait(20)
        task.cancel()
        work.join(20)
        assert outcomes[0].exit_code == 1
        assert outcomes[0].value["answer"].startswith("Paris")
        assert engine.generated <= 2


class TestCompare:
    def test_one_that_fails_does_not_stop_the_other(self, studio: Studio, task: Task, pool: FakePool) -> None:
        pool.refuse["other-chat"] = DoesNotFit(
            model="other-chat", level="full", needed=9, available=1, device="cpu", listing=[]
        )
        contestants = ["other-chat@full", "fake-chat@full", "nobody@full"]
        outcome = run(studio, "compare", {"prompt": "Capital?", "contestants": contestants}, task)
        assert outcome.exit_code == 1
        assert [result["contestant"] for result in outcome.value] == contestants
        assert [bool(result["error"]) for result in outcome.value] == [True, False, True]
        assert outcome.value[1]["answer"] == "Paris is the capital."
        assert {"contestant", "answer", "usage", "peak_bytes", "error"} <= set(outcome.value[0])

    def test_errors_are_in_the_users_language(self, studio: Studio) -> None:
        task = Task(lambda _: None, "zh")
        outcome = run(studio, "compare", {"prompt": "你好", "contestants": ["nobody@full"]}, task)
        assert "没有名为 nobody 的模型" in outcome.value[0]["error"]

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"prompt": "x", "contestants": ["fake-chat"]}, "NotAContestant"),
            ({"prompt": "", "contestants": ["fake-chat@full"]}, "EmptyQuestion"),
            ({"prompt": "x", "contestants": ["fake-chat@full"], "kb": "none"}, "UnknownKnowledgeBase"),
        ],
    )
    def test_unusable_arguments(
        self, studio: Studio, task: Task, arguments: dict[str, Any], error: str
    ) -> None:
        assert code(run(studio, "compare", arguments, task)) == (2, error)


class TestModels:
    def test_check_unloads_what_it_loaded(self, studio: Studio, task: Task, pool: FakePool) -> None:
        outcome = run(studio, "models check", {"model": "fake-chat"}, task)
        assert outcome.exit_code == 0
        assert set(outcome.value) == {
            "load_seconds",
            "estimated_bytes",
            "measured_bytes",
            "after_unload_bytes",
            "tokens_per_second",
            "ttft_seconds",
        }
        assert outcome.value["measured_bytes"] == 100_000_000
        assert outcome.value["after_unload_bytes"] == 0
        assert pool.ledger() == []

    def test_check_leaves_alone_what_somebody_uses(
        self, studio: Studio, task: Task, pool: FakePool, said: list[dict[str, Any]]
    ) -> None:
        pool.load(studio.catalogue.get("fake-chat"), "full")
        outcome = run(studio, "models check", {"model": "fake-chat", "level": "full"}, task)
        assert outcome.value["after_unload_bytes"] is None
        assert [entry.key for entry in pool.ledger()] == ["fake-chat@full"]
        assert said[0]["say"]["code"] == "AlreadyLoaded"

    def test_check_an_embedder(self, studio: Studio, task: Task) -> None:
        outcome = run(studio, "models check", {"model": "fake-embedder"}, task)
        assert outcome.value["tokens_per_second"] is None
        assert outcome.value["ttft_seconds"] >= 0

    def test_an_unknown_model(self, studio: Studio, task: Task) -> None:
        for name in ("models check", "models estimate", "models remove"):
            assert code(run(studio, name, {"model": "nobody"}, task)) == (2, "UnknownModel")


class TestKnowledge:
    def test_a_knowledge_base_comes_and_goes(self, settings: Settings, task: Task) -> None:
        studio = Studio(settings)
        made = run(studio, "kb create", {"name": "papers", "chunk_size": 64, "overlap": 8}, task).value
        assert (made["name"], made["chunk_size"], made["overlap"]) == ("papers", 64, 8)
        assert (made["documents"], made["chunks"], made["bytes"]) == (0, 0, 0)
        assert code(run(studio, "kb create", {"name": "papers"}, task))[0] == 2
        assert [base["name"] for base in run(studio, "kb list", {}, task).value] == ["papers"]
        assert run(studio, "kb delete", {"name": "papers"}, task).value["name"] == "papers"
        assert run(studio, "kb list", {}, task).value == []
        studio.close()

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("kb add", {"paths": []}),
            ("kb search", {"queries": ["x"]}),
            ("kb remove", {"document": "x"}),
            ("kb verify", {}),
            ("kb delete", {}),
        ],
    )
    def test_an_unknown_knowledge_base(
        self, studio: Studio, task: Task, name: str, arguments: dict[str, Any]
    ) -> None:
        assert code(run(studio, name, {"name": "nothing", **arguments}, task)) == (2, "UnknownKnowledgeBase")

    def test_what_became_of_each_file(
        self, studio: Studio, task: Task, said: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        error = {"code": "Broken", "en": "It is broken.", "zh": "文件已损坏。"}
        results = [
            FileResult("a.pdf", "indexed", pages=2, chunks=3, seconds=0.5),
            FileResult("b.pdf", "failed", error=error),
            FileResult("c.pdf", "unchanged", pages=1, chunks=9),
        ]
        jobs = [Job(result.path, "kb", result.path, "done", 0, 0, result, 0.0, 0.0) for result in results]

        def wait(jobs: list[Job], progress: Any) -> list[FileResult]:
            for job in jobs:
                progress(job)
                progress(job)
            return results

        monkeypatch.setattr(studio.knowledge, "get", lambda name: None)
        monkeypatch.setattr(studio.knowledge, "enqueue", lambda name, paths: jobs)
        monkeypatch.setattr(studio.knowledge, "wait", wait)
        outcome = run(studio, "kb add", {"name": "kb", "paths": ["/x"]}, task)
        assert outcome.exit_code == 1
        assert [file["status"] for file in outcome.value["files"]] == ["indexed", "failed", "unchanged"]
        assert outcome.value["files"][1]["error"] == "It is broken."
        assert outcome.value["chunks"] == 3
        assert [report["say"]["code"] for report in said] == ["FileIndexed", "FileFailed", "FileUnchanged"]

    def test_cancelling_cancels_every_file(
        self, studio: Studio, task: Task, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        jobs = [Job(name, "kb", name, "queued", 0, 0, None, 0.0, None) for name in ("a", "b")]
        cancelled: list[str] = []

        def wait(jobs: list[Job], progress: Any) -> list[FileResult]:
            task.cancel()
            return [FileResult(job.path, "cancelled") for job in jobs]

        monkeypatch.setattr(studio.knowledge, "get", lambda name: None)
        monkeypatch.setattr(studio.knowledge, "enqueue", lambda name, paths: jobs)
        monkeypatch.setattr(studio.knowledge, "cancel", cancelled.append)
        monkeypatch.setattr(studio.knowledge, "wait", wait)
        assert run(studio, "kb add", {"name": "kb", "paths": ["/x"]}, task).exit_code == 1
        assert cancelled == ["a", "b"]


def test_a_fault_is_one_sentence_and_exit_code_1(
    studio: Studio, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault() -> None:
        raise ValueError("broken")

    monkeypatch.setattr(studio.catalogue, "cards", fault)
    outcome = run(studio, "models list", {}, task)
    assert code(outcome) == (1, "CommandFailed")
    assert outcome.error is not None
    assert "broken" in outcome.error["zh"]


def test_a_task_cancelled_before_it_began_tells_whoever_comes(task: Task) -> None:
    called: list[str] = []
    task.cancel()
    with task.on_cancel(lambda: called.append("now")):
        assert called == ["now"]


def test_every_command_of_the_grammar_exists() -> None:
    from studio.cli import build_parser

    known = set()
    top = next(action for action in build_parser()._actions if action.dest == "command")
    for name, parser in top.choices.items():  # type: ignore[union-attr]
        inner = next((action for action in parser._actions if action.dest == "action"), None)
        known |= {f"{name} {each}" for each in inner.choices} if inner else {name}
    assert known - {"serve"} == set(COMMANDS)
