"""The owner of memory: who is loaded, who is refused, who has to go."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from engine_help import ask
from fakes import FakeEngine

from studio.engines import pool as pool_module
from studio.engines.base import Loaded, Probe, Progress, ProgressCallback
from studio.engines.errors import DoesNotFit, LoadFailed, NotAChatModel, NotLoaded, Unloaded, WorkerDied
from studio.engines.ledger import ledger_key
from studio.engines.local import LocalEngine
from studio.engines.pool import Pool
from studio.models.card import Estimate, ModelCard
from studio.models.errors import FolderGone, LevelUnavailable, ModelNotInstalled, NoWeights
from studio.settings import Settings

GB = 10**9


class Memory:
    """A device with so much memory that every loaded model takes `each` of it."""

    def __init__(self, total: int, each: int):
        self.total = total
        self.each = each
        self.engines: list[Engine] = []

    @property
    def available(self) -> int:
        return self.total - self.each * sum(engine.held for engine in self.engines)

    def estimate(self, card: ModelCard, level: str, context: int, device: str | None = None) -> Estimate:
        left = self.available - self.each
        fit = "fits" if left >= GB else "tight" if left >= 0 else "does not fit"
        return Estimate(self.each, 0, 0, self.available, fit, device or "cpu", {})

    def make(self) -> "Engine":
        self.engines.append(Engine(self))
        return self.engines[-1]


class Engine(FakeEngine):
    """Loads when `let` is set; fails with `error`."""

    def __init__(self, memory: Memory):
        super().__init__()
        self.memory = memory
        self.held = False
        self.let = threading.Event()
        self.let.set()
        self.error: Exception | None = None

    def load(self, card: ModelCard, level: str, device: str, progress: ProgressCallback) -> Loaded:
        progress(Progress("weights", 0.5))
        while not self.let.wait(0.01):
            if self.closed:
                raise Unloaded(model=card.name)
        if self.error:
            raise self.error
        self.held = True
        return super().load(card, level, device, progress)

    def probe(self) -> Probe:
        return Probe(self.memory.each, self.memory.each, "cpu", None)

    def close(self) -> None:
        self.held = False
        super().close()


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    """Room for two models of 4 GB, and a tight third."""
    made = Memory(total=12 * GB, each=4 * GB)
    monkeypatch.setattr(pool_module, "estimate", made.estimate)
    return made


@pytest.fixture
def pool(settings: Settings, memory: Memory) -> Iterator[Pool]:
    made = Pool(settings, engine_factory=memory.make)
    yield made
    made.close()


@pytest.fixture
def real_pool(settings: Settings) -> Iterator[Pool]:
    made = Pool(settings)
    yield made
    made.close()


@pytest.fixture
def model(card: Callable[..., ModelCard]) -> Callable[[str], ModelCard]:
    """A card under any name, over the files of a tiny model."""
    return lambda name: card("random", id=name, name=name)


def keys(pool: Pool) -> list[str]:
    return [entry.key for entry in pool.ledger()]


def test_a_second_load_finds_the_first(pool: Pool, model: Callable[[str], ModelCard]) -> None:
    assert pool.load(model("a"), "full") is pool.load(model("a"), "full")
    assert pool.load(model("a"), "nf4") is not pool.load(model("a"), "full")
    assert keys(pool) == ["a@full", "a@nf4"]


def test_a_load_on_its_way_is_joined(
    pool: Pool, memory: Memory, model: Callable[[str], ModelCard], monkeypatch: pytest.MonkeyPatch
) -> None:
    let = threading.Event()
    original = memory.make

    def slow() -> Engine:
        engine = original()
        engine.let = let
        return engine

    monkeypatch.setattr(memory, "make", slow)
    pool._spare._make = slow  # type: ignore[attr-defined]
    found: list[object] = []
    steps: list[Progress] = []
    loads = [
        threading.Thread(target=lambda: found.append(pool.load(model("a"), "full", progress=steps.append)))
        for _ in range(5)
    ]
    for load in loads:
        load.start()
    wait_until(lambda: pool.ledger() and pool.ledger()[0].progress is not None)
    assert pool.ledger()[0].state == "loading"
    let.set()
    for load in loads:
        load.join()
    assert len(set(map(id, found))) == 1 and len(found) == 5
    assert len(memory.engines) == 1
    assert steps[-1].stage == "ready"


def test_what_does_not_fit_is_refused_before_anything_starts(
    pool: Pool, memory: Memory, model: Callable[[str], ModelCard]
) -> None:
    for name in "abc":
        pool.load(model(name), "full")
    with pool.use(model("b"), "full"), pytest.raises(DoesNotFit) as caught:
        pool.load(model("d"), "full")
    assert len(memory.engines) == 3
    assert keys(pool) == ["a@full", "b@full", "c@full"]
    assert "b@full" not in caught.value.listing, "it is in use"
    assert "a@full" in caught.value.listing
    for language in ("en", "zh"):
        said = caught.value.say(language)
        assert "4.0 GB" in said and "0 B" in said and "a@full" in said


def test_only_what_was_agreed_to_is_evicted_and_only_as_far_as_needed(
    pool: Pool, memory: Memory, model: Callable[[str], ModelCard]
) -> None:
    memory.total = 13 * GB
    for name in "abc":
        pool.load(model(name), "full")
    pool.load(model("d"), "full", evict=["b@full", "c@full"])
    assert keys(pool) == ["a@full", "c@full", "d@full"]
    assert memory.engines[1].closed


def test_a_model_in_use_is_never_evicted(pool: Pool, model: Callable[[str], ModelCard]) -> None:
    for name in "abc":
        pool.load(model(name), "full")
    with pool.use(model("a"), "full") as engine:
        with pytest.raises(DoesNotFit):
            pool.load(model("d"), "full", evict=["a@full"])
        assert engine.alive
        assert [entry.busy for entry in pool.ledger()] == [True, False, False]
    assert not any(entry.busy for entry in pool.ledger())


def test_tight_is_accepted(pool: Pool, model: Callable[[str], ModelCard]) -> None:
    for name in "abc":
        pool.load(model(name), "full")
    assert [entry.estimated.fit for entry in pool.ledger()] == ["fits", "fits", "tight"]


def test_what_cannot_load_is_said_before_anything_starts(
    pool: Pool, memory: Memory, card: Callable[..., ModelCard]
) -> None:
    refused = [
        (card("bert", kind="encoder"), "full", NotAChatModel),
        (card("random", levels=("full",)), "nf4", LevelUnavailable),
        (card("random", path=None), "full", ModelNotInstalled),
        (card("nowhere"), "full", FolderGone),
        (card("empty"), "full", NoWeights),
    ]
    for wrong, level, error in refused:
        with pytest.raises(error):
            pool.load(wrong, level)
    assert not memory.engines and not pool.ledger()


def test_a_load_that_fails_leaves_nothing(
    pool: Pool, memory: Memory, model: Callable[[str], ModelCard]
) -> None:
    engine = memory.make()
    engine.error = LoadFailed(model="a", detail="broken")
    pool._spare.give_back(engine)  # type: ignore[attr-defined]
    with pytest.raises(LoadFailed):
        pool.load(model("a"), "full")
    assert engine.closed and not pool.ledger()
    pool.load(model("a"), "full")


def test_unload(pool: Pool, model: Callable[[str], ModelCard]) -> None:
    engine = pool.load(model("a"), "full")
    released = pool.unload("a@full")
    assert released.process_ended and not engine.alive
    assert released.freed_bytes == released.before_bytes == 4 * GB
    with pytest.raises(NotLoaded):
        pool.unload("a@full")


def test_unload_while_it_is_loading(pool: Pool, memory: Memory, model: Callable[[str], ModelCard]) -> None:
    engine = memory.make()
    engine.let.clear()
    pool._spare.give_back(engine)  # type: ignore[attr-defined]
    failed: list[BaseException] = []

    def load() -> None:
        try:
            pool.load(model("a"), "full")
        except Unloaded as error:
            failed.append(error)

    loading = threading.Thread(target=load)
    loading.start()
    wait_until(lambda: pool.ledger() and pool.ledger()[0].progress is not None)
    pool.unload("a@full")
    loading.join()
    assert len(failed) == 1 and engine.closed and not pool.ledger()


@pytest.mark.parametrize("evicted", [False, True])
def test_a_load_waits_for_the_same_model_to_be_closed(
    pool: Pool, memory: Memory, model: Callable[[str], ModelCard], evicted: bool
) -> None:
    memory.total = 4 * GB
    old = pool.load(model("a"), "full")
    closing, go_on = threading.Event(), threading.Event()
    close = old.close

    def slow_close() -> None:
        closing.set()
        go_on.wait(30)
        close()

    old.close = slow_close  # type: ignore[method-assign]
    place = pool._places["a@full"]

    def let_go() -> None:
        if evicted:
            pool.unload(ledger_key(pool.load(model("b"), "full", evict=["a@full"]).card, "full"))
        else:
            pool.unload("a@full")

    found: list[object] = []
    threads = [
        threading.Thread(target=let_go),
        threading.Thread(target=lambda: found.append(pool.load(model("a"), "full", progress=lambda _: None))),
    ]
    threads[0].start()
    assert closing.wait(30)
    listeners = len(place.listeners)
    threads[1].start()
    wait_until(lambda: len(place.listeners) > listeners)
    threads[1].join(0.05)
    assert len(place.listeners) == listeners + 1, "it asks again and again"
    assert not found
    memory.total = 12 * GB
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert len(found) == 1 and found[0] is not old


def test_a_worker_that_cannot_be_ended_does_not_block_the_next_load(
    pool: Pool, model: Callable[[str], ModelCard], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = pool.load(model("a"), "full")
    with monkeypatch.context() as patch, pytest.raises(PermissionError):
        patch.setattr(old, "close", lambda: (_ for _ in ()).throw(PermissionError("not yours")))
        pool.unload("a@full")
    assert pool.load(model("a"), "full") is not old


def test_closing_ends_everything(pool: Pool, memory: Memory, model: Callable[[str], ModelCard]) -> None:
    pool.start_spare()
    pool.load(model("a"), "full")
    pool.start_spare()
    pool.close()
    assert len(memory.engines) == 2 and all(engine.closed for engine in memory.engines)
    with pytest.raises(Unloaded):
        pool.load(model("a"), "full")
    pool.close()


def test_a_spare_worker_takes_the_next_model(real_pool: Pool, model: Callable[[str], ModelCard]) -> None:
    real_pool.start_spare()
    spare = real_pool._spare._engine  # type: ignore[attr-defined]
    engine = real_pool.load(model("a"), "full")
    assert engine is spare


def test_a_worker_that_died_is_started_anew(real_pool: Pool, model: Callable[[str], ModelCard]) -> None:
    with real_pool.use(model("a"), "full") as engine:
        assert isinstance(engine, LocalEngine)
        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(WorkerDied):
            ask(engine, "hello")
    wait_until(lambda: real_pool.ledger()[0].state == "dead")
    with real_pool.use(model("a"), "full") as again:
        assert again is not engine
        assert ask(again, "hello", max_tokens=2)[1].usage.completion_tokens == 2
    assert [entry.state for entry in real_pool.ledger()] == ["ready"]


def test_the_ledger_measures_in_the_background(real_pool: Pool, model: Callable[[str], ModelCard]) -> None:
    engine = real_pool.load(model("a"), "full")
    assert isinstance(engine, LocalEngine)
    entry = real_pool.ledger()[0]
    assert entry.loaded is not None and entry.probe == entry.loaded.probe
    assert entry.probe is not None and entry.probe.pid == engine.pid
    assert entry.estimated.total_bytes > 0 and entry.level == "full" and entry.device == "cpu"
    real_pool._places["a@full"].probed = 0.0
    real_pool.ledger()
    wait_until(lambda: real_pool._places["a@full"].probed > 0)
    released = real_pool.unload("a@full")
    assert released.process_ended and not psutil.pid_exists(engine.pid)


def wait_until(true: Callable[[], object], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)
