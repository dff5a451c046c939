"""How an answer looks while it is being written."""

from studio.engines.errors import DoesNotFit
from studio.ui.answers import Snapshot
from studio.ui.markup import bar, button, escape, markdown, notices
from studio.ui.texts import Texts
from studio.ui.turns import draw_question

IDLE = '<div class="live" data-state="idle"></div>'


def draw_live(now: Snapshot, texts: Texts) -> str:
    """The question, what is being done, and what has been written so far."""
    if now.text:
        inside = markdown(now.text, now.evidence)
    else:
        doing, fraction = _doing(now, texts)
        inside = f'<div class="doing"><p>{escape(doing)}</p>{bar(fraction, doing)}</div>'
    return (
        f'<div class="live" data-state="busy"><article class="turn">{draw_question(now.question, texts)}'
        f'<div class="answer{" writing" if now.text else ""}">{inside}</div>'
        f"{notices(now.notices, texts.language)}</article></div>"
    )


def _doing(now: Snapshot, texts: Texts) -> tuple[str, float | None]:
    if now.loading is not None:
        progress = now.loading.progress
        stage = getattr(texts, "stage_" + progress.stage.replace("-", "_"))
        return f"{texts.loading_model.format(name=now.loading.card.name)}: {stage}", progress.fraction
    return (texts.reading_prompt if now.retrieved else texts.thinking), None


def pause_after(now: Snapshot) -> float:
    """Seconds until the next drawing.

    The model computes on the same cores as the page and the browser, and a drawing costs more the longer the
    text: about seven a second for a short answer, two for one of 20,000 characters.
    """
    return 0.15 * (1 + len(now.text) / 8000)


def draw_room_offer(question: str, error: DoesNotFit, texts: Texts) -> str:
    """Why the model does not fit, and a button that unloads what could go and asks again."""
    names = ("、" if texts.language == "zh" else ", ").join(error.listing)
    offer = ""
    if error.listing:
        offer = button(texts.make_room.format(names=names), "make-room", kind="primary", question=question)
    return (
        f'<div class="live" data-state="idle"><div class="offer" role="alert">'
        f"<p>{escape(error.say(texts.language))}</p>{offer}</div></div>"
    )
