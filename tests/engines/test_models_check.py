"""`models check` in a studio that others use: it unloads only what it loaded and nobody took up since."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeEngine, FakePool, fake_card
from stand_ins import FakeCatalogue

from studio.commands import Task, run
from studio.engines.errors import WorkerDied
from studio.engines.ledger import LedgerEntry
from studio.services import Studio
from studio.settings import Settings

CHECK = {"model": "fake-chat", "level": "full"}


class SharedPool(FakePool):
    """Shows the model as `loading` until it is first used; `others` use it meanwhile."""

    def __init__(self, engine: FakeEngine):
        super().__init__(engine)
        self.loading = False
        self.others: list[str] = []

    def ledger(self) -> list[LedgerEntry]:
        entries = [replace(entry, busy=entry.busy or entry.key in self.others) for entry in super().ledger()]
        if self.loading:
            return [replace(entry, state="loading", loaded=None) for entry in entries]
        return entries

    def use(self, *asked: Any, **options: Any) -> Any:
        self.loading = False
        return super().use(*asked, **options)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def pool(engine: FakeEngine) -> SharedPool:
    return SharedPool(engine)


@pytest.fixture
def studio(settings: Settings, pool: SharedPool) -> Iterator[Studio]:
    made = Studio(settings.model_copy(update={"chat_model": "fake-chat"}))
    made.pool, made.catalogue = pool, FakeCatalogue(fake_card())  # type: ignore[assignment]
    yield made
    made.close()


def keys(pool: FakePool) -> list[str]:
    return [entry.key for entry in pool.ledger()]


def test_what_somebody_else_is_loading_stays(studio: Studio, pool: SharedPool) -> None:
    pool.load(fake_card(), "full")
    pool.loading = True
    outcome = run(studio, "models check", CHECK, Task(lambda _: None))
    assert outcome.exit_code == 0 and outcome.value["after_unload_bytes"] is None
    assert keys(pool) == ["fake-chat@full"]


def test_what_somebody_took_up_meanwhile_stays(studio: Studio, pool: SharedPool, engine: FakeEngine) -> None:
    pool.others = ["fake-chat@full"]
    outcome = run(studio, "models check", CHECK, Task(lambda _: None))
    assert outcome.exit_code == 0 and outcome.value["after_unload_bytes"] is None
    assert keys(pool) == ["fake-chat@full"] and not engine.closed


def test_what_fails_is_unloaded_too(studio: Studio, pool: SharedPool, engine: FakeEngine) -> None:
    engine.replies.append(WorkerDied(model="fake-chat", detail="killed"))
    assert run(studio, "models check", CHECK, Task(lambda _: None)).exit_code != 0
    assert keys(pool) == [] and engine.closed
