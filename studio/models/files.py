"""The files of a model folder: which hold weights, and the small ones that describe the model."""

import json
from pathlib import Path
from typing import Any

from studio.models.errors import BrokenModel, NoConfig, NoWeights, UnsupportedWeights
from studio.models.headers import Tensor, safetensors_tensors

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"


def read_json(path: Path) -> Any:
    """What a JSON file holds; an empty dict when there is none. Raises `BrokenModel`."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, OSError) as error:
        raise BrokenModel(file=path, reason=str(error)) from error


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json` of a model folder; an empty dict without one. Raises `BrokenModel`."""
    config = read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise BrokenModel(file=folder / "config.json", reason="not a JSON object")
    return config


def text_config(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a config that describes the language model (the whole, except in models that also see)."""
    inner = config.get("text_config")
    return config | inner if isinstance(inner, dict) else config


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that Transformers would load.

    Raises `NoConfig`, `NoWeights`, `UnsupportedWeights` or, when a shard is missing, `BrokenModel`.
    """
    if not (folder / "config.json").is_file():
        raise NoConfig(folder=folder)
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        index = read_json(folder / INDEX)
        names = sorted(set(index.get("weight_map", {}).values())) if isinstance(index, dict) else []
        if not names:
            raise BrokenModel(file=folder / INDEX, reason="no weight_map")
        for name in names:
            if not (folder / name).is_file():
                raise BrokenModel(file=folder / name, reason="missing")
        return [folder / name for name in names]
    for pattern, kind in (("*.bin", "PyTorch .bin"), ("*.pth", "PyTorch .pth"), ("*.pt", "PyTorch .pt")):
        if any(folder.glob(pattern)):
            raise UnsupportedWeights(folder=folder, format=kind)
    for pattern, kind in (("*.gguf", "GGUF"), ("*.h5", "TensorFlow .h5"), ("*.msgpack", "Flax .msgpack")):
        if any(folder.glob(pattern)):
            raise UnsupportedWeights(folder=folder, format=kind)
    raise NoWeights(folder=folder)


def weight_tensors(folder: Path) -> tuple[Tensor, ...]:
    """Every tensor of a model folder. Raises what `weight_files` and `safetensors_tensors` raise."""
    return tuple(tensor for file in weight_files(folder) for tensor in safetensors_tensors(file))
