"""What happens on the compare page."""

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from studio.chat.events import Retrieved
from studio.compare.comparison import Compared, CompareEvent, Contestant
from studio.engines.base import Sampling
from studio.services import Studio
from studio.ui.compare_view import Lane, draw_lane
from studio.ui.markup import notices
from studio.ui.pickers import draw_fit, pick_base, pick_level, pick_model
from studio.ui.progress import Pump
from studio.ui.texts import Texts
from studio.ui.wires import warn

CONTESTANTS = 2


class CompareHandlers:
    """The handlers of one compare page, in one language."""

    def __init__(self, studio: Studio, texts: Texts):
        self.studio = studio
        self.texts = texts

    def arrive(self, *fields: Any) -> tuple[Any, ...]:
        """The tab was opened: fill the pickers; by default the first model at its two first levels."""
        filled: list[Any] = []
        fits: list[str] = []
        for number in range(CONTESTANTS):
            wanted, wanted_level = fields[2 * number], fields[2 * number + 1]
            model = pick_model(self.studio, wanted)
            level = pick_level(self.studio, model["value"], wanted_level)
            if wanted is None and number and len(level["choices"]) > 1:
                taken = filled[1]["value"]
                level["value"] = next(name for _, name in _pairs(level["choices"]) if name != taken)
            filled += [model, level]
            fits.append(draw_fit(self.studio, model["value"], level["value"], self.texts))
        names = [(self.texts.from_model, "")] + [
            (base.name, base.name) for base in self.studio.knowledge.all()
        ]
        base = pick_base(self.studio)
        return (*filled, *fits, {**base, "choices": names, "value": ""})

    def choose_model(self, model: str | None) -> tuple[Any, str]:
        level = pick_level(self.studio, model)
        return level, draw_fit(self.studio, model, level["value"], self.texts)

    def choose_level(self, model: str | None, level: str | None) -> str:
        return draw_fit(self.studio, model, level, self.texts)

    def run(
        self,
        request: gr.Request,
        prompt: str,
        base: str | None,
        temperature: float,
        max_tokens: float,
        *fields: Any,
    ) -> Iterator[tuple[Any, ...]]:
        """Ask both and show what they answer as it comes."""
        texts = self.texts
        nothing = (gr.skip(),) * (1 + CONTESTANTS)
        if not prompt.strip():
            warn(texts, texts.compare_empty)
            yield nothing
            return
        if not all(fields):
            warn(texts, texts.choose_model)
            yield nothing
            return
        lanes = [Lane(Contestant(fields[2 * n], fields[2 * n + 1])) for n in range(CONTESTANTS)]
        said: list[dict[str, str]] = []
        sampling = Sampling(temperature=temperature, max_tokens=int(max_tokens), seed=0)

        def work(put: Callable[[CompareEvent], None]) -> None:
            for event in self.studio.comparison.run(
                prompt,
                [lane.contestant for lane in lanes],
                sampling,
                knowledge_base=base or None,
                request=_name(request),
            ):
                put(event)

        yield "", *(draw_lane(lane, texts, True) for lane in lanes)
        for batch in Pump(work, "comparison").batches():
            for event in batch:
                said += self._take(lanes, event)
            yield notices(said, texts.language), *(draw_lane(lane, texts, True) for lane in lanes)
        yield notices(said, texts.language), *(draw_lane(lane, texts, False) for lane in lanes)

    @staticmethod
    def _take(lanes: list[Lane], event: CompareEvent) -> list[dict[str, str]]:
        """Learn from one event; the sentences it brings for all."""
        if event.index is not None:
            lanes[event.index].take(event.event)
            return []
        match event.event:
            case Retrieved(_, said) | Compared(_, said):
                return said
        return []

    def stop(self, request: gr.Request) -> None:
        """Stop the comparison of this tab; also when it is closed."""
        self.studio.comparison.stop(_name(request))


def _name(request: gr.Request) -> str:
    return f"page-{request.session_hash}"


def _pairs(choices: list[Any]) -> list[tuple[str, str]]:
    return [choice if isinstance(choice, tuple) else (choice, choice) for choice in choices]
