"""Knowledge bases and their documents as rows."""

import json
import sqlite3
import time
import uuid

from studio.knowledge import lexical
from studio.knowledge.errors import KnowledgeBaseExists, UnknownDocument, UnknownKnowledgeBase
from studio.knowledge.types import Document, KnowledgeBase, KnowledgeBaseKind
from studio.models.card import ModelCard
from studio.store import Store

_BASES = """
    SELECT base.*,
        (SELECT count(*) FROM documents WHERE knowledge_base = base.id) AS documents,
        (SELECT coalesce(sum(bytes), 0) FROM documents WHERE knowledge_base = base.id) AS bytes,
        (SELECT count(*) FROM chunks WHERE knowledge_base = base.id) AS chunks
    FROM knowledge_bases AS base
"""
_DOCUMENTS = """
    SELECT documents.*,
        (SELECT count(number) FROM pages WHERE document = documents.id) AS pages,
        (SELECT count(*) FROM chunks WHERE document = documents.id) AS chunks
    FROM documents
"""


class Bases:
    """Reads and writes knowledge bases; knows nothing of vectors."""

    def __init__(self, store: Store):
        self._store = store

    def create(
        self,
        name: str,
        kind: KnowledgeBaseKind,
        card: ModelCard,
        dimension: int,
        chunk_size: int,
        overlap: int,
    ) -> KnowledgeBase:
        """Raises `KnowledgeBaseExists`."""
        base_id = uuid.uuid4().hex
        try:
            with self._store.transaction() as connection:
                connection.execute(
                    "INSERT INTO knowledge_bases (id, name, kind, embedder, embedder_revision, dimension,"
                    " chunk_size, overlap, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        base_id,
                        name,
                        kind,
                        card.id,
                        card.revision,
                        dimension,
                        chunk_size,
                        overlap,
                        time.time(),
                    ),
                )
                lexical.create(connection, base_id)
        except sqlite3.IntegrityError as error:
            raise KnowledgeBaseExists(name=name) from error
        return self.get(name)

    def all(self) -> list[KnowledgeBase]:
        """Every knowledge base, by name."""
        return [_base(row) for row in self._store.rows(f"{_BASES} ORDER BY name COLLATE NOCASE, name")]

    def get(self, name: str) -> KnowledgeBase:
        """Raises `UnknownKnowledgeBase`."""
        row = self._store.row(f"{_BASES} WHERE base.name = ?", (name,))
        if row is None:
            raise UnknownKnowledgeBase(name=name)
        return _base(row)

    def by_id(self, base_id: str) -> KnowledgeBase | None:
        row = self._store.row(f"{_BASES} WHERE base.id = ?", (base_id,))
        return _base(row) if row else None

    def ids(self) -> set[str]:
        return {row[0] for row in self._store.rows("SELECT id FROM knowledge_bases")}

    def delete(self, base: KnowledgeBase) -> None:
        """With all documents, chunks, jobs and the lexical index."""
        with self._store.transaction() as connection:
            lexical.drop(connection, base.id)
            connection.execute("DELETE FROM knowledge_bases WHERE id = ?", (base.id,))

    def set_open_to_guests(self, base: KnowledgeBase, is_open: bool) -> None:
        self._store.write(
            "UPDATE knowledge_bases SET open_to_guests = ? WHERE id = ?", (int(is_open), base.id)
        )

    def documents(self, base: KnowledgeBase) -> list[Document]:
        """Documents of a knowledge base, by path."""
        return [
            _document(row)
            for row in self._store.rows(f"{_DOCUMENTS} WHERE knowledge_base = ? ORDER BY path", (base.id,))
        ]

    def document(self, base: KnowledgeBase, path_or_id: str) -> Document:
        """Raises `UnknownDocument`."""
        row = self._store.row(
            f"{_DOCUMENTS} WHERE knowledge_base = ? AND (path = ? OR id = ?)",
            (base.id, path_or_id, path_or_id),
        )
        if row is None:
            raise UnknownDocument(document=path_or_id, name=base.name)
        return _document(row)

    def origins(self, base: KnowledgeBase) -> dict[str, str]:
        """Where each document came from, by path; what still waits in the queue included."""
        rows = self._store.rows(
            "SELECT path, origin FROM jobs"
            " WHERE knowledge_base = ? AND stage IN ('queued', 'parsing', 'embedding')"
            " UNION ALL SELECT path, origin FROM documents WHERE knowledge_base = ?",
            (base.id, base.id),
        )
        return {row["path"]: row["origin"] for row in rows}

    def originals(self, base: KnowledgeBase) -> list[str]:
        rows = self._store.rows("SELECT DISTINCT sha256 FROM documents WHERE knowledge_base = ?", (base.id,))
        return [row[0] for row in rows]

    def originals_in_use(self) -> set[str]:
        """Every original that a document or a job needs."""
        rows = self._store.rows(
            "SELECT sha256 FROM documents UNION"
            " SELECT sha256 FROM jobs WHERE stage != 'done' AND sha256 IS NOT NULL"
        )
        return {row[0] for row in rows}

    def original_in_use(self, sha256: str) -> bool:
        """Whether a document or a job needs the original."""
        return bool(
            self._store.row(
                "SELECT 1 FROM documents WHERE sha256 = ? UNION ALL"
                " SELECT 1 FROM jobs WHERE sha256 = ? AND stage != 'done' LIMIT 1",
                (sha256, sha256),
            )
        )

    def page_text(self, document_id: str, page_position: int) -> str | None:
        """The stored text of a page; `page_position` counts from 0."""
        row = self._store.row(
            "SELECT text FROM pages WHERE document = ? AND position = ?", (document_id, page_position)
        )
        return row[0] if row else None


def _base(row: sqlite3.Row) -> KnowledgeBase:
    return KnowledgeBase(
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        embedder=row["embedder"],
        embedder_revision=row["embedder_revision"],
        dimension=row["dimension"],
        chunk_size=row["chunk_size"],
        overlap=row["overlap"],
        open_to_guests=bool(row["open_to_guests"]),
        documents=row["documents"],
        chunks=row["chunks"],
        bytes=row["bytes"],
    )


def _document(row: sqlite3.Row) -> Document:
    return Document(
        id=row["id"],
        path=row["path"],
        sha256=row["sha256"],
        bytes=row["bytes"],
        pages=row["pages"],
        chunks=row["chunks"],
        created_at=row["created_at"],
        notices=json.loads(row["notices"]),
    )


def remove_document(connection: sqlite3.Connection, base_id: str, document_id: str) -> list[str]:
    """Take a document with its pages, chunks and words out; the ids of its chunks. Part of a transaction."""
    rows = connection.execute(
        "SELECT number, id, text FROM chunks WHERE document = ?", (document_id,)
    ).fetchall()
    lexical.remove(connection, base_id, ((row["number"], row["text"]) for row in rows))
    connection.execute("DELETE FROM documents WHERE id = ?", (document_id,))
    return [row["id"] for row in rows]
