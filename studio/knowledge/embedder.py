"""The embedder of a knowledge base: the same model, in the same version, that made its vectors."""

from collections.abc import Sequence

import numpy as np

from studio.engines.base import TextKind
from studio.engines.pool import Pool
from studio.knowledge.errors import EmbedderChanged, EmbedderNotInstalled, NotAnEmbeddingModel
from studio.knowledge.types import KnowledgeBase
from studio.knowledge.vectors import Vectors
from studio.models.card import ModelCard
from studio.models.catalogue import Catalogue
from studio.settings import Settings

LEVEL = "full"


class Embedder:
    """Finds and uses embedders through the catalogue and the pool."""

    def __init__(self, settings: Settings, catalogue: Catalogue, pool: Pool):
        self._settings = settings
        self._catalogue = catalogue
        self._pool = pool

    def choose(self, model: str) -> tuple[ModelCard, int]:
        """(card, dimension) of a model for a new knowledge base.

        Raises `UnknownModel`, `NotAnEmbeddingModel` or `EmbedderNotInstalled`; loads the model only when its
        card does not give the dimension.
        """
        card = self._catalogue.get(model)
        if card.kind not in ("embedding", "encoder"):
            raise NotAnEmbeddingModel(model=card.name, example=self._settings.embedder)
        if not card.installed:
            raise EmbedderNotInstalled(model=card.name)
        if card.dimension:
            return card, card.dimension
        with self._pool.use(card, LEVEL) as engine:
            return card, engine.embed(["dimension"], "passage").shape[1]

    def card(self, base: KnowledgeBase) -> ModelCard:
        """The card of a knowledge base's embedder.

        Raises `UnknownModel`, `EmbedderNotInstalled` or `EmbedderChanged`.
        """
        card = self._catalogue.get(base.embedder)
        if not card.installed:
            raise EmbedderNotInstalled(model=card.name)
        if card.revision != base.embedder_revision:
            raise EmbedderChanged(model=card.name, name=base.name)
        return card

    def languages(self, base: KnowledgeBase) -> tuple[str, Sequence[str]]:
        """(name, languages) of the embedder. Raises `UnknownModel`."""
        card = self._catalogue.get(base.embedder)
        return card.name, card.languages

    def embed(self, base: KnowledgeBase, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Unit vectors, shape (len(texts), base.dimension). Raises what `card` and the engine raise."""
        card = self.card(base)
        with self._pool.use(card, LEVEL) as engine:
            vectors = np.ascontiguousarray(engine.embed(texts, kind), dtype=np.float32)
        if vectors.shape != (len(texts), base.dimension):
            raise EmbedderChanged(model=card.name, name=base.name)
        return vectors
