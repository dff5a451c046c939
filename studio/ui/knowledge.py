"""The knowledge page: knowledge bases on the left, what is in one and on its way into it on the right."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.services import Studio
from studio.ui.knowledge_handlers import KnowledgeHandlers
from studio.ui.markup import escape
from studio.ui.texts import Texts
from studio.ui.upload import create_upload
from studio.ui.wires import ACTIONS_JS, wire

# Asks how far the files are, twice a second while some are on their way and somebody looks.
PROGRESS_JS = (
    ACTIONS_JS
    + """
let asking = false;
const ask = async () => {
  const part = element.querySelector('.progress');
  if (!part || part.dataset.active !== 'true') { asking = false; return; }
  if (!document.hidden && element.offsetParent !== null) {
    const drawn = await server.read(part.dataset.base).catch(() => null);
    if (drawn && element.querySelector('.progress')?.dataset.base === part.dataset.base) {
      if (drawn !== props.value) props.value = drawn;
      if (drawn.includes('data-active="false"')) { asking = false; trigger('finished'); return; }
    }
  }
  setTimeout(ask, 500);
};
watch('value', () => { if (!asking) { asking = true; ask(); } });
"""
)


@dataclass(frozen=True)
class _Creation:
    name: gr.Textbox
    embedder: gr.Dropdown
    chunk_size: gr.Number
    overlap: gr.Number
    create: gr.Button

    @property
    def fields(self) -> list[Any]:
        return [self.name, self.embedder, self.chunk_size, self.overlap]


@dataclass(frozen=True)
class _Content:
    """The chosen knowledge base."""

    head: gr.HTML
    whole: gr.Column
    upload: gr.File
    guests: gr.Checkbox
    progress: gr.HTML
    documents: gr.HTML
    query: gr.Textbox
    search: gr.Button
    found: gr.HTML


def create_knowledge(studio: Studio, texts: Texts, tab: gr.Tab) -> None:
    """Lay the knowledge page out and wire it. It is drawn anew whenever `tab` is opened."""
    handlers = KnowledgeHandlers(studio, texts)
    chosen = gr.State("")
    with gr.Row(elem_id="knowledge", elem_classes="sheet split", equal_height=False):
        with gr.Column(elem_classes="side", min_width=0):
            gr.HTML(
                f"<h2>{escape(texts.knowledge_bases)}</h2><p>{escape(texts.knowledge_intro)}</p>",
                apply_default_css=False,
            )
            bases = gr.HTML(elem_id="bases", js_on_load=ACTIONS_JS, apply_default_css=False)
            creation = _create_creation(studio, texts)
        with gr.Column(elem_classes="rest", min_width=0):
            content = _create_content(handlers, texts)
    _wire(handlers, texts, tab, chosen, bases, creation, content)


def _create_creation(studio: Studio, texts: Texts) -> _Creation:
    settings = studio.settings
    with gr.Column(elem_classes="card"):
        name = gr.Textbox(
            label=texts.kb_name, placeholder=texts.kb_name_placeholder, max_lines=1, elem_id="kb-name"
        )
        with gr.Accordion(texts.advanced, open=False):
            chunk_size = gr.Number(
                settings.chunk_size, label=texts.chunk_size, precision=0, minimum=16, elem_id="chunk-size"
            )
            overlap = gr.Number(
                settings.chunk_overlap, label=texts.overlap, precision=0, minimum=0, elem_id="overlap"
            )
            embedder = gr.Dropdown(label=texts.embedder, choices=[], elem_id="embedder", filterable=False)
        create = gr.Button(texts.create, variant="primary", elem_id="create-base")
    return _Creation(name, embedder, chunk_size, overlap, create)


def _create_content(handlers: KnowledgeHandlers, texts: Texts) -> _Content:
    def read(base: Any) -> str | None:
        return handlers.read(base)

    head = gr.HTML(elem_id="base-head", js_on_load=ACTIONS_JS, apply_default_css=False)
    with gr.Column(visible=False) as whole:
        gr.HTML(f"<h3>{escape(texts.add_documents)}</h3>", apply_default_css=False)
        upload = create_upload(texts.add_documents)
        progress = gr.HTML(
            elem_id="progress",
            js_on_load=PROGRESS_JS,
            server_functions=[read],
            apply_default_css=False,
        )
        documents = gr.HTML(elem_id="documents", js_on_load=ACTIONS_JS, apply_default_css=False)
        guests = gr.Checkbox(label=texts.open_to_guests, elem_id="open-to-guests", container=False)
        with gr.Accordion(texts.try_search, open=False):
            with gr.Row(equal_height=False, elem_classes="ask"):
                query = gr.Textbox(
                    label=texts.try_search,
                    show_label=False,
                    container=False,
                    placeholder=texts.search_placeholder,
                    max_lines=1,
                    elem_id="kb-query",
                )
                search = gr.Button(texts.search, elem_id="kb-search", scale=0, min_width=90)
            found = gr.HTML(elem_id="found", apply_default_css=False)
    return _Content(head, whole, upload, guests, progress, documents, query, search, found)


def _wire(
    handlers: KnowledgeHandlers,
    texts: Texts,
    tab: gr.Tab,
    chosen: gr.State,
    bases: gr.HTML,
    creation: _Creation,
    content: _Content,
) -> None:
    shown: list[Any] = [
        bases,
        chosen,
        content.head,
        content.whole,
        content.guests,
        content.progress,
        content.documents,
        content.found,
    ]
    wire(tab.select, texts, handlers.arrive, chosen, [*shown, creation.embedder])
    for listen in (creation.create.click, creation.name.submit):
        wire(listen, texts, handlers.create, creation.fields, [*shown, creation.name])
    wire(content.upload.upload, texts, handlers.add, [content.upload, chosen], [*shown, content.upload])
    for part in (bases, content.head, content.progress, content.documents):
        wire(part.act, texts, handlers.act, chosen, shown, trigger_mode="multiple")
    wire(content.progress.finished, texts, handlers.show, chosen, shown)
    wire(content.guests.input, texts, handlers.open_to_guests, [content.guests, chosen])
    for listen in (content.search.click, content.query.submit):
        wire(listen, texts, handlers.search, [content.query, chosen], content.found)
