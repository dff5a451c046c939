"""The chat page: conversations on the left, the talk in the middle, settings and evidence on the right."""

from typing import Any

import gradio as gr

from studio.services import Studio
from studio.ui.answers import Answers
from studio.ui.chat_events import ChatEvents
from studio.ui.chat_handlers import ChatHandlers
from studio.ui.chat_parts import (
    Pickers,
    Settings,
    Talk,
    create_composer,
    create_pickers,
    create_settings,
    evidence_panel,
    toggles,
)
from studio.ui.live import IDLE
from studio.ui.pickers import draw_fit, pick_base, pick_level, pick_model
from studio.ui.texts import Texts
from studio.ui.wires import ACTIONS_JS, wire

# The transcript keeps the address in step with the open conversation.
TRANSCRIPT_JS = ACTIONS_JS + "watch('value', () => studioTranscript(element)); studioTranscript(element);"
LIVE_JS = ACTIONS_JS + "watch('value', () => studioLive(element));"


def create_chat(studio: Studio, answers: Answers, texts: Texts, page: gr.Blocks, tab: gr.Tab | None) -> None:
    """Lay the chat page out and wire it. `tab`: the one it is in; None: it is the page of a guest."""
    guest = tab is None
    conversation = gr.State("")
    with gr.Row(elem_id="chat", equal_height=False):
        with gr.Column(elem_id="chat-side", min_width=0):
            conversations = gr.HTML(elem_id="conversations", js_on_load=ACTIONS_JS, apply_default_css=False)
        with gr.Column(elem_id="chat-main", min_width=0):
            gr.HTML(toggles(texts), elem_id="toggles", apply_default_css=False)
            pickers = create_pickers(texts, guest)
            with gr.Column(elem_id="chat-scroll"):
                transcript = gr.HTML(elem_id="transcript", js_on_load=TRANSCRIPT_JS, apply_default_css=False)
                live = gr.HTML(IDLE, elem_id="live", js_on_load=LIVE_JS, apply_default_css=False)
            talk = create_composer(texts, transcript, live, conversations, conversation)
        with gr.Column(elem_id="chat-panel", min_width=0):
            gr.HTML(evidence_panel(texts), elem_id="evidence-panel", apply_default_css=False)
            settings = None if guest else create_settings(studio, texts)
    handlers = ChatHandlers(studio, answers, texts, guest)
    _wire_pickers(studio, texts, pickers, guest)
    _wire_talk(texts, handlers, talk, pickers, settings, page)
    if tab is not None:
        _wire_return(studio, texts, tab, pickers)


def _wire_pickers(studio: Studio, texts: Texts, pickers: Pickers, guest: bool) -> None:
    def choose_model(model: str | None) -> tuple[Any, str]:
        level = pick_level(studio, model, guest=guest)
        return level, "" if guest else draw_fit(studio, model, level["value"], texts)

    def choose_level(model: str | None, level: str | None) -> str:
        return "" if guest else draw_fit(studio, model, level, texts)

    wire(pickers.model.input, texts, choose_model, pickers.model, [pickers.level, pickers.fit])
    wire(pickers.level.input, texts, choose_level, [pickers.model, pickers.level], pickers.fit)


def _wire_return(studio: Studio, texts: Texts, tab: gr.Tab, pickers: Pickers) -> None:
    """Back from another page: models and knowledge bases may have come and gone there."""

    def refresh(model: str | None, level: str | None, base: str | None) -> tuple[Any, ...]:
        models = pick_model(studio, model)
        levels = pick_level(studio, models["value"], level if models["value"] == model else None)
        fit = draw_fit(studio, models["value"], levels["value"], texts)
        return models, levels, fit, pick_base(studio, base)

    chosen = [pickers.model, pickers.level, pickers.base]
    wire(tab.select, texts, refresh, chosen, [pickers.model, pickers.level, pickers.fit, pickers.base])


def _wire_talk(
    texts: Texts,
    handlers: ChatHandlers,
    talk: Talk,
    pickers: Pickers,
    settings: Settings | None,
    page: gr.Blocks,
) -> None:
    events = ChatEvents(handlers)
    chosen: list[Any] = [pickers.model, pickers.level, pickers.source, pickers.base]
    chosen += settings.fields if settings else []
    fit = (texts, events.fit, [pickers.model, pickers.level], pickers.fit)
    asked = {"trigger_mode": "multiple"}
    for listen in (talk.question.submit, talk.send.click):
        sent = wire(
            listen, texts, events.send, [talk.question, talk.conversation, *chosen], talk.shown, **asked
        )
        wire(sent.then, *fit)
    for part in (talk.transcript, talk.live):
        acted = wire(
            part.act,
            texts,
            events.act,
            [talk.conversation, *chosen],
            [*talk.shown, pickers.source, pickers.base],
            **asked,
        )
        wire(acted.then, *fit)
    wire(talk.conversations.act, texts, events.manage, talk.conversation, talk.shown, **asked)
    wire(talk.tools.act, texts, handlers.clear, talk.conversation, talk.shown)
    wire(talk.stop.click, texts, handlers.stop, talk.conversation)
    remembered = gr.BrowserState(None, storage_key="studio_choice", secret="studio_choice")
    filled = [pickers.model, pickers.level, pickers.fit, pickers.source, pickers.base]
    wire(page.load, texts, events.fill, remembered, [*filled, *(settings.fields if settings else [])])
    wire(page.load, texts, events.start, None, talk.shown)
    if settings:
        _wire_memory(texts, pickers, settings, chosen, remembered)
    page.unload(handlers.leave)


def _wire_memory(
    texts: Texts, pickers: Pickers, settings: Settings, chosen: list[Any], remembered: gr.BrowserState
) -> None:
    """Keep what is chosen in the browser, so that a reload or the other language finds it again."""
    changes = [part.input for part in (pickers.model, pickers.level, pickers.source, pickers.base)]
    for slider in (settings.temperature, settings.top_p, settings.max_tokens):
        changes += [slider.release, slider.change]
    changes += [settings.seed.blur, settings.system_prompt.blur]
    for change in changes:
        wire(change, texts, None, chosen, remembered, js="(...values) => [values]")
