"""How a contestant's answer and figures look."""

from dataclasses import dataclass, field
from typing import Any

from studio.chat.events import Fitted, Loading, Token
from studio.compare.comparison import Contestant, ContestantResult
from studio.ui.markup import bar, escape, markdown, notices, size
from studio.ui.texts import Texts
from studio.ui.turns import draw_sources, evidence_labels


@dataclass
class Lane:
    """What one contestant has come to."""

    contestant: Contestant
    parts: list[str] = field(default_factory=list)
    loading: Loading | None = None
    began: bool = False
    result: ContestantResult | None = None

    def take(self, event: Any) -> None:
        """Learn from one event."""
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


def draw_lane(lane: Lane, texts: Texts, running: bool) -> str:
    """A contestant's answer and figures."""
    name = texts.with_model.format(model=lane.contestant.model, level=lane.contestant.level)
    state = "busy" if running and lane.result is None else "idle"
    return (
        f'<article class="turn card" data-state="{state}"><h3>{escape(name)}</h3>{_answer(lane, texts)}'
        f"{_figures(lane.result, texts) if lane.result else ''}</article>"
    )


def _answer(lane: Lane, texts: Texts) -> str:
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
