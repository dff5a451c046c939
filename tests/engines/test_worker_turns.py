"""Whose turn it is in a worker: one generation computes, others wait, and each can be cancelled."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from studio.engines.base import Done, Message, Sampling, Usage
from studio.engines.messages import Answer, Ask, Cancel, Generate
from studio.engines.worker.main import Worker

CANCELLED = Done("cancelled", Usage(0, 0, None, None))
STOPPED = Done("cancelled", Usage(3, 1, 0.1, None))
FINISHED = Done("stop", Usage(3, 2, 0.1, 10.0))


class Wire:
    """Keeps what the worker sends."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, message: Any) -> None:
        self.sent.append(message)


class Model:
    """Runs `meanwhile` in the middle of every answer."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] = lambda: None
        self.asked: list[str] = []

    def generate(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        tell: Callable[[Any], None],
        halt: threading.Event,
    ) -> Done:
        self.asked.append(messages[0].content)
        self.meanwhile()
        return STOPPED if halt.is_set() else FINISHED


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def worker(wire: Wire, model: Model) -> Worker:
    made = Worker(wire)
    made._model = model
    return made


def generate(call: int, request: str) -> Ask:
    return Ask(call, Generate(request, (Message("user", request),), Sampling()))


def compute(worker: Worker) -> None:
    while not worker._orders.empty():
        worker._take_turn(worker._orders.get())


def test_one_that_waits_is_cancelled_at_once_and_skipped(worker: Worker, wire: Wire, model: Model) -> None:
    worker._sort(generate(1, "first"))
    worker._sort(generate(2, "second"))
    worker._sort(generate(3, "third"))

    def meanwhile() -> None:
        if model.asked == ["first"]:
            worker._sort(Ask(0, Cancel("second")))
            assert wire.sent == [Answer(2, CANCELLED)]

    model.meanwhile = meanwhile
    compute(worker)
    assert model.asked == ["first", "third"]
    assert wire.sent == [Answer(2, CANCELLED), Answer(1, FINISHED), Answer(3, FINISHED)]


def test_one_that_runs_ends_by_itself(worker: Worker, wire: Wire, model: Model) -> None:
    worker._sort(generate(1, "first"))
    model.meanwhile = lambda: worker._sort(Ask(0, Cancel("first")))
    compute(worker)
    assert wire.sent == [Answer(1, STOPPED)]


def test_a_request_that_nobody_knows_is_ignored(worker: Worker, wire: Wire) -> None:
    worker._sort(Ask(0, Cancel("nobody's")))
    worker._sort(generate(1, "first"))
    compute(worker)
    worker._sort(Ask(0, Cancel("first")))
    assert wire.sent == [Answer(1, FINISHED)]
