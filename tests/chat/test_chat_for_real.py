"""The whole way with the packaged starters: real weights, real documents, real kills."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from studio.chat.events import Event, Failed, Finished, Loading, ReplyOptions, Retrieved, Token
from studio.compare.comparison import Compared, Contestant
from studio.engines.base import Sampling
from studio.engines.errors import WorkerDied
from studio.services import Studio
from studio.settings import ASSETS, Settings

MODEL = "smollm2-135m-instruct"
GREEDY = ReplyOptions(MODEL, "full", Sampling(temperature=0, max_tokens=40, seed=1))
LONG = replace(GREEDY, sampling=Sampling(temperature=0, max_tokens=400))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("studio")
    opened = Studio(Settings(data_dir=folder, spare_worker=False))
    opened.knowledge.create("samples")
    opened.knowledge.add("samples", sorted((ASSETS / "samples").glob("*.pdf")), None)
    yield opened
    opened.close()


def ask(studio: Studio, question: str, options: ReplyOptions = GREEDY) -> list[Event]:
    return list(studio.chat.reply(studio.chat.create().id, question, options))


def test_a_first_answer_comes_with_progress_and_figures(studio: Studio) -> None:
    events = ask(studio, "What is the capital of France?")
    assert any(isinstance(event, Loading) for event in events)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert "Paris" in finished.answer
    assert finished.usage.prompt_tokens > 10 and finished.usage.ttft_seconds
    assert finished.usage.completion_tokens >= len([event for event in events if isinstance(event, Token)])


def test_an_answer_from_a_document_names_the_page(studio: Studio) -> None:
    question = "Who founded the tidal observatory on Skerrow, and in which year?"
    events = ask(studio, question, replace(GREEDY, knowledge_base="samples"))
    retrieved = next(event for event in events if isinstance(event, Retrieved))
    assert 1 in [evidence.page for evidence in retrieved.evidence]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert "Ida Fenwick" in finished.answer and "1911" in finished.answer
    first = finished.citations[0]
    assert (first.page, first.document) == (1, "skerrow-tidal-observatory.pdf")
    assert f"[{first.n}]" in finished.answer
    assert "Ida Fenwick" in first.text and "1911" in first.text
    assert first.text.split(" … ")[0] in finished.evidence[first.n - 1].text


def test_a_follow_up_knows_what_was_said(studio: Studio) -> None:
    conversation = studio.chat.create().id
    list(studio.chat.reply(conversation, "What is the capital of France?", GREEDY))
    finished = list(studio.chat.reply(conversation, "And of Italy?", GREEDY))[-1]
    assert isinstance(finished, Finished) and "Rome" in finished.answer
    assert [entry["what"] for entry in finished.context.kept] == ["turn"]


def test_stop_ends_within_a_token(studio: Studio) -> None:
    conversation = studio.chat.create().id
    seen = 0
    for event in studio.chat.reply(conversation, "Count from one to one hundred in words.", LONG):
        if isinstance(event, Token):
            seen += 1
            if seen == 5:
                studio.chat.stop(conversation)
    assert isinstance(event, Finished) and event.reason == "cancelled"
    assert event.usage.completion_tokens < 20
    turn = studio.chat.turns(conversation)[0]
    assert turn.status == "stopped" and turn.answer == event.answer != ""


def test_a_worker_killed_in_the_middle_costs_one_answer(studio: Studio) -> None:
    conversation = studio.chat.create().id
    for event in studio.chat.reply(conversation, "Count from one to one hundred in words.", LONG):
        if isinstance(event, Token):
            for entry in studio.pool.ledger():
                if entry.card.id == MODEL and entry.probe and entry.probe.pid:
                    os.kill(entry.probe.pid, signal.SIGKILL)
    assert isinstance(event, Failed) and isinstance(event.error, WorkerDied)
    turn = studio.chat.turns(conversation)[0]
    assert turn.status == "failed" and turn.answer == event.answer != ""
    again = list(studio.chat.reply(conversation, "What is the capital of France?", GREEDY))[-1]
    assert isinstance(again, Finished) and again.answer


def test_an_empty_folder_as_a_model_is_one_sentence(studio: Studio, tmp_path: Path) -> None:
    failed = ask(studio, "Hello", replace(GREEDY, model=str(tmp_path)))[-1]
    assert isinstance(failed, Failed) and failed.error.say("zh") != failed.error.say("en")


def test_two_levels_side_by_side(studio: Studio) -> None:
    contestants = [Contestant(MODEL, "full"), Contestant(MODEL, "nf4"), Contestant(MODEL, "no-such-level")]
    events = list(
        studio.comparison.run(
            "Who founded the tidal observatory on Skerrow?",
            contestants,
            Sampling(temperature=0, max_tokens=30),
            knowledge_base="samples",
        )
    )
    last = events[-1].event
    assert isinstance(last, Compared)
    full, nf4, unknown = last.results
    assert full.error is None and nf4.error is None and unknown.error is not None
    assert full.usage and nf4.usage and full.usage.prompt_tokens == nf4.usage.prompt_tokens
    assert full.answer and nf4.answer
    assert full.peak_bytes and nf4.peak_bytes
    assert nf4.load_seconds is not None
