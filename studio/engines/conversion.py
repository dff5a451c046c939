"""Converting a single GGUF file into a model folder: once, whole or not at all."""

import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import filelock

from studio.engines.base import Progress, ProgressCallback
from studio.engines.errors import ConversionFailed, LoadFailed
from studio.engines.messages import Convert
from studio.engines.process import WorkerProcess
from studio.models.card import ModelCard


def needs_conversion(card: ModelCard) -> bool:
    """Whether the card's path is a GGUF file that has to become a folder first."""
    return card.path is not None and card.path.suffix == ".gguf"


class Converter:
    """Makes model folders from GGUF files, each in a worker of its own. Thread-safe, and across processes."""

    def __init__(self, models_dir: Path, start_worker: Callable[[], WorkerProcess] = WorkerProcess):
        self._models_dir = models_dir
        self._start_worker = start_worker
        self._lock = threading.Lock()
        self._workers: set[WorkerProcess] = set()

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
        """End conversions that are under way; `prepare` raises what became of them."""
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            worker.close()

    def _convert(self, card: ModelCard, folder: Path) -> None:
        assert card.path is not None
        beginning = f".{card.id}.partial-"
        # Whoever left these was killed: the lock is ours now.
        for leftover in self._models_dir.glob(f"{beginning}*"):
            shutil.rmtree(leftover)
        partial = Path(tempfile.mkdtemp(prefix=beginning, dir=self._models_dir))
        worker = self._start_worker()
        worker.model = card.name
        with self._lock:
            self._workers.add(worker)
        try:
            worker.call(Convert(card, card.path, partial / "model")).result()
            (partial / "model").replace(folder)
        except LoadFailed as error:
            raise ConversionFailed(model=card.name, detail=error.facts["detail"]) from error
        finally:
            worker.close()
            with self._lock:
                self._workers.discard(worker)
            shutil.rmtree(partial, ignore_errors=True)
