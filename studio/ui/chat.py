"""The chat page: conversations on the left, the talk in the middle, settings and evidence on the right."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.services import Studio
from studio.ui.answers import Answers
from studio.ui.chat_handlers import ChatHandlers, Choice, Shown
from studio.ui.live import IDLE
from studio.ui.markup import button, escape
from studio.ui.pickers import draw_fit, pick_base, pick_level, pick_model
from studio.ui.texts import Texts
from studio.ui.wires import ACTIONS_JS, wire

# The transcript keeps the address in step with the open conversation.
TRANSCRIPT_JS = ACTIONS_JS + "watch('value', () => studioTranscript(element)); studioTranscript(element);"
LIVE_JS = ACTIONS_JS + "watch('value', () => studioLive(element));"


@dataclass(frozen=True)
class _Pickers:
    model: gr.Dropdown
    level: gr.Dropdown
    fit: gr.HTML
    source: gr.Radio
    base: gr.Dropdown


@dataclass(frozen=True)
class _Settings:
    temperature: gr.Slider
    top_p: gr.Slider
    max_tokens: gr.Slider
    seed: gr.Textbox
    system_prompt: gr.Textbox


@dataclass(frozen=True)
class _Talk:
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
        return [self.transcript, self.live, self.conversations, self.conversation, self.question]


def create_chat(studio: Studio, answers: Answers, texts: Texts, page: gr.Blocks, tab: gr.Tab | None) -> None:
    """Lay the chat page out and wire it. `tab`: the one it is in; None: it is the page of a guest."""
    guest = tab is None
    conversation = gr.State("")
    with gr.Row(elem_id="chat", equal_height=False):
        with gr.Column(elem_id="chat-side", min_width=0):
            conversations = gr.HTML(elem_id="conversations", js_on_load=ACTIONS_JS, apply_default_css=False)
        with gr.Column(elem_id="chat-main", min_width=0):
            gr.HTML(_toggles(texts), elem_id="toggles", apply_default_css=False)
            pickers = _create_pickers(texts, guest)
            with gr.Column(elem_id="chat-scroll"):
                transcript = gr.HTML(elem_id="transcript", js_on_load=TRANSCRIPT_JS, apply_default_css=False)
                live = gr.HTML(IDLE, elem_id="live", js_on_load=LIVE_JS, apply_default_css=False)
            talk = _create_composer(texts, transcript, live, conversations, conversation)
        with gr.Column(elem_id="chat-panel", min_width=0):
            gr.HTML(_evidence_panel(texts), elem_id="evidence-panel", apply_default_css=False)
            settings = None if guest else _create_settings(studio, texts)
    handlers = ChatHandlers(studio, answers, texts, guest)
    _wire_pickers(studio, texts, pickers, guest)
    _wire_talk(texts, handlers, talk, pickers, settings, page)
    if tab is not None:
        _wire_return(studio, texts, tab, pickers)


def _toggles(texts: Texts) -> str:
    """Where the screen is too narrow for three columns, these bring the outer ones in."""

    def toggle(what: str, label: str) -> str:
        return (
            f'<button type="button" class="act" data-toggle="{what}" aria-expanded="false">{escape(label)}</button>'
        )

    sides = toggle("side-open", texts.conversations) + toggle("settings-open", texts.settings)
    return f'<div class="toggles">{sides}</div>'


def _create_pickers(texts: Texts, guest: bool) -> _Pickers:
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
    return _Pickers(model, level, fit, source, base)


def _create_composer(
    texts: Texts, transcript: gr.HTML, live: gr.HTML, conversations: gr.HTML, conversation: gr.State
) -> _Talk:
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
    return _Talk(transcript, live, conversations, conversation, question, send, stop, tools)


def _evidence_panel(texts: Texts) -> str:
    return (
        f'<aside id="evidence" aria-label="{escape(texts.evidence)}" tabindex="-1" hidden>'
        f'<div class="panel-head"><h2>{escape(texts.evidence)}</h2>'
        f'<button type="button" class="act quiet" data-close="evidence" aria-label="{escape(texts.close)}">×</button>'
        f'</div><div class="body"></div></aside><p id="announce" class="unseen" role="status" aria-live="polite"'
        f' data-answering="{escape(texts.thinking)}" data-complete="{escape(texts.answer_complete)}"></p>'
    )


def _create_settings(studio: Studio, texts: Texts) -> _Settings:
    defaults = studio.settings
    with gr.Column(elem_id="settings"):
        gr.HTML(f"<h2>{escape(texts.settings)}</h2>", apply_default_css=False)
        return _Settings(
            temperature=gr.Slider(
                0, 2, defaults.temperature, step=0.05, label=texts.temperature, info=texts.temperature_info,
                elem_id="temperature", buttons=[],
            ),
            top_p=gr.Slider(
                0, 1, defaults.top_p, step=0.05, label=texts.top_p, info=texts.top_p_info, elem_id="top-p", buttons=[]
            ),
            max_tokens=gr.Slider(
                16, 4096, defaults.max_tokens, step=16, label=texts.max_tokens, elem_id="max-tokens", buttons=[]
            ),
            seed=gr.Textbox(label=texts.seed, info=texts.seed_info, elem_id="seed", max_lines=1),
            system_prompt=gr.Textbox(
                label=texts.system_prompt, info=texts.system_prompt_info, lines=4, max_lines=12, elem_id="system-prompt"
            ),
        )  # fmt: skip


def _wire_pickers(studio: Studio, texts: Texts, pickers: _Pickers, guest: bool) -> None:
    def choose_model(model: str | None) -> tuple[Any, str]:
        level = pick_level(studio, model, guest=guest)
        return level, "" if guest else draw_fit(studio, model, level["value"], texts)

    def choose_level(model: str | None, level: str | None) -> str:
        return "" if guest else draw_fit(studio, model, level, texts)

    wire(pickers.model.input, texts, choose_model, pickers.model, [pickers.level, pickers.fit])
    wire(pickers.level.input, texts, choose_level, [pickers.model, pickers.level], pickers.fit)


def _wire_return(studio: Studio, texts: Texts, tab: gr.Tab, pickers: _Pickers) -> None:
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
    talk: _Talk,
    pickers: _Pickers,
    settings: _Settings | None,
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
        wire(part.act, texts, act, acted, [*talk.shown, pickers.source, pickers.base], **asked)
    wire(talk.conversations.act, texts, manage, talk.conversation, talk.shown, **asked)
    wire(talk.tools.act, texts, clear, talk.conversation, talk.shown)
    wire(talk.stop.click, texts, handlers.stop, talk.conversation)
    wire(page.load, texts, fill, None, [pickers.model, pickers.level, pickers.fit, pickers.base])
    wire(page.load, texts, start, None, talk.shown)
    page.unload(handlers.leave)
