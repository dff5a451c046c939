"""The catalogue: every model the studio knows, and how models come and go."""

import difflib
import re
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from studio.models.card import Kind, ModelCard, Source
from studio.models.download import download
from studio.models.errors import NoSuchLocation, StarterStays, UnknownModel
from studio.models.inspect import inspect_folder
from studio.models.starters import STARTERS, starter, starter_card, verify
from studio.sentences import StudioError
from studio.settings import Settings
from studio.store import Store

# (bytes done, bytes in all)
DownloadProgress = Callable[[int, int], None]

# `owner/name`, or the address of its page on the hub or a mirror
_HUB_ID = re.compile(r"(?:https?://[^/]+/)?([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:/tree/main)?/?")


class Catalogue:
    """Starters, folders the user added, and models downloaded from the hub. Thread-safe."""

    def __init__(self, settings: Settings, store: Store):
        self._settings = settings
        self._store = store
        self._inspected: dict[str, tuple[tuple[object, ...], ModelCard]] = {}
        self._adding = threading.Lock()

    def cards(self, kind: Kind | None = None) -> list[ModelCard]:
        """Every model, installed ones first. One that cannot be read is not installed, and says why."""
        found = [starter_card(each, self._settings) for each in STARTERS]
        found += [self._card_or_note(*row) for row in self._rows()]
        chosen = [card for card in found if kind is None or card.kind == kind]
        return sorted(chosen, key=lambda card: not card.installed)

    def get(self, model_id: str) -> ModelCard:
        """One model. Raises `UnknownModel`, `StarterDamaged`, or what `inspect_folder` raises."""
        packaged = starter(model_id)
        if packaged is not None:
            verify(packaged, self._settings)
            return starter_card(packaged, self._settings)
        for row in self._rows():
            if row[0] == model_id:
                return self._inspect(*row)
        ids = [card.id for card in self.cards()]
        raise UnknownModel(model=model_id, close=_alike(model_id, ids))

    def add(self, location: str, progress: DownloadProgress | None = None) -> ModelCard:
        """Add a folder where it lies, or download a hub id (`owner/name`). Adding twice is adding once.

        Raises `NoSuchLocation`, what `inspect_folder` raises, and for a hub id what `download` raises.
        """
        location = location.strip()
        folder = Path(location).expanduser()
        with self._adding:
            if location and folder.is_dir():
                return self._add("folder", str(folder.resolve()), folder.name)
            named = _HUB_ID.fullmatch(location)
            if named is None:
                raise NoSuchLocation(location=location or "''")
            return self._add_from_hub(named[1], progress)

    def remove(self, model_id: str) -> None:
        """Forget a model. Its files are deleted only when the studio downloaded them.

        Raises `UnknownModel` or `StarterStays`.
        """
        packaged = starter(model_id)
        if packaged is not None:
            raise StarterStays(model=packaged.card.name, package=packaged.distribution)
        for row in self._rows():
            if row[0] == model_id:
                self._store.write("DELETE FROM added_models WHERE id = ?", (model_id,))
                self._inspected.pop(model_id, None)
                if row[1] == "hub":
                    shutil.rmtree(self._settings.models_dir / model_id, ignore_errors=True)
                return
        raise UnknownModel(model=model_id)

    def _add(self, source: Source, location: str, name: str) -> ModelCard:
        known = self._known(location)
        model_id = known or self._free_id(name)
        card = self._inspect(model_id, source, location)
        if known is None:
            self._store.write(
                "INSERT INTO added_models (id, source, location, created_at) VALUES (?, ?, ?, ?)",
                (model_id, source, location, time.time()),
            )
        return card

    def _add_from_hub(self, hub_id: str, progress: DownloadProgress | None) -> ModelCard:
        known = self._known(hub_id)
        model_id = known or self._free_id(hub_id.rpartition("/")[2])
        folder = self._settings.models_dir / model_id
        if not folder.is_dir():
            download(hub_id, folder, progress)
        return self._add("hub", hub_id, model_id)

    def _known(self, location: str) -> str | None:
        return next((row[0] for row in self._rows() if row[2] == location), None)

    def _free_id(self, name: str) -> str:
        """A readable id that no other model has."""
        plain = re.sub(r"[^\w.-]+", "-", name.lower()).strip("-.") or "model"
        taken = {row[0] for row in self._rows()} | {each.card.id for each in STARTERS}
        number, model_id = 1, plain
        while model_id in taken:
            number += 1
            model_id = f"{plain}-{number}"
        return model_id

    def _rows(self) -> list[tuple[str, Source, str]]:
        rows = self._store.rows("SELECT id, source, location FROM added_models ORDER BY created_at")
        return [(row["id"], row["source"], row["location"]) for row in rows]

    def _folder(self, model_id: str, source: Source, location: str) -> Path:
        return self._settings.models_dir / model_id if source == "hub" else Path(location)

    def _card_or_note(self, model_id: str, source: Source, location: str) -> ModelCard:
        try:
            return self._inspect(model_id, source, location)
        except StudioError as error:
            earlier = self._inspected.get(model_id)
            blank = ModelCard(id=model_id, name=model_id, family="", kind="chat", source=source)
            card = earlier[1] if earlier else blank
            return replace(card, installed=False, path=None, note_en=error.say("en"), note_zh=error.say("zh"))

    def _inspect(self, model_id: str, source: Source, location: str) -> ModelCard:
        folder = self._folder(model_id, source, location)
        state = _state(folder)
        remembered = self._inspected.get(model_id)
        if remembered is None or remembered[0] != state:
            card = inspect_folder(folder, model_id, source, location if source == "hub" else "")
            remembered = (state, card)
            self._inspected[model_id] = remembered
        return remembered[1]


def _alike(wanted: str, ids: list[str]) -> tuple[str, ...]:
    """Ids that hold what was asked for, then those spelled like it; three at most."""
    plain = wanted.lower()
    holding = [model_id for model_id in ids if plain and plain in model_id]
    return tuple(dict.fromkeys(holding + difflib.get_close_matches(plain, ids, cutoff=0.5)))[:3]


def _state(folder: Path) -> tuple[object, ...]:
    """Changes when a file of the folder does."""
    try:
        files = sorted(folder.iterdir())
        return tuple((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    except OSError:
        return ()
