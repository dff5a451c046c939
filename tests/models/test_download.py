"""Models come from a hub over HTTP, whole or with one clear sentence."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from hub import Hub
from huggingface_hub import constants
from tiny_models import MakeModel

from studio.models.catalogue import Catalogue
from studio.models.errors import (
    DownloadCancelled,
    DownloadInterrupted,
    GatedModel,
    HubUnreachable,
    NoSpaceForModel,
    NothingToDownload,
    NotOnHub,
)
from studio.settings import Settings

NAME = "maker/Tiny-Llama"


@pytest.fixture
def offered(hub: Hub, make_model: MakeModel) -> Path:
    """A model that the hub has, with files that nobody should download."""
    files = {
        "tokenizer.json": {"model": {}},
        "tokenizer_config.json": {"chat_template": "{{ messages }}"},
        "README.md": "---\nlicense: mit\nlanguage: [en, zh]\n---\n# Tiny\n",
        "pytorch_model.bin": "a pickle",
        "modeling_tiny.py": "raise SystemExit",
        "onnx/model.safetensors": "not for us",
    }
    folder = make_model("offered", files=files)
    hub.offer(NAME, folder)
    return folder


def test_a_model_is_downloaded_and_listed(catalogue: Catalogue, settings: Settings, offered: Path):
    seen: list[tuple[int, int]] = []
    card = catalogue.add(NAME, lambda done, total: seen.append((done, total)))

    assert (card.id, card.name, card.kind, card.source) == ("tiny-llama", "Tiny-Llama", "chat", "hub")
    assert (card.licence, card.languages, card.hub_id) == ("MIT", ("en", "zh"), NAME)
    assert card.path == settings.models_dir / "tiny-llama"
    assert sorted(file.name for file in card.path.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    wanted = sum(file.stat().st_size for file in card.path.iterdir())
    assert seen[-1] == (wanted, wanted)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert catalogue.get("tiny-llama") == card


def test_adding_again_downloads_nothing(catalogue: Catalogue, hub: Hub, offered: Path):
    card = catalogue.add(NAME)
    hub.asked.clear()
    assert catalogue.add(f"{hub.address}/{NAME}/tree/main") == card
    assert hub.asked == []


def test_a_dropped_connection_is_taken_up_where_it_broke(
    catalogue: Catalogue, hub: Hub, offered: Path, monkeypatch: pytest.MonkeyPatch
):
    # The client writes whole chunks; its own are 10 MB
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 4096)
    hub.dropped["model.safetensors"] = 10_000
    card = catalogue.add(NAME)
    asked = [wanted for name, wanted in hub.asked if name == "model.safetensors"]
    assert asked[0] is None
    assert asked[1] == "bytes=8192-"
    assert card.path is not None
    assert (card.path / "model.safetensors").read_bytes() == (offered / "model.safetensors").read_bytes()


def test_after_a_failure_complete_files_are_kept(
    catalogue: Catalogue, settings: Settings, hub: Hub, offered: Path
):
    hub.failing.add("model.safetensors")
    with pytest.raises(DownloadInterrupted) as caught:
        catalogue.add(NAME)
    assert NAME in caught.value.say("en")
    assert NAME in caught.value.say("zh")
    assert not (settings.models_dir / "tiny-llama").exists()
    assert "tiny-llama" not in [card.id for card in catalogue.cards()]
    kept = {file.name for file in (settings.models_dir / "tiny-llama.part").iterdir() if file.is_file()}
    assert kept

    hub.failing.clear()
    hub.asked.clear()
    seen: list[int] = []
    assert catalogue.add(NAME, lambda done, _total: seen.append(done)).installed
    assert kept.isdisjoint(name for name, _ in hub.asked)
    assert seen[0] > 0


def test_a_download_can_be_cancelled(catalogue: Catalogue, settings: Settings, offered: Path):
    def stop(_done: int, _total: int) -> None:
        raise DownloadCancelled(model=NAME)

    with pytest.raises(DownloadCancelled):
        catalogue.add(NAME, stop)
    assert not (settings.models_dir / "tiny-llama").exists()
    assert catalogue.add(NAME).installed


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "RepoNotFound", NotOnHub),
        (404, "RepoNotFound", NotOnHub),
        (401, "GatedRepo", GatedModel),
        (403, "GatedRepo", GatedModel),
        (500, "ServerError", HubUnreachable),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(
    catalogue: Catalogue, hub: Hub, status: int, code: str, error: type[Exception]
):
    hub.refused[NAME] = (status, code)
    with pytest.raises(error) as caught:
        catalogue.add(NAME)
    assert "\n" not in str(caught.value)


def test_a_gated_model_says_where_to_accept_its_licence(catalogue: Catalogue, hub: Hub):
    hub.refused[NAME] = (403, "GatedRepo")
    with pytest.raises(GatedModel, match=f"{hub.address}/{NAME}"):
        catalogue.add(NAME)


def test_no_network(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, free_port: int):
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port}")
    with pytest.raises(HubUnreachable, match=f"http://127.0.0.1:{free_port}"):
        catalogue.add(NAME)


def test_a_repository_without_safetensors_is_not_downloaded(catalogue: Catalogue, hub: Hub):
    hub.repositories[NAME] = {"config.json": b"{}", "pytorch_model.bin": b"a pickle"}
    with pytest.raises(NothingToDownload):
        catalogue.add(NAME)
    assert hub.asked == []


def test_a_full_disk_is_noticed_before_the_download(
    catalogue: Catalogue, hub: Hub, offered: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=1000))
    with pytest.raises(NoSpaceForModel, match="1 kB free"):
        catalogue.add(NAME)
    assert hub.asked == []


def test_removing_a_downloaded_model_deletes_its_files(
    catalogue: Catalogue, settings: Settings, offered: Path
):
    catalogue.add(NAME)
    catalogue.remove("tiny-llama")
    assert not (settings.models_dir / "tiny-llama").exists()
    assert (offered / "model.safetensors").exists()
