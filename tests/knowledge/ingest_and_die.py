"""Adds files in a process of its own and kills it with SIGKILL at a given point.

    python ingest_and_die.py DATA_DIR TOKENIZER_FOLDER LOG POINT FILE…

LOG gets one line for each text that was embedded.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fakes import FakeEngine, FakePool, fake_card
from stand_ins import FakeCatalogue

from studio.knowledge import ingest, lexical
from studio.knowledge.base import Knowledge
from studio.knowledge.vectors import VectorIndex
from studio.settings import Settings
from studio.store import Store


class LoggingEngine(FakeEngine):
    """Writes down what it embeds."""

    log: Path
    batches = 0

    def embed(self, texts: Sequence[str], kind: Any) -> np.ndarray:
        if kind == "passage":
            with self.log.open("a") as log:
                log.writelines(f"{hash(text)}\n" for text in texts)
            self.batches += 1
        return super().embed(texts, kind)


def die(*args: Any, **kwargs: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(owner: Any, name: str) -> None:
    whole = getattr(owner, name)

    def run_and_die(*args: Any, **kwargs: Any) -> None:
        whole(*args, **kwargs)
        die()

    setattr(owner, name, run_and_die)


def arrange(point: str, engine: LoggingEngine) -> None:
    if point == "embedding":
        whole = engine.embed
        engine.embed = lambda texts, kind: die() if engine.batches == 1 else whole(texts, kind)  # type: ignore
    elif point == "serving":
        die_after(VectorIndex, "add")
    elif point == "storing":
        die_after(lexical, "add")
    elif point == "stored":
        die_after(ingest.Ingest, "_store_document")
    elif point == "parsing":
        ingest.Ingest._prepare = die  # type: ignore


def main(data_dir: str, tokenizer: str, log: str, point: str, *files: str) -> None:
    settings = Settings(data_dir=Path(data_dir), embedder="fake-embedder")
    card = fake_card("fake-embedder", kind="embedding", path=Path(tokenizer))
    engine = LoggingEngine(card=card)
    engine.log = Path(log)
    arrange(point, engine)
    knowledge = Knowledge(
        settings,
        Store(settings.database),
        FakeCatalogue(card),  # type: ignore[arg-type]
        FakePool({"fake-embedder": engine}),  # type: ignore[arg-type]
    )
    knowledge.create("papers")
    knowledge.add("papers", [Path(file) for file in files])


if __name__ == "__main__":
    main(*sys.argv[1:])
