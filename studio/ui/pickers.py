"""The pickers of model, quantization level and knowledge base, and the fit that is shown before a load."""

from typing import Any

import gradio as gr

from studio.engines.pool import LedgerEntry
from studio.models.card import ModelCard
from studio.sentences import StudioError
from studio.services import Studio
from studio.ui.markup import escape, size
from studio.ui.texts import Texts

CHAT_KINDS = ("chat", "base", "encoder-decoder")
FIT_LABELS = {"fits": "fit_fits", "tight": "fit_tight", "does not fit": "fit_does_not_fit"}


def chat_models(studio: Studio) -> list[ModelCard]:
    """Models on this computer that can answer, in the catalogue's order."""
    return [card for card in studio.catalogue.cards() if card.kind in CHAT_KINDS and card.installed]


def pick_model(studio: Studio, wanted: str | None = None, *, guest: bool = False) -> Any:
    """The update of a model picker; chosen is `wanted`, else what is loaded, else the default."""
    loaded = studio.loaded_chat_models()
    cards = [card for card, _ in loaded] if guest else chat_models(studio)
    ids = list(dict.fromkeys(card.id for card in cards))
    preferred = [wanted, *(card.id for card, _ in loaded), studio.settings.chat_model, *ids]
    value = next((model for model in preferred if model in ids), None)
    names = {card.id: card.name for card in cards}
    return gr.update(choices=[(names[model], model) for model in ids], value=value)


def pick_level(studio: Studio, model: str | None, wanted: str | None = None, *, guest: bool = False) -> Any:
    """The update of a level picker for `model`."""
    loaded = [level for card, level in studio.loaded_chat_models() if card.id == model]
    try:
        levels = loaded if guest else list(studio.catalogue.get(model).levels) if model else []
    except StudioError:
        # Removed in another tab since the list was drawn.
        levels = []
    preferred = [wanted, *loaded, studio.settings.chat_level, *levels]
    return gr.update(choices=levels, value=next((level for level in preferred if level in levels), None))


def pick_base(studio: Studio, wanted: str | None = None, *, guest: bool = False) -> Any:
    """The update of a knowledge base picker."""
    names = [base.name for base in studio.knowledge.all() if base.open_to_guests or not guest]
    value = wanted if wanted in names else (names[0] if names else None)
    return gr.update(choices=names, value=value)


def entry_of(studio: Studio, model: str, level: str) -> LedgerEntry | None:
    """The ledger's entry of a model at a level, while it is ready."""
    found = (
        e for e in studio.pool.ledger() if e.card.id == model and e.level == level and e.state == "ready"
    )
    return next(found, None)


def draw_fit(studio: Studio, model: str | None, level: str | None, texts: Texts) -> str:
    """Whether the choice fits, before anything is loaded; the measured bytes once it is."""
    if not model or not level:
        return f'<p class="fit none">{escape(texts.empty_no_model)}</p>'
    try:
        entry = entry_of(studio, model, level)
        if entry is not None:
            measured = size(entry.probe.measured_bytes) if entry.probe else "…"
            total = size(entry.estimated.total_bytes)
            numbers = texts.fit_measured.format(measured=measured, total=total)
            return _fit("loaded", texts.fit_loaded, numbers, "")
        estimate = studio.estimate(model, level)
    except StudioError as error:
        return _fit("no", "", error.say(texts.language), "")
    numbers = texts.fit_numbers.format(
        total=size(estimate.total_bytes), available=size(estimate.available_bytes)
    )
    kind = {"fits": "yes", "tight": "tight", "does not fit": "no"}[estimate.fit]
    return _fit(
        kind, getattr(texts, FIT_LABELS[estimate.fit]), numbers, estimate.reason.get(texts.language, "")
    )


def _fit(kind: str, word: str, numbers: str, reason: str) -> str:
    shown = f"<strong>{escape(word)}</strong> " if word else ""
    return f'<p class="fit {kind}" title="{escape(reason)}" role="status">{shown}{escape(numbers)}</p>'
