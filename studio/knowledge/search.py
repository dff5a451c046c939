"""Evidence out: dense and lexical search, fused with respect for what the embedder can read."""

import sqlite3
import time
from collections.abc import Sequence
from typing import NamedTuple

from studio.knowledge import lexical
from studio.knowledge.embedder import Embedder
from studio.knowledge.errors import (
    DenseSearchBlind,
    EmbedderCannotReadDocument,
    EmbedderCannotReadDocuments,
    EmbedderCannotReadQuestion,
    SearchedByWordsOnly,
    UnknownMode,
)
from studio.knowledge.languages import can_read, readable_scripts
from studio.knowledge.types import Evidence, KnowledgeBase, Mode, SearchResult
from studio.knowledge.vectors import VectorIndex
from studio.sentences import Notice, StudioError
from studio.store import Store

# Reciprocal rank fusion, Cormack, Clarke and Büttcher, SIGIR 2009: their constant.
_RRF = 60
# How deep each side is read: what is below hardly ever rises into the first few.
_DEPTH = 50
_FEW = 500


class _Found(NamedTuple):
    """Ranked chunk numbers of one side with its scores, best first."""

    ranked: list[tuple[int, float]]

    def ranks(self) -> dict[int, int]:
        return {number: place for place, (number, _) in enumerate(self.ranked, start=1)}


_NOTHING = _Found([])


class _Way(NamedTuple):
    """How a knowledge base is searched. `depth`: how many chunks are read of each side."""

    base: KnowledgeBase
    mode: Mode
    k: int
    depth: int


class Search:
    """Searches knowledge bases."""

    def __init__(self, store: Store, embedder: Embedder, index: VectorIndex):
        self._store = store
        self._embedder = embedder
        self._index = index

    def search(self, base: KnowledgeBase, queries: Sequence[str], k: int, mode: Mode) -> list[SearchResult]:
        """Evidence for each query, at most `k`, in the order of `queries`. Queries are embedded together.

        Raises `UnknownMode`, and in mode dense whatever keeps the embedder or Chroma from answering; in mode
        hybrid that becomes a notice and the words decide alone.
        """
        if mode not in ("hybrid", "dense", "lexical"):
            raise UnknownMode(mode=mode)
        started = time.perf_counter()
        way = _Way(base, mode, k, max(_DEPTH, 2 * k))
        asked = [query for query in dict.fromkeys(queries) if query.strip()] if k > 0 and base.chunks else []
        dense, notices = self._dense(way, asked) if mode != "lexical" else ({}, {})
        shared = (time.perf_counter() - started) / max(1, len(queries))
        known = set(asked)
        return [
            self._answer(way, query, dense.get(query, _NOTHING), notices.get(query, []), shared)
            if query in known
            else SearchResult(query, 0.0, [])
            for query in queries
        ]

    def _answer(
        self, way: _Way, query: str, dense: _Found, notices: list[Notice], shared: float
    ) -> SearchResult:
        started = time.perf_counter()
        words = _NOTHING
        if way.mode != "dense":
            words = _Found(lexical.search(self._store, way.base.id, query, way.depth))
        if way.mode == "hybrid":
            scores = _fuse(dense, words)
        else:
            scores = dict((dense if way.mode == "dense" else words).ranked)
        # Equal scores: the earlier chunk first, so that the same question always gets the same answer.
        best = sorted(scores, key=lambda number: (-scores[number], number))[: way.k]
        hits = self._evidence(best, scores, dict(dense.ranked), dict(words.ranked))
        seconds = shared + time.perf_counter() - started
        return SearchResult(query, round(seconds, 6), hits, [notice.as_dict() for notice in notices])

    def _dense(self, way: _Way, queries: list[str]) -> tuple[dict[str, _Found], dict[str, list[Notice]]]:
        """What the vectors say to each query, and what there is to say about it."""
        base, mode = way.base, way.mode
        if not queries:
            return {}, {}
        try:
            model, languages = self._embedder.languages(base)
            readable = {query: can_read(languages, query) for query in queries}
            unread = self._unread_notice(base, model) if readable_scripts(languages) else None
            blind = (DenseSearchBlind if mode == "dense" else EmbedderCannotReadQuestion)(model=model)
            notices: dict[str, list[Notice]] = {
                query: [each for each in (unread if readable[query] else blind,) if each] for query in queries
            }
            chosen = [query for query in queries if readable[query] or mode == "dense"]
            return self._nearest(base, chosen, way.depth, unread is not None and mode == "hybrid"), notices
        except StudioError as error:
            if mode == "dense":
                raise
            told: Notice = SearchedByWordsOnly(reason=error.say("en"), reason_zh=error.say("zh"))
            return {}, {query: [told] for query in queries}

    def _nearest(
        self, base: KnowledgeBase, queries: list[str], depth: int, readable_only: bool
    ) -> dict[str, _Found]:
        if not queries:
            return {}
        asked = self._embedder.embed(base, queries, "query")
        found = self._index.search(base, asked, depth, readable_only)
        numbers = self._numbers(base, {name for hits in found for name, _ in hits})
        # What Chroma still holds of a document that is gone has no number.
        return {
            query: _Found([(numbers[name], score) for name, score in hits if name in numbers])
            for query, hits in zip(queries, found, strict=True)
        }

    def _unread_notice(self, base: KnowledgeBase, model: str) -> Notice | None:
        rows = self._store.rows(
            "SELECT path FROM documents WHERE knowledge_base = ? AND notices LIKE ? ORDER BY path",
            (base.id, f'%"{EmbedderCannotReadDocument.__name__}"%'),
        )
        if not rows:
            return None
        if len(rows) == 1:
            return EmbedderCannotReadDocument(model=model, document=rows[0]["path"])
        return EmbedderCannotReadDocuments(model=model, count=len(rows))

    def _numbers(self, base: KnowledgeBase, ids: set[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        listed = sorted(ids)
        for start in range(0, len(listed), _FEW):
            part = listed[start : start + _FEW]
            marks = ",".join("?" * len(part))
            rows = self._store.rows(
                f"SELECT id, number FROM chunks WHERE knowledge_base = ? AND id IN ({marks})",
                (base.id, *part),
            )
            found.update((row["id"], row["number"]) for row in rows)
        return found

    def _evidence(
        self, numbers: list[int], scores: dict[int, float], dense: dict[int, float], words: dict[int, float]
    ) -> list[Evidence]:
        rows: dict[int, sqlite3.Row] = {}
        for start in range(0, len(numbers), _FEW):
            part = numbers[start : start + _FEW]
            marks = ",".join("?" * len(part))
            found = self._store.rows(
                "SELECT chunks.*, documents.path AS path"
                " FROM chunks JOIN documents ON documents.id = chunks.document"
                f" WHERE number IN ({marks})",
                part,
            )
            rows.update((row["number"], row) for row in found)
        return [
            _as_evidence(rows[number], scores[number], dense.get(number), words.get(number))
            for number in numbers
            if number in rows
        ]


def _fuse(dense: _Found, words: _Found) -> dict[int, float]:
    scores: dict[int, float] = {}
    for side in (dense, words):
        for number, rank in side.ranks().items():
            scores[number] = scores.get(number, 0.0) + 1 / (_RRF + rank)
    return scores


def _as_evidence(row: sqlite3.Row, score: float, dense: float | None, words: float | None) -> Evidence:
    return Evidence(
        chunk_id=row["id"],
        document_id=row["document"],
        document=row["path"],
        page=row["page"],
        heading=row["heading"],
        score=score,
        text=row["text"],
        start=row["start"],
        end=row["end"],
        dense=dense,
        lexical=words,
    )
