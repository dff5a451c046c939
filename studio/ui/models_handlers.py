"""What happens on the models page."""

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from studio.engines.base import Progress
from studio.engines.errors import DoesNotFit
from studio.models.card import ModelCard
from studio.sentences import StudioError
from studio.services import Studio
from studio.ui.markup import button, size
from studio.ui.models_view import draw_doing, draw_done, draw_failed, draw_models
from studio.ui.progress import Pump
from studio.ui.texts import Texts
from studio.ui.wires import say, warn

# banner, cards
Shown = tuple[Any, Any]


class ModelsHandlers:
    """The handlers of one models page, in one language."""

    def __init__(self, studio: Studio, texts: Texts):
        self.studio = studio
        self.texts = texts

    def arrive(self) -> Shown:
        """The tab was opened."""
        return "", draw_models(self.studio, self.texts)

    def act(self, event: gr.EventData) -> Iterator[Shown]:
        """A button was pressed."""
        match event.do:
            case "load":
                yield from self.load(event.id, event.level, [])
            case "make-room":
                yield from self.load(event.id, event.level, event.keys.split("\n"))
            case "unload":
                yield self.unload(event.key)
            case "remove":
                yield self.remove(event.id)

    def load(self, model: str, level: str, evict: list[str]) -> Iterator[Shown]:
        """Load a model with its stages shown; when it does not fit, offer to make room."""
        texts, studio = self.texts, self.studio
        name = studio.catalogue.get(model).name

        def work(put: Callable[[Progress], None]) -> None:
            studio.load(model, level, evict, put)

        try:
            for batch in Pump(work, "load").batches():
                stage = getattr(texts, "stage_" + batch[-1].stage.replace("-", "_"))
                text = f"{texts.loading_model.format(name=f'{name} @ {level}')}: {stage}"
                yield draw_doing(text, batch[-1].fraction), gr.skip()
        except DoesNotFit as error:
            yield draw_failed(error.say(texts.language), self._offer(model, level, error)), self._cards()
            return
        except StudioError as error:
            yield draw_failed(error.say(texts.language)), self._cards()
            return
        yield self._loaded(name, model, level), self._cards()

    def _loaded(self, name: str, model: str, level: str) -> str:
        entries = self.studio.pool.ledger()
        seconds = next(
            (e.loaded.seconds for e in entries if e.card.id == model and e.level == level and e.loaded), 0.0
        )
        return draw_done(self.texts.loaded_in.format(name=name, level=level, seconds=f"{seconds:.1f}"))

    def _offer(self, model: str, level: str, error: DoesNotFit) -> str:
        if not error.listing:
            return ""
        names = ("、" if self.texts.language == "zh" else ", ").join(error.listing)
        label = self.texts.make_room.format(names=names)
        return button(
            label, "make-room", kind="primary", id=model, level=level, keys="\n".join(error.listing)
        )

    def unload(self, key: str) -> Shown:
        """End a worker and say what came back."""
        entry = next((entry for entry in self.studio.pool.ledger() if entry.key == key), None)
        released = self.studio.unload(key)
        name, level = (entry.card.name, entry.level) if entry else key.rsplit("@", 1)
        freed = size(released.freed_bytes)
        return draw_done(self.texts.unloaded.format(name=name, level=level, freed=freed)), self._cards()

    def remove(self, model: str) -> Shown:
        """Forget a model; a loaded one is unloaded first."""
        for entry in self.studio.pool.ledger():
            if entry.card.id == model:
                self.studio.unload(entry.key)
        self.studio.catalogue.remove(model)
        return draw_done(self.texts.removed.format(name=model)), self._cards()

    def add(self, location: str) -> Iterator[tuple[Any, Any, Any]]:
        """Add a folder, or download a hub id."""
        texts, skip = self.texts, gr.skip()
        location = location.strip()
        if not location:
            warn(texts, texts.model_location_empty)
            yield skip, skip, skip
            return
        added: list[ModelCard] = []

        def work(put: Callable[[tuple[int, int]], None]) -> None:
            added.append(self.studio.catalogue.add(location, lambda done, total: put((done, total))))

        yield draw_doing(texts.adding.format(location=location), None), skip, skip
        try:
            for batch in Pump(work, "add model").batches():
                done, total = batch[-1]
                text = texts.downloading.format(location=location, done=size(done), total=size(total))
                yield draw_doing(text, done / total if total else None), skip, skip
        except Exception as error:
            yield draw_failed(say(error, texts)), self._cards(), skip
            return
        yield draw_done(texts.added.format(name=added[0].name)), self._cards(), ""

    def _cards(self) -> str:
        return draw_models(self.studio, self.texts)
