"""What the parts of the chat page send, turned into calls of its handlers."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from studio.chat.events import Turn
from studio.ui.chat_handlers import ChatHandlers, Choice, Shown
from studio.ui.pickers import draw_fit, pick_base, pick_level, pick_model

PICKERS = 4
SETTINGS = 5


class ChatEvents:
    """One method per event of the chat page; `values`: the fields of `Choice` (guests: pickers only)."""

    def __init__(self, handlers: ChatHandlers):
        self.handlers = handlers
        self.studio = handlers.studio
        self.guest = handlers.guest

    def _choice(self, values: tuple[Any, ...]) -> Choice:
        defaults = self.studio.settings
        settings = values[PICKERS:] or (defaults.temperature, defaults.top_p, defaults.max_tokens, "", "")
        return Choice(*values[:PICKERS], *settings)

    def send(self, request: gr.Request, question: str, conversation: str, *values: Any) -> Iterator[Shown]:
        """Enter or Send."""
        yield from self.handlers.answer(question, conversation, self._choice(values), request)

    def act(
        self, event: gr.EventData, request: gr.Request, conversation: str, *values: Any
    ) -> Iterator[tuple[Any, ...]]:
        """A button in the transcript: an example, the samples, or making room for a model."""
        skip = gr.skip()
        if event.do == "ask":
            # Plain questions and questions about the samples set the switch that they need.
            choice = self._choice((*values[:2], event.source, *values[3:]))
            for shown in self.handlers.answer(event.question, conversation, choice, request):
                yield *shown, event.source, skip
        elif event.do == "make-room" and not self.guest:
            choice = self._choice(values)
            for shown in self.handlers.answer(event.question, conversation, choice, request, make_room=True):
                yield *shown, skip, skip
        elif event.do == "samples" and not self.guest:
            for transcript, base in self.handlers.read_samples(conversation, request):
                source, picked = ("documents", pick_base(self.studio, base)) if base else (skip, skip)
                yield transcript, skip, skip, skip, skip, source, picked

    def manage(self, event: gr.EventData, request: gr.Request, conversation: str) -> Iterator[Shown]:
        """A button in the list of conversations."""
        if event.do == "delete":
            yield self.handlers.delete(event.id, conversation, request)
        else:
            yield from self.handlers.open(event.id if event.do == "open" else "", request)

    def start(self, request: gr.Request) -> Iterator[Shown]:
        """The page was loaded: show the conversation in its address."""
        yield from self.handlers.open(request.query_params.get("c", ""), request)

    def fit(self, model: str | None, level: str | None) -> str:
        """The fit of what is picked."""
        return "" if self.guest else draw_fit(self.studio, model, level, self.handlers.texts)

    def fill(self, remembered: Any, request: gr.Request) -> tuple[Any, ...]:
        """The pickers as the open conversation left them, the rest as this browser remembers it.

        `remembered`: the values of all fields when one was last changed, or anything else (it comes from the
        browser).
        """
        values = remembered if _fits(remembered) else None
        last = self._last_turn(request)
        wanted = (last.model, last.level) if last else (values[0], values[1]) if values else (None, None)
        model = pick_model(self.studio, wanted[0], guest=self.guest)
        level = pick_level(self.studio, model["value"], wanted[1], guest=self.guest)
        base = pick_base(self.studio, values[3] if values else None, guest=self.guest)
        source = values[2] if values and base["value"] else gr.skip()
        pickers = (model, level, self.fit(model["value"], level["value"]), source, base)
        settings = values[PICKERS:] if values else [gr.skip()] * SETTINGS
        return pickers if self.guest else (*pickers, *settings)

    def _last_turn(self, request: gr.Request) -> Turn | None:
        wanted, owner = request.query_params.get("c", ""), self.handlers.owner(request)
        if not any(item.id == wanted for item in self.studio.chat.all(owner)):
            return None
        turns = self.studio.chat.turns(wanted, owner)
        return turns[-1] if turns else None


def _fits(remembered: Any) -> bool:
    """Whether these are values of all the fields, each of its kind and within its bounds."""
    if not isinstance(remembered, list) or len(remembered) != PICKERS + SETTINGS:
        return False
    model, level, source, base, temperature, top_p, max_tokens, seed, system_prompt = remembered
    return (
        all(value is None or isinstance(value, str) for value in (model, level, base))
        and source in ("model", "documents")
        and all(isinstance(value, int | float) for value in (temperature, top_p, max_tokens))
        and 0 <= temperature <= 2
        and 0 <= top_p <= 1
        and 16 <= max_tokens <= 4096
        and isinstance(seed, str)
        and isinstance(system_prompt, str)
    )
