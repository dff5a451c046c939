"""Converting a single GGUF file into a model folder: once, whole or not at all."""

import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import filelock

from studio.engines.base import Progress, ProgressCallback
from studio.engines.errors import ConversionFailed, LoadFailed
from studio.models.card import ModelCard


class Converting(Protocol):
    """A worker that can convert."""

    def convert(self, card: ModelCard, folder: Path) -> None: ...

    def close(self) -> None: ...


def needs_conversion(card: ModelCard) -> bool:
    """Whether the card's path is a GGUF file that has to become a folder first."""
    return card.path is not None and card.path.suffix == ".gguf"


class Converter:
    """Makes model folders from GGUF files in a borrowed worker. Thread-safe, and across processes."""

    def __init__(self, models_dir: Path, borrow: Callable[[], AbstractContextManager[Converting]]):
        self._models_dir = models_dir
        self._borrow = borrow
        self._lock = threading.Lock()
        self._at_work: list[Converting] = []

    def prepare(self, card: ModelCard, progress: ProgressCallback | None = None) -> ModelCard:
        """The card with the path of its folder, made first if there is none yet. Raises `ConversionFailed`.

        Killed at any moment, it leaves either no folder or a whole one.
        """
        if not needs_conversion(card):
            return card
        folder = self._models_dir / card.id
        if not folder.is_dir():
            if progress is not None:
                progress(Progress("weights", None))
            try:
                self._models_dir.mkdir(parents=True, exist_ok=True)
                with filelock.FileLock(self._models_dir / f".{card.id}.lock"):
                    if not folder.is_dir():
                        self._convert(card, folder)
            except OSError as error:
                raise ConversionFailed(model=card.name, detail=str(error)) from error
        return replace(card, path=folder)

    def close(self) -> None:
        """End conversions that are under way; their `prepare` raises."""
        with self._lock:
            at_work = list(self._at_work)
        for worker in at_work:
            worker.close()

    def _convert(self, card: ModelCard, folder: Path) -> None:
        beginning = f".{card.id}.partial-"
        # Whoever left these was killed: the lock is ours now.
        for leftover in self._models_dir.glob(f"{beginning}*"):
            shutil.rmtree(leftover)
        partial = Path(tempfile.mkdtemp(prefix=beginning, dir=self._models_dir))
        try:
            with self._borrow() as worker:
                with self._lock:
                    self._at_work.append(worker)
                try:
                    worker.convert(card, partial / "model")
                finally:
                    with self._lock:
                        self._at_work.remove(worker)
            (partial / "model").replace(folder)
        except LoadFailed as error:
            raise ConversionFailed(model=card.name, detail=error.facts["detail"]) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
