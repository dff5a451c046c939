"""Do SQLite, the lexical index and Chroma agree, and making the latter two anew from the first."""

from typing import Any

from studio.knowledge import lexical, vectors
from studio.knowledge.types import KnowledgeBase
from studio.knowledge.vectors import VectorIndex
from studio.store import Store

_AT_ONCE = 1000


def compare(store: Store, index: VectorIndex, base: KnowledgeBase) -> dict[str, Any]:
    """`{documents, chunks, lexical, vectors, agree}`; agree: the same chunks everywhere, not only as many."""
    rows = store.rows("SELECT number, id, hash FROM chunks WHERE knowledge_base = ?", (base.id,))
    words = lexical.numbers(store, base.id) if lexical.exists(store, base.id) else set()
    served = index.ids(base)
    hashes = {row["hash"] for row in rows}
    kept = vectors.known_hashes(store, vectors.embedder_key(base), sorted(hashes))
    return {
        "documents": base.documents,
        "chunks": len(rows),
        "lexical": len(words),
        "vectors": len(served),
        "agree": words == {row["number"] for row in rows}
        and served == {row["id"] for row in rows}
        and kept == hashes,
    }


def rebuild(store: Store, index: VectorIndex, base: KnowledgeBase, languages: tuple[str, ...]) -> None:
    """Fill the lexical index and Chroma anew from SQLite; nothing is parsed or embedded again."""
    with store.transaction() as connection:
        lexical.drop(connection, base.id)
        lexical.create(connection, base.id)
        rows = connection.execute(
            "SELECT number, text FROM chunks WHERE knowledge_base = ?", (base.id,)
        ).fetchall()
        lexical.add(connection, base.id, ((row["number"], lexical.words(row["text"])) for row in rows))
    index.drop(base)
    serve_stored(store, index, base, languages)


def serve_stored(store: Store, index: VectorIndex, base: KnowledgeBase, languages: tuple[str, ...]) -> None:
    """Put every stored vector of a knowledge base into Chroma."""
    from studio.knowledge.languages import can_read

    rows = store.rows(
        "SELECT id, hash, text FROM chunks WHERE knowledge_base = ? AND EXISTS ("
        " SELECT 1 FROM vectors WHERE vectors.hash = chunks.hash AND vectors.embedder = ?) ORDER BY number",
        (base.id, vectors.embedder_key(base)),
    )
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        made = vectors.load(store, vectors.embedder_key(base), [row["hash"] for row in part])
        readable = [can_read(languages, row["text"]) for row in part]
        index.add(base, [row["id"] for row in part], made, readable)
