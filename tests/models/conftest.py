"""Model folders written by hand, and a hub on this computer to download them from."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub import Hub, running_hub
from safetensors.numpy import save_file
from tiny_models import LLAMA, MakeModel, Shapes, llama_shapes, random_tensors

from studio.models.catalogue import Catalogue
from studio.settings import Settings
from studio.store import Store


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """Writes a model folder: `make_model(name, config, shapes, {"other file": text or JSON})`."""

    def make(
        name: str = "tiny-llama",
        config: dict[str, Any] | None = None,
        shapes: Shapes | None = None,
        files: dict[str, Any] | None = None,
        seed: int = 0,
    ) -> Path:
        folder = tmp_path / "models-of-the-user" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(LLAMA if config is None else config))
        save_file(
            random_tensors(llama_shapes() if shapes is None else shapes, seed), folder / "model.safetensors"
        )
        for file, content in (files or {}).items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(content if isinstance(content, str) else json.dumps(content))
        return folder

    return make


@pytest.fixture
def catalogue(settings: Settings, store: Store) -> Catalogue:
    return Catalogue(settings, store)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A model hub on this computer, which the studio takes for the real one."""
    with running_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running
