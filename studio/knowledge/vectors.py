"""Vectors: each once in SQLite, by the hash of its text; served by Chroma under the ids of the chunks."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlparse

import numpy as np
import numpy.typing as npt

from studio.knowledge.errors import VectorsUnavailable
from studio.knowledge.types import KnowledgeBase
from studio.settings import Settings
from studio.store import Store

Vectors = npt.NDArray[np.float32]
# Placeholders in one statement.
_FEW = 500


def embedder_key(base: KnowledgeBase) -> str:
    """The name of an embedder in one version, as vectors are kept under."""
    return f"{base.embedder}@{base.embedder_revision}"


def known_hashes(store: Store, embedder: str, hashes: Sequence[str]) -> set[str]:
    """Which of `hashes` have a vector already."""
    found: set[str] = set()
    for part in _parts(list(hashes)):
        marks = ",".join("?" * len(part))
        rows = store.rows(
            f"SELECT hash FROM vectors WHERE embedder = ? AND hash IN ({marks})", (embedder, *part)
        )
        found.update(row[0] for row in rows)
    return found


def save(store: Store, embedder: str, hashes: Sequence[str], vectors: Vectors) -> None:
    """Keep vectors, shape (len(hashes), dimension)."""
    rows = [(name, embedder, vector.tobytes()) for name, vector in zip(hashes, vectors, strict=True)]
    with store.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO vectors (hash, embedder, vector) VALUES (?, ?, ?)", rows
        )


def load(store: Store, embedder: str, hashes: Sequence[str]) -> Vectors:
    """Vectors of `hashes`, in their order, shape (len(hashes), dimension). KeyError for an unknown one."""
    found: dict[str, bytes] = {}
    for part in _parts(list(dict.fromkeys(hashes))):
        marks = ",".join("?" * len(part))
        rows = store.rows(
            f"SELECT hash, vector FROM vectors WHERE embedder = ? AND hash IN ({marks})", (embedder, *part)
        )
        found.update((row[0], row[1]) for row in rows)
    return np.stack([np.frombuffer(found[name], dtype=np.float32) for name in hashes])


def forget_unused(connection: sqlite3.Connection) -> int:
    """Drop vectors that no chunk needs; how many. Not during an ingest: it saves vectors before chunks."""
    cursor = connection.execute(
        """
        DELETE FROM vectors WHERE NOT EXISTS (
            SELECT 1 FROM chunks JOIN knowledge_bases AS base ON base.id = chunks.knowledge_base
            WHERE chunks.hash = vectors.hash
            AND base.embedder || '@' || base.embedder_revision = vectors.embedder
        )
        """
    )
    return cursor.rowcount


def _parts(items: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(items), _FEW):
        yield items[start : start + _FEW]


class VectorIndex:
    """The Chroma side: a folder of this studio, or a Chroma server. Chroma is imported at first use.

    `base_ids`: the ids of all knowledge bases there are.
    """

    def __init__(self, settings: Settings, base_ids: Callable[[], set[str]]):
        self._settings = settings
        self._base_ids = base_ids
        self._lock = threading.RLock()
        self._opened: Any = None
        self._collections: dict[str, Any] = {}

    def _client(self) -> Any:
        with self._lock:
            if self._opened is None:
                import chromadb
                from chromadb.config import Settings as ChromaSettings

                quiet = ChromaSettings(anonymized_telemetry=False)
                if self._settings.chroma_url:
                    url = urlparse(self._settings.chroma_url)
                    ssl = url.scheme == "https"
                    self._opened = chromadb.HttpClient(
                        host=url.hostname or "localhost",
                        port=url.port or (443 if ssl else 8000),
                        ssl=ssl,
                        settings=quiet,
                    )
                else:
                    self._settings.chroma_dir.mkdir(parents=True, exist_ok=True)
                    self._opened = chromadb.PersistentClient(self._settings.chroma_dir, quiet)
                    self._drop_leftovers()
            return self._opened

    def _drop_leftovers(self) -> None:
        """Drop what deleted knowledge bases left. Not on a server: others may keep theirs there."""
        kept = [collection.name for collection in self._opened.list_collections()]
        for name in set(kept) - {_name(base_id) for base_id in self._base_ids()}:
            if name.startswith(_name("")):
                self._opened.delete_collection(name)

    @contextlib.contextmanager
    def _collection(self, base: KnowledgeBase) -> Iterator[Any]:
        """The collection of a knowledge base; what Chroma cannot do becomes `VectorsUnavailable`."""
        try:
            if base.id not in self._collections:
                # No embedding function: Chroma's own would download a model.
                self._collections[base.id] = self._client().get_or_create_collection(
                    _name(base.id), embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
                )
            yield self._collections[base.id]
        except Exception as error:
            # Chroma, its Rust core and its HTTP client raise unrelated classes of their own.
            self._collections.pop(base.id, None)
            raise VectorsUnavailable(name=base.name, reason=f"{type(error).__name__}: {error}") from error

    def add(
        self, base: KnowledgeBase, ids: Sequence[str], vectors: Vectors, readable: Sequence[bool]
    ) -> None:
        """Insert or replace vectors, shape (len(ids), dimension). `readable`: by the embedder's languages."""
        with self._collection(base) as collection:
            most = self._client().get_max_batch_size()
            for start in range(0, len(ids), most):
                part = slice(start, start + most)
                collection.upsert(
                    ids=list(ids[part]),
                    embeddings=vectors[part],
                    metadatas=[{"readable": bool(flag)} for flag in readable[part]],
                )

    def remove(self, base: KnowledgeBase, ids: Sequence[str]) -> None:
        """Delete by id; unknown ids are ignored."""
        with self._collection(base) as collection:
            for part in _parts(list(ids)):
                collection.delete(ids=part)

    def drop(self, base: KnowledgeBase) -> None:
        """Delete all vectors of a knowledge base."""
        with self._collection(base):
            self._client().delete_collection(_name(base.id))
        self._collections.pop(base.id, None)

    def ids(self, base: KnowledgeBase) -> set[str]:
        """The ids of all vectors of a knowledge base."""
        with self._collection(base) as collection:
            return set(collection.get(include=[])["ids"])

    def search(
        self, base: KnowledgeBase, queries: Vectors, limit: int, readable_only: bool
    ) -> list[list[tuple[str, float]]]:
        """For each query vector the nearest (id, cosine similarity), best first, at most `limit`."""
        with self._collection(base) as collection:
            found = collection.query(
                query_embeddings=queries,
                n_results=limit,
                where={"readable": True} if readable_only else None,
                include=["distances"],
            )
        return [
            [(name, 1.0 - distance) for name, distance in zip(ids, distances, strict=True)]
            for ids, distances in zip(found["ids"], found["distances"], strict=True)
        ]

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            opened, self._opened = self._opened, None
            self._collections.clear()
            if opened is not None:
                opened.close()


def _name(knowledge_base: str) -> str:
    return f"kb-{knowledge_base}"
