"""The models page: what there is, what it would take, load, unload, add, remove."""

import gradio as gr

from studio.services import Studio
from studio.ui.markup import escape
from studio.ui.models_handlers import ModelsHandlers
from studio.ui.texts import Texts
from studio.ui.wires import ACTIONS_JS, wire


def create_models(studio: Studio, texts: Texts, tab: gr.Tab) -> None:
    """Lay the models page out and wire it. It is drawn anew whenever `tab` is opened."""
    with gr.Column(elem_id="models", elem_classes="sheet"):
        gr.HTML(
            f"<h2>{escape(texts.models)}</h2><p>{escape(texts.models_intro)}</p>", apply_default_css=False
        )
        with gr.Row(equal_height=False, elem_classes="ask bottom"):
            location = gr.Textbox(
                label=texts.model_location,
                info=texts.model_location_info,
                placeholder=texts.model_location_placeholder,
                max_lines=1,
                elem_id="model-location",
            )
            add = gr.Button(texts.add, elem_id="model-add", scale=0, min_width=90)
        banner = gr.HTML(elem_id="models-banner", js_on_load=ACTIONS_JS, apply_default_css=False)
        cards = gr.HTML(elem_id="model-cards", js_on_load=ACTIONS_JS, apply_default_css=False)
    handlers = ModelsHandlers(studio, texts)
    wire(tab.select, texts, handlers.arrive, None, [banner, cards])
    for part in (banner, cards):
        wire(part.act, texts, handlers.act, None, [banner, cards], trigger_mode="multiple")
    for listen in (add.click, location.submit):
        wire(listen, texts, handlers.add, location, [banner, cards, location])
