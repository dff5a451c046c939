"""What happens on the knowledge page."""

from pathlib import Path
from typing import Any

import gradio as gr

from studio.knowledge.types import KnowledgeBase
from studio.sentences import StudioError
from studio.services import Studio
from studio.ui.knowledge_view import draw_base_head, draw_bases, draw_documents, draw_progress, draw_search
from studio.ui.texts import Texts
from studio.ui.wires import warn

EMBEDDER_KINDS = ("embedding", "encoder")

# list, chosen, head, whole content, open to guests, progress, documents, found
Shown = tuple[Any, Any, Any, Any, Any, Any, Any, Any]


class KnowledgeHandlers:
    """The handlers of one knowledge page, in one language."""

    def __init__(self, studio: Studio, texts: Texts):
        self.studio = studio
        self.texts = texts

    def show(self, wanted: str | None) -> Shown:
        """The page with a knowledge base chosen: the wanted one if it exists, else the first."""
        everything = self.studio.knowledge.all()
        base = next(
            (base for base in everything if base.name == wanted), everything[0] if everything else None
        )
        return draw_bases(everything, base.name if base else "", self.texts), *self._content(base)

    def _content(self, base: KnowledgeBase | None) -> tuple[Any, Any, Any, Any, Any, Any, Any]:
        texts = self.texts
        if base is None:
            return "", draw_base_head(None, texts), gr.update(visible=False), False, "", "", ""
        return (
            base.name,
            draw_base_head(base, texts),
            gr.update(visible=True),
            base.open_to_guests,
            draw_progress(base.name, self.studio.knowledge.jobs(base.name), texts),
            draw_documents(self.studio.knowledge.documents(base.name), texts),
            "",
        )

    def read(self, base: Any) -> str | None:
        """How far the files of a knowledge base are; None when it is gone."""
        try:
            return draw_progress(str(base), self.studio.knowledge.jobs(str(base)), self.texts)
        except StudioError:
            # Deleted in another tab.
            return None

    def arrive(self, wanted: str) -> tuple[Any, ...]:
        """The tab was opened: everything as it is now, and the embedders there are."""
        cards = [
            card for card in self.studio.catalogue.cards() if card.kind in EMBEDDER_KINDS and card.installed
        ]
        ids = [card.id for card in cards]
        preferred = self.studio.settings.embedder
        value = preferred if preferred in ids else (ids[0] if ids else None)
        choices = [(card.name, card.id) for card in cards]
        return (*self.show(wanted), gr.update(choices=choices, value=value))

    def create(self, name: str, embedder: str | None, chunk_size: float, overlap: float) -> tuple[Any, ...]:
        """Create a knowledge base and choose it."""
        if not name.strip():
            warn(self.texts, self.texts.kb_name_empty)
            return (gr.skip(),) * 9
        base = self.studio.knowledge.create(
            name.strip(), embedder=embedder, chunk_size=int(chunk_size), overlap=int(overlap)
        )
        return (*self.show(base.name), "")

    def add(self, files: list[Path] | None, chosen: str) -> tuple[Any, ...]:
        """Queue dropped files; their copies in the upload folder go once they are read."""
        if files:
            self.studio.knowledge.enqueue(chosen, files, delete_after=True)
        return (*self.show(chosen), None)

    def act(self, event: gr.EventData, chosen: str) -> Shown:
        """A button in a list was pressed."""
        knowledge = self.studio.knowledge
        match event.do:
            case "open":
                return self.show(event.name)
            case "delete-base":
                knowledge.delete(event.name)
            case "delete-document":
                knowledge.remove(chosen, event.id)
            case "cancel":
                knowledge.cancel(event.id)
            case "retry":
                knowledge.retry(event.id)
        return self.show(chosen)

    def open_to_guests(self, value: bool, chosen: str) -> None:
        """Open the knowledge base to guests of a shared link, or close it."""
        self.studio.knowledge.set_open_to_guests(chosen, value)

    def search(self, query: str, chosen: str) -> str:
        """Try a search."""
        return draw_search(self.studio.knowledge.search(chosen, query) if query.strip() else None, self.texts)
