"""What is said over the pipe between the studio and a worker. Everything here pickles small."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.engines.base import Message, Sampling, TextKind
from studio.models.card import ModelCard


@dataclass(frozen=True, slots=True)
class Load:
    card: ModelCard
    level: str
    device: str


@dataclass(frozen=True, slots=True)
class Convert:
    """Turn a GGUF file into a model folder. `folder` must not exist."""

    card: ModelCard
    file: Path
    folder: Path


@dataclass(frozen=True, slots=True)
class Render:
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Count:
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Generate:
    request: str
    messages: tuple[Message, ...]
    sampling: Sampling


@dataclass(frozen=True, slots=True)
class Cancel:
    """Not answered: the generation that it ends says `Done`."""

    request: str


@dataclass(frozen=True, slots=True)
class Embed:
    texts: tuple[str, ...]
    kind: TextKind


@dataclass(frozen=True, slots=True)
class AskProbe:
    """How much memory the model takes."""


Order = Load | Convert | Render | Count | Generate | Cancel | Embed | AskProbe


@dataclass(frozen=True, slots=True)
class Ask:
    """To the worker. `call` names the answer."""

    call: int
    order: Order


@dataclass(frozen=True, slots=True)
class Say:
    """From the worker, in the course of a call: `Progress` or `Text`."""

    call: int
    event: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of a call."""

    call: int
    value: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """The end of a call that failed."""

    call: int
    error: Exception
