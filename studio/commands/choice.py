"""Which model and level a command means."""

from studio.engines.errors import NotAChatModel
from studio.models.card import ModelCard
from studio.models.levels import check_level
from studio.services import Studio


def choose_level(studio: Studio, model: str, level: str | None) -> tuple[ModelCard, str]:
    """The card of `model` and the level: the given one, else the one in the settings where the model has it.

    Raises `UnknownModel`, `UnknownLevel` or `LevelUnavailable`.
    """
    card = studio.catalogue.get(model)
    if level is None:
        usual = studio.settings.chat_level
        level = usual if usual in card.levels or not card.levels else card.levels[0]
    check_level(card, level)
    return card, level


def choose_chat_model(studio: Studio, model: str | None, level: str | None) -> tuple[ModelCard, str]:
    """The same for a model that has to answer (None: the one of the settings). Raises `NotAChatModel` too."""
    wanted = studio.catalogue.get(model or studio.settings.chat_model)
    if wanted.kind in ("embedding", "reranker", "encoder"):
        raise NotAChatModel(model=wanted.name)
    return choose_level(studio, wanted.id, level)
