"""Converting a single GGUF file into a model folder: once, whole or not at all."""

from pathlib import Path

from studio.engines.base import ProgressCallback
from studio.models.card import ModelCard


def needs_conversion(card: ModelCard) -> bool:
    """Whether the card's path is a GGUF file that has to become a folder first."""
    return card.path is not None and card.path.suffix == ".gguf"


def converted(card: ModelCard, folder: Path, progress: ProgressCallback | None = None) -> ModelCard:
    raise NotImplementedError
