"""The chat page: conversations on the left, the talk in the middle, settings and evidence on the right."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from studio.services import Studio
from studio.ui.answers import Answers
from studio.ui.chat_handlers import ChatHandlers, Choice, Shown
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
    studio, guest = handlers.studio, handlers.guest
    chosen: list[Any] = [pickers.model, pickers.level, pickers.source, pickers.base]
    if settings:
        chosen += [
            settings.temperature,
            settings.top_p,
            settings.max_tokens,
            settings.seed,
            settings.system_prompt,
        ]

    def choice(values: tuple[Any, ...]) -> Choice:
        rest = values[4:] or (
            studio.settings.temperature, studio.settings.top_p, studio.settings.max_tokens, "", "",
        )  # fmt: skip
        return Choice(*values[:4], *rest)

    def send(request: gr.Request, question: str, conversation: str, *values: Any) -> Iterator[Shown]:
        yield from handlers.answer(question, conversation, choice(values), request)

    def fit(model: str | None, level: str | None) -> str:
        return "" if guest else draw_fit(studio, model, level, texts)

    def act(
        event: gr.EventData, request: gr.Request, conversation: str, *values: Any
    ) -> Iterator[tuple[Any, ...]]:
        skip = gr.skip()
        do, data = event.do, event._data
        if do == "ask":
            # Plain questions and questions about the samples set the switch that they need.
            values = (*values[:2], data["source"], *values[3:])
            for shown in handlers.answer(data["question"], conversation, choice(values), request):
                yield *shown, data["source"], skip
        elif do == "make-room" and not guest:
            for shown in handlers.answer(
                data["question"], conversation, choice(values), request, make_room=True
            ):
                yield *shown, skip, skip
        elif do == "samples" and not guest:
            for transcript, base in handlers.read_samples(request):
                source, picked = ("documents", pick_base(studio, base)) if base else (skip, skip)
                yield transcript, skip, skip, skip, skip, source, picked

    def manage(event: gr.EventData, request: gr.Request, conversation: str) -> Iterator[Shown]:
        if event.do == "delete":
            yield handlers.delete(event.id, conversation, request)
        else:
            yield from handlers.open(event.id if event.do == "open" else "", request)

    def clear(conversation: str, request: gr.Request) -> Shown:
        return handlers.clear(conversation, request)

    def start(request: gr.Request) -> Iterator[Shown]:
        yield from handlers.open(request.query_params.get("c", ""), request)

    def fill(request: gr.Request) -> tuple[Any, ...]:
        """The pickers as the open conversation left them, else as the settings say."""
        turns = []
        wanted = request.query_params.get("c", "")
        owner = handlers.owner(request)
        if wanted and any(item.id == wanted for item in studio.chat.all(owner)):
            turns = studio.chat.turns(wanted, owner)
        last = turns[-1] if turns else None
        model = pick_model(studio, last.model if last else None, guest=guest)
        level = pick_level(studio, model["value"], last.level if last else None, guest=guest)
        return model, level, fit(model["value"], level["value"]), pick_base(studio, guest=guest)

    inputs = [talk.question, talk.conversation, *chosen]
    asked = {"trigger_mode": "multiple"}
    for listen in (talk.question.submit, talk.send.click):
        sent = wire(listen, texts, send, inputs, talk.shown, **asked)
        wire(sent.then, texts, fit, [pickers.model, pickers.level], pickers.fit)
    acted = [talk.conversation, *chosen]
    for part in (talk.transcript, talk.live):
        done = wire(part.act, texts, act, acted, [*talk.shown, pickers.source, pickers.base], **asked)
        wire(done.then, texts, fit, [pickers.model, pickers.level], pickers.fit)
    wire(talk.conversations.act, texts, manage, talk.conversation, talk.shown, **asked)
    wire(talk.tools.act, texts, clear, talk.conversation, talk.shown)
    wire(talk.stop.click, texts, handlers.stop, talk.conversation)
    wire(page.load, texts, fill, None, [pickers.model, pickers.level, pickers.fit, pickers.base])
    wire(page.load, texts, start, None, talk.shown)
    page.unload(handlers.leave)
