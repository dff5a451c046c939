"""The chat page before the first question: what to do next."""

from collections.abc import Sequence

from studio.knowledge.types import Job
from studio.ui.jobs import draw_jobs
from studio.ui.markup import button, escape
from studio.ui.texts import Texts


def draw_empty(
    texts: Texts, has_model: bool, examples: Sequence[str], *, offer_samples: bool, guest: bool
) -> str:
    """An invitation: questions to press, or how to get what is missing.

    `examples`: questions about the sample documents; without them plain ones are shown.
    """
    if not has_model:
        return _centre(texts, texts.guest_no_model if guest else texts.empty_no_model, "")
    if examples:
        inside = f"<p>{escape(texts.samples_ready)}</p>" + _questions(examples, "documents")
        return _centre(texts, texts.empty_text, inside)
    inside = _questions((texts.example_plain_1, texts.example_plain_2), "model")
    if offer_samples and not guest:
        inside += (
            f'<div class="samples">{button(texts.try_samples, "samples", kind="primary")}'
            f"<p>{escape(texts.samples_hint)}</p></div>"
        )
    return _centre(texts, texts.guest_note if guest else texts.empty_text, inside)


def draw_samples_progress(jobs: Sequence[Job], texts: Texts) -> str:
    """How far the sample documents are."""
    return _centre(texts, texts.samples_reading, draw_jobs(jobs, texts, buttons=False))


def _centre(texts: Texts, text: str, inside: str) -> str:
    return f'<div class="empty"><h2>{escape(texts.empty_title)}</h2><p>{escape(text)}</p>{inside}</div>'


def _questions(questions: Sequence[str], source: str) -> str:
    rows = "".join(
        f"<li>{button(q, 'ask', kind='example', question=q, source=source)}</li>" for q in questions
    )
    return f'<ul class="examples">{rows}</ul>'
