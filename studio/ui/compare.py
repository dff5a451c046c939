"""The compare page: one prompt, two contestants, answers side by side."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from studio.chat.events import Fitted, Loading, Retrieved, Token
from studio.compare.comparison import Compared, CompareEvent, Contestant, ContestantResult
from studio.engines.base import Sampling
from studio.services import Studio
from studio.ui.markup import bar, escape, markdown, notices, size
from studio.ui.pickers import draw_fit, pick_base, pick_level, pick_model
from studio.ui.progress import Pump
from studio.ui.texts import Texts
from studio.ui.turns import draw_sources, evidence_labels
from studio.ui.wires import ACTIONS_JS, warn, wire

CONTESTANTS = 2


@dataclass
class _Lane:
    """What one contestant has come to."""

    contestant: Contestant
    parts: list[str] = field(default_factory=list)
    loading: Loading | None = None
    began: bool = False
    result: ContestantResult | None = None

    def take(self, event: Any) -> None:
        self.began = True
        match event:
            case Loading():
                self.loading = event
            case Fitted():
                self.loading = None
            case Token(text):
                self.parts.append(text)
            case ContestantResult():
                self.result = event


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
                label=texts.question, show_label=False, container=False, placeholder=texts.compare_placeholder,
                lines=1, max_lines=8, elem_id="compare-prompt",
            )  # fmt: skip
            run = gr.Button(
                texts.run_comparison, variant="primary", elem_id="compare-run", scale=0, min_width=110
            )
            stop = gr.Button(texts.stop, elem_id="compare-stop", scale=0, min_width=110)
        with gr.Accordion(texts.settings, open=False):
            with gr.Row():
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
        lanes = [_Lane(Contestant(fields[2 * n], fields[2 * n + 1])) for n in range(CONTESTANTS)]
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
    def _take(lanes: list[_Lane], event: CompareEvent) -> list[dict[str, str]]:
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


def draw_lane(lane: _Lane, texts: Texts, running: bool) -> str:
    """A contestant's answer and figures."""
    name = texts.with_model.format(model=lane.contestant.model, level=lane.contestant.level)
    state = "busy" if running and lane.result is None else "idle"
    return (
        f'<article class="turn card" data-state="{state}"><h3>{escape(name)}</h3>{_answer(lane, texts)}'
        f"{_figures(lane.result, texts) if lane.result else ''}</article>"
    )


def _answer(lane: _Lane, texts: Texts) -> str:
    result = lane.result
    if result is not None:
        evidence = [item.as_dict() for item in result.finished.evidence] if result.finished else []
        citations = [citation.as_dict() for citation in result.citations]
        error = (
            f'<p class="error" role="alert">{escape(result.error.say(texts.language))}</p>'
            if result.error
            else ""
        )
        answer = markdown(result.answer, len(evidence), evidence_labels(evidence, texts))
        said = notices(result.finished.notices, texts.language) if result.finished else ""
        return f'<div class="answer">{answer}</div>{said}{error}{draw_sources(evidence, citations, texts)}'
    if lane.parts:
        return f'<div class="answer writing">{markdown("".join(lane.parts))}</div>'
    doing, fraction = texts.waiting, None
    if lane.loading is not None:
        progress = lane.loading.progress
        stage = getattr(texts, "stage_" + progress.stage.replace("-", "_"))
        doing, fraction = (
            f"{texts.loading_model.format(name=lane.loading.card.name)}: {stage}",
            progress.fraction,
        )
    elif lane.began:
        doing = texts.reading_prompt
    return f'<div class="doing"><p>{escape(doing)}</p>{bar(fraction, doing)}</div>'


def _figures(result: ContestantResult, texts: Texts) -> str:
    facts = []
    if result.load_seconds is not None:
        facts.append(texts.load_time.format(seconds=f"{result.load_seconds:.1f}"))
    elif result.usage is not None:
        facts.append(texts.was_loaded)
    if result.usage is not None:
        if result.usage.ttft_seconds is not None:
            facts.append(texts.ttft.format(seconds=f"{result.usage.ttft_seconds:.2f}"))
        if result.usage.tokens_per_second is not None:
            facts.append(texts.speed.format(n=f"{result.usage.tokens_per_second:.1f}"))
        facts.append(
            texts.tokens.format(prompt=result.usage.prompt_tokens, completion=result.usage.completion_tokens)
        )
    if result.peak_bytes is not None:
        facts.append(texts.peak_memory.format(size=size(result.peak_bytes)))
    return f'<footer class="meta">{"".join(f"<span>{escape(fact)}</span>" for fact in facts)}</footer>'
