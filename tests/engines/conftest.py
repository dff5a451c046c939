"""Tiny models made once, engines that are closed for sure, and the packaged starters."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import fake_card

from studio.engines.local import LocalEngine
from studio.engines.pool import Pool
from studio.models.card import ModelCard
from studio.models.catalogue import Catalogue
from studio.settings import Settings
from studio.store import Store

LEVELS = ("full", "int8", "nf4", "fp4")


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make_models.py` fills."""
    folder = tmp_path_factory.mktemp("tiny")
    script = Path(__file__).with_name("make_models.py")
    subprocess.run([sys.executable, script, folder], check=True, capture_output=True, cwd=script.parents[2])
    return folder


@pytest.fixture
def card(tiny_models: Path) -> Callable[..., ModelCard]:
    """`card("parrot")`: the card of a tiny model; other fields can be given."""

    def make(folder: str, **facts: Any) -> ModelCard:
        known = {"id": folder, "path": tiny_models / folder, "levels": LEVELS, "context_length": 512}
        return fake_card(**(known | facts))

    return make


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    """One that has not loaded anything yet."""
    made = LocalEngine()
    yield made
    made.close()


@pytest.fixture(scope="module")
def parrot(tiny_models: Path) -> Iterator[LocalEngine]:
    """The trained one, loaded."""
    yield from loaded(fake_card("parrot", path=tiny_models / "parrot", levels=LEVELS))


@pytest.fixture(scope="module")
def babbler(tiny_models: Path) -> Iterator[LocalEngine]:
    """The untrained one, loaded: it never ends by itself."""
    yield from loaded(fake_card("random", path=tiny_models / "random", levels=LEVELS))


def loaded(card: ModelCard) -> Iterator[LocalEngine]:
    made = LocalEngine()
    try:
        made.load(card, "full", "cpu", lambda _: None)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> ModelCard:
    """The packaged chat model, converted once for all tests."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("starter"))
    store = Store(settings.database)
    pool = Pool(settings)
    try:
        return pool.prepare(Catalogue(settings, store).get("smollm2-135m-instruct"))
    finally:
        pool.close()
        store.close()


@pytest.fixture
def packaged(settings: Settings, store: Store) -> Callable[[str], ModelCard]:
    """The card of a packaged model as the catalogue has it before its first use."""
    return lambda name: replace(Catalogue(settings, store).get(name))
