"""A chat over a fake engine, and a knowledge base whose answers a test gives."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes import FakeEngine, FakePool, fake_card
from stand_ins import FakeCatalogue, FakeKnowledge

from studio.chat.conversation import Chat
from studio.settings import Settings
from studio.store import Store


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def pool(engine: FakeEngine) -> FakePool:
    return FakePool(engine)


@pytest.fixture
def knowledge() -> FakeKnowledge:
    return FakeKnowledge()


@pytest.fixture
def catalogue() -> FakeCatalogue:
    return FakeCatalogue(
        fake_card(),
        fake_card("chinese-chat", languages=("zh", "en")),
        fake_card("fake-embedder", kind="embedding"),
    )


@pytest.fixture
def make_chat(
    settings: Settings, store: Store, pool: FakePool, catalogue: FakeCatalogue, knowledge: FakeKnowledge
) -> Callable[..., Chat]:
    def make(**changes: Any) -> Chat:
        return Chat(settings, store, catalogue, pool, knowledge, **changes)  # type: ignore[arg-type]

    return make


@pytest.fixture
def chat(make_chat: Callable[..., Chat]) -> Chat:
    return make_chat()
