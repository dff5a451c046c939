"""The compare page: one prompt, two contestants, answers side by side."""

import gradio as gr

from studio.services import Studio
from studio.ui.compare_handlers import CONTESTANTS, CompareHandlers
from studio.ui.markup import escape
from studio.ui.texts import Texts
from studio.ui.wires import ACTIONS_JS, wire


def create_compare(studio: Studio, texts: Texts, tab: gr.Tab, page: gr.Blocks) -> None:
    """Lay the compare page out and wire it. The pickers are filled whenever `tab` is opened."""
    with gr.Column(elem_id="compare", elem_classes="sheet"):
        gr.HTML(
            f"<h2>{escape(texts.compare)}</h2><p>{escape(texts.compare_intro)}</p>", apply_default_css=False
        )
        with gr.Row(equal_height=False, elem_classes="pair"):
            pickers = [_create_contestant(texts, number) for number in range(1, CONTESTANTS + 1)]
        with gr.Row(equal_height=False, elem_classes="ask"):
            prompt = gr.Textbox(
                label=texts.question,
                show_label=False,
                container=False,
                placeholder=texts.compare_placeholder,
                lines=1,
                max_lines=8,
                elem_id="compare-prompt",
            )
            run = gr.Button(
                texts.run_comparison, variant="primary", elem_id="compare-run", scale=0, min_width=110
            )
            stop = gr.Button(texts.stop, elem_id="compare-stop", scale=0, min_width=110)
        with gr.Accordion(texts.settings, open=False), gr.Row():
            base = gr.Dropdown(
                label=texts.knowledge_base, choices=[], elem_id="compare-base", filterable=False
            )
            temperature = gr.Slider(
                0, 2, 0, step=0.05, label=texts.temperature, elem_id="compare-temperature", buttons=[]
            )
            max_tokens = gr.Slider(
                16, 2048, 256, step=16, label=texts.max_tokens, elem_id="compare-max-tokens", buttons=[]
            )
        said = gr.HTML(elem_id="compare-said", apply_default_css=False)
        with gr.Row(equal_height=False, elem_classes="pair"):
            lanes = [
                gr.HTML(
                    elem_id=f"lane-{n}", elem_classes="lane", js_on_load=ACTIONS_JS, apply_default_css=False
                )
                for n in range(1, CONTESTANTS + 1)
            ]
    handlers = CompareHandlers(studio, texts)
    fields = [part for model, level, _ in pickers for part in (model, level)]
    fits = [fit for _, _, fit in pickers]
    wire(tab.select, texts, handlers.arrive, fields, [*fields, *fits, base])
    for model, level, fit in pickers:
        wire(model.input, texts, handlers.choose_model, model, [level, fit])
        wire(level.input, texts, handlers.choose_level, [model, level], fit)
    inputs = [prompt, base, temperature, max_tokens, *fields]
    for listen in (run.click, prompt.submit):
        wire(listen, texts, handlers.run, inputs, [said, *lanes])
    wire(stop.click, texts, handlers.stop)
    page.unload(handlers.stop)


def _create_contestant(texts: Texts, number: int) -> tuple[gr.Dropdown, gr.Dropdown, gr.HTML]:
    with gr.Column(elem_classes="card", min_width=0):
        gr.HTML(f"<h3>{escape(texts.contestant.format(n=number))}</h3>", apply_default_css=False)
        with gr.Row(equal_height=False):
            model = gr.Dropdown(
                label=texts.model,
                choices=[],
                elem_id=f"model-{number}",
                min_width=120,
                scale=2,
                filterable=False,
            )
            level = gr.Dropdown(
                label=texts.level,
                choices=[],
                elem_id=f"level-{number}",
                min_width=80,
                scale=1,
                filterable=False,
            )
        fit = gr.HTML(elem_id=f"fit-{number}", apply_default_css=False)
    return model, level, fit
