"""What can be said about a load before anything is started for it."""

from studio.engines.errors import NotAChatModel
from studio.models.card import ModelCard
from studio.models.errors import FolderGone, ModelNotInstalled, NoWeights
from studio.models.levels import check_level


def check_loadable(card: ModelCard, level: str) -> None:
    """Raises `NotAChatModel`, `LevelUnavailable`, `UnknownLevel`, `ModelNotInstalled`, `FolderGone`
    or `NoWeights` where a load can only fail.
    """
    if card.kind == "encoder":
        raise NotAChatModel(model=card.name)
    check_level(card, level)
    if card.path is None:
        raise ModelNotInstalled(
            model=card.name, how_en="Add it on the Models page.", how_zh="请在“模型”页添加它。"
        )
    if not card.path.exists():
        raise FolderGone(folder=card.path)
    if card.path.is_dir() and not any(card.path.glob("*.safetensors")):
        raise NoWeights(folder=card.path)
