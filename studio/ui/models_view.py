"""How model cards and what the quantization levels take look."""

from collections.abc import Sequence

from studio.engines.pool import LedgerEntry
from studio.models.card import ModelCard
from studio.models.levels import LEVELS
from studio.sentences import StudioError
from studio.services import Studio
from studio.ui.markup import bar, button, escape, size
from studio.ui.pickers import CHAT_KINDS, FIT_LABELS
from studio.ui.texts import Texts

FIT_KINDS = {"fits": "yes", "tight": "tight", "does not fit": "no"}


def draw_models(studio: Studio, texts: Texts) -> str:
    """All cards, those on this computer first; without a chat model, how to get one."""
    cards = studio.catalogue.cards()
    ledger = studio.pool.ledger()
    hint = ""
    if not any(card.kind in CHAT_KINDS and card.installed for card in cards):
        hint = (
            f'<div class="offer quiet"><strong>{escape(texts.no_models_title)}</strong>'
            f"<p>{escape(texts.no_models_text)}</p></div>"
        )
    return f'{hint}<div class="models">{"".join(_card(studio, card, ledger, texts) for card in cards)}</div>'


def _card(studio: Studio, card: ModelCard, ledger: Sequence[LedgerEntry], texts: Texts) -> str:
    note = card.note_zh if texts.language == "zh" else card.note_en
    shown_note = f'<p class="note">{escape(note)}</p>' if note else ""
    state = texts.installed if card.installed else texts.not_installed
    kind = getattr(texts, "kind_" + card.kind.replace("-", "_"))
    remove = ""
    if card.source in ("folder", "hub"):
        remove = button(
            texts.remove,
            "remove",
            kind="quiet",
            id=card.id,
            sure=texts.really_remove,
            title=f"{texts.remove}: {card.name}",
        )
    levels = _levels(studio, card, ledger, texts) if card.installed else ""
    return (
        f'<article class="card model-card{"" if card.installed else " missing"}">'
        f"<header><h3>{escape(card.name)}</h3>"
        f'<span class="tag">{escape(kind)}</span><span class="tag">{escape(state)}</span>{remove}</header>'
        f'<p class="facts">{escape(" · ".join(_facts(card, texts)))}</p>{shown_note}{levels}</article>'
    )


def _facts(card: ModelCard, texts: Texts) -> list[str]:
    facts = [card.id]
    if card.parameters:
        facts.append(texts.parameters.format(n=_count(card.parameters)))
    if card.context_length:
        facts.append(texts.context.format(n=f"{card.context_length:,}"))
    if card.languages:
        facts.append(", ".join(card.languages))
    if card.licence:
        facts.append(card.licence)
    return facts


def _count(number: int) -> str:
    if number >= 10**9:
        return f"{number / 10**9:.1f}B"
    return f"{number / 10**6:.0f}M" if number >= 10**6 else f"{number:,}"


def _levels(studio: Studio, card: ModelCard, ledger: Sequence[LedgerEntry], texts: Texts) -> str:
    heads = (texts.level_column, texts.weights_column, texts.total_column, texts.fit_column)
    head = "".join(f'<th scope="col">{escape(label)}</th>' for label in heads)
    rows = "".join(_level(studio, card, level, ledger, texts) for level in card.levels)
    return f'<table class="levels"><thead><tr>{head}<td></td></tr></thead><tbody>{rows}</tbody></table>'


def _level(studio: Studio, card: ModelCard, level: str, ledger: Sequence[LedgerEntry], texts: Texts) -> str:
    known = LEVELS.get(level)
    meaning = getattr(known, texts.language) if known else ""
    name = f'<th scope="row" title="{escape(meaning)}">{escape(level)}</th>'
    try:
        estimate = studio.estimate(card.id, level)
    except StudioError as error:
        return f'<tr>{name}<td colspan="4" class="fit no">{escape(error.say(texts.language))}</td></tr>'
    entry = next((e for e in ledger if e.card.id == card.id and e.level == level and e.state != "dead"), None)
    if entry is not None:
        measured = texts.strip_measured.format(size=size(entry.probe.measured_bytes)) if entry.probe else ""
        fit = (
            f'<span class="fit loaded"><strong>{escape(texts.fit_loaded)}</strong> {escape(measured)}</span>'
        )
        act = button(texts.unload, "unload", key=entry.key, title=f"{texts.unload}: {card.name} @ {level}")
    else:
        reason = escape(estimate.reason.get(texts.language, ""))
        word = escape(getattr(texts, FIT_LABELS[estimate.fit]))
        fit = f'<span class="fit {FIT_KINDS[estimate.fit]}" title="{reason}"><strong>{word}</strong></span>'
        act = button(
            texts.load, "load", id=card.id, level=level, title=f"{texts.load}: {card.name} @ {level}"
        )
    return (
        f"<tr>{name}<td>{escape(size(estimate.weights_bytes))}</td><td>{escape(size(estimate.total_bytes))}</td>"
        f"<td>{fit}</td><td>{act}</td></tr>"
    )


def draw_doing(text: str, fraction: float | None) -> str:
    """Something that takes a while."""
    return f'<div class="doing banner" role="status"><p>{escape(text)}</p>{bar(fraction, text)}</div>'


def draw_done(text: str) -> str:
    """What came of it."""
    return f'<p class="banner done" role="status">{escape(text)}</p>'


def draw_failed(text: str, offer: str = "") -> str:
    """Why it did not work; `offer`: a button that goes on in another way."""
    return f'<div class="offer banner" role="alert"><p>{escape(text)}</p>{offer}</div>'
