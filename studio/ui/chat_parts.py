"""The parts of the chat page, before they are wired."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.services import Studio
from studio.ui.markup import button, escape
from studio.ui.texts import Texts
from studio.ui.wires import ACTIONS_JS


@dataclass(frozen=True)
class Pickers:
    """What is asked, and from which documents."""

    model: gr.Dropdown
    level: gr.Dropdown
    fit: gr.HTML
    source: gr.Radio
    base: gr.Dropdown


@dataclass(frozen=True)
class Settings:
    """How the next token is drawn, and the system prompt."""

    temperature: gr.Slider
    top_p: gr.Slider
    max_tokens: gr.Slider
    seed: gr.Textbox
    system_prompt: gr.Textbox

    @property
    def fields(self) -> list[Any]:
        """In the order of `chat_handlers.Choice`."""
        return [self.temperature, self.top_p, self.max_tokens, self.seed, self.system_prompt]


@dataclass(frozen=True)
class Talk:
    """The conversation and the field below it."""

    transcript: gr.HTML
    live: gr.HTML
    conversations: gr.HTML
    conversation: gr.State
    question: gr.Textbox
    send: gr.Button
    stop: gr.Button
    tools: gr.HTML

    @property
    def shown(self) -> list[Any]:
        """The outputs of every handler that shows a conversation, in the order of `chat_handlers.Shown`."""
        return [self.transcript, self.live, self.conversations, self.conversation, self.question]


def toggles(texts: Texts) -> str:
    """Where the screen is too narrow for three columns, these bring the outer ones in."""

    def toggle(what: str, label: str) -> str:
        attributes = f'class="act" data-toggle="{what}" aria-expanded="false"'
        return f'<button type="button" {attributes}>{escape(label)}</button>'

    sides = toggle("side-open", texts.conversations) + toggle("settings-open", texts.settings)
    return f'<div class="toggles">{sides}</div>'


def create_pickers(texts: Texts, guest: bool) -> Pickers:
    """Model, level, plain chat or documents, knowledge base; the fit below (not for guests)."""
    with gr.Row(elem_id="pickers", equal_height=False):
        model = gr.Dropdown(
            label=texts.model, choices=[], elem_id="model", min_width=150, scale=3, filterable=False
        )
        level = gr.Dropdown(
            label=texts.level, choices=[], elem_id="level", min_width=90, scale=2, filterable=False
        )
        source = gr.Radio(
            label=texts.answer_from,
            choices=[(texts.from_model, "model"), (texts.from_documents, "documents")],
            value="model",
            elem_id="source",
            min_width=200,
            scale=3,
        )
        base = gr.Dropdown(
            label=texts.knowledge_base, choices=[], elem_id="base", min_width=140, scale=2, filterable=False
        )
    fit = gr.HTML(elem_id="fit", apply_default_css=False, visible=not guest)
    return Pickers(model, level, fit, source, base)


def create_composer(
    texts: Texts, transcript: gr.HTML, live: gr.HTML, conversations: gr.HTML, conversation: gr.State
) -> Talk:
    """The field for the question and its buttons."""
    with gr.Column(elem_id="composer"):
        with gr.Row(elem_id="composer-row", equal_height=False):
            question = gr.Textbox(
                label=texts.question,
                show_label=False,
                placeholder=texts.question_placeholder,
                lines=1,
                max_lines=8,
                elem_id="question",
                scale=1,
                autofocus=True,
                container=False,
                html_attributes=gr.InputHTMLAttributes(spellcheck=True),
            )
            send = gr.Button(texts.send, variant="primary", elem_id="send", min_width=80, scale=0)
            stop = gr.Button(texts.stop, variant="secondary", elem_id="stop", min_width=80, scale=0)
        tools = gr.HTML(
            f'<div class="tools"><span class="hint">{escape(texts.question_hint)}</span>'
            f"{button(texts.clear, 'clear', kind='quiet', sure=texts.really_clear)}</div>",
            elem_id="tools",
            js_on_load=ACTIONS_JS,
            apply_default_css=False,
        )
    return Talk(transcript, live, conversations, conversation, question, send, stop, tools)


def evidence_panel(texts: Texts) -> str:
    """Where evidence opens, and what a screen reader is told while an answer comes."""
    return (
        f'<aside id="evidence" aria-label="{escape(texts.evidence)}" tabindex="-1" hidden>'
        f'<div class="panel-head"><h2>{escape(texts.evidence)}</h2><button type="button" class="act quiet"'
        f' data-close="evidence" aria-label="{escape(texts.close)}">×</button></div>'
        f'<div class="body"></div></aside>'
        f'<p id="announce" class="unseen" role="status" aria-live="polite"'
        f' data-answering="{escape(texts.thinking)}" data-complete="{escape(texts.answer_complete)}"></p>'
    )


def create_settings(studio: Studio, texts: Texts) -> Settings:
    """Sampling and system prompt, as the studio's settings have them."""
    defaults = studio.settings
    with gr.Column(elem_id="settings"):
        gr.HTML(f"<h2>{escape(texts.settings)}</h2>", apply_default_css=False)
        return Settings(
            temperature=gr.Slider(
                0,
                2,
                defaults.temperature,
                step=0.05,
                label=texts.temperature,
                info=texts.temperature_info,
                elem_id="temperature",
                buttons=[],
            ),
            top_p=gr.Slider(
                0,
                1,
                defaults.top_p,
                step=0.05,
                label=texts.top_p,
                info=texts.top_p_info,
                elem_id="top-p",
                buttons=[],
            ),
            max_tokens=gr.Slider(
                16,
                4096,
                defaults.max_tokens,
                step=16,
                label=texts.max_tokens,
                elem_id="max-tokens",
                buttons=[],
            ),
            seed=gr.Textbox(label=texts.seed, info=texts.seed_info, elem_id="seed", max_lines=1),
            system_prompt=gr.Textbox(
                label=texts.system_prompt,
                info=texts.system_prompt_info,
                lines=4,
                max_lines=12,
                elem_id="system-prompt",
            ),
        )
