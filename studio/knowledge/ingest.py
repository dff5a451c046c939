"""Documents in: two threads, one that parses and splits, one that embeds and stores, and a queue on disk.

Every step can be repeated: vectors are kept as soon as they are made, and a document appears in one
transaction when everything of it is there. What a killed studio leaves are vectors that nobody asks for yet.
"""

import json
import logging
import sqlite3
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from studio.knowledge import lexical, vectors
from studio.knowledge.bases import Bases, remove_document
from studio.knowledge.embedder import Embedder
from studio.knowledge.errors import EmbedderCannotReadDocument, FileVanished, IngestFailed, PagesWithoutText
from studio.knowledge.intake import Originals
from studio.knowledge.jobs import Jobs, Task
from studio.knowledge.languages import can_read
from studio.knowledge.parsed import ParsedDocument
from studio.knowledge.parser import Parser, ParsingStopped
from studio.knowledge.split import Piece, Splitter
from studio.knowledge.types import FileResult, KnowledgeBase
from studio.knowledge.vectors import VectorIndex
from studio.sentences import Notice, StudioError
from studio.settings import Settings
from studio.store import Store

log = logging.getLogger(__name__)

# Chunks of several small files are embedded together, in batches that take about a second each: short enough
# to cancel and to show progress, long enough to keep a device busy.
_GROUP = 256
_FIRST_BATCH, _SMALLEST_BATCH, _LARGEST_BATCH = 64, 16, 1024
# Chunks that may wait to be embedded: more would only fill memory.
_MOST_WAITING = 4096
_STORED_AT_ONCE = 1000
# The parser's process is let go after this many seconds without work.
_PARSER_REST = 20.0
_REPORT_EVERY = 0.1
# After an error of ours (a full disk, a locked database) the threads try again, this many seconds later.
_PAUSE = 1.0


@dataclass(slots=True)
class Prepared:
    """A document that is parsed and split. `readable`: by the embedder, for each chunk."""

    task: Task
    base: KnowledgeBase
    document_id: str
    parsed: ParsedDocument
    pieces: list[Piece]
    ids: list[str]
    hashes: list[str]
    readable: list[bool]
    notices: list[Notice]
    bytes: int
    seconds: float

    def progress(self, missing: set[str]) -> tuple[int, int]:
        """(chunks that have their vector, all chunks), `missing` hashes being still to do."""
        left = sum(name in missing for name in self.hashes) if missing else 0
        return len(self.hashes) - left, len(self.hashes)


class Ingest:
    """Works the queue. `writing` is held while a document is stored or removed."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        jobs: Jobs,
        bases: Bases,
        originals: Originals,
        embedder: Embedder,
        index: VectorIndex,
    ):
        self._settings = settings
        self._store = store
        self._jobs = jobs
        self._bases = bases
        self._originals = originals
        self._embedder = embedder
        self._index = index
        self._parser = Parser()
        self._threads: list[threading.Thread] = []
        self._starting = threading.Lock()
        self._stop = threading.Event()
        self._ready: deque[Prepared] = deque()
        self._handover = threading.Condition()
        self._batch = _FIRST_BATCH
        # Jobs whose end could not be written.
        self._left: deque[str] = deque()
        self._idle_since = time.monotonic()
        self.writing = threading.RLock()

    # The threads

    def start(self) -> int:
        """Go on with what is queued, interrupted work included; how many files wait. Idempotent."""
        with self._starting:
            if self._threads or self._stop.is_set():
                return 0
            self._sweep()
            waiting = self._jobs.requeue_interrupted()
            for step in (self._parse_next, self._embed_next):
                name = f"ingest-{step.__name__.strip('_')}"
                thread = threading.Thread(target=self._repeat, args=(step,), name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
            return waiting

    def sweep(self) -> None:
        """Remove the files that an earlier studio left for nobody; nothing once files may come in."""
        with self._starting:
            if not self._threads and not self._stop.is_set():
                self._sweep()

    def _sweep(self) -> None:
        self._originals.forget_leftovers(self._bases.originals_in_use())

    def close(self) -> None:
        """Stop after the batch in hand; unfinished files go on at the next start."""
        with self._starting:
            self._stop.set()
            self._jobs.announce()
            with self._handover:
                self._handover.notify_all()
            self._parser.end()
            for thread in self._threads:
                thread.join(timeout=30)
            self._parser.close()

    def _repeat(self, step: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                step()
            except Exception:
                # A thread that ended here would leave every later file waiting.
                log.exception("the ingest could not go on; trying again")
                self._stop.wait(_PAUSE)

    def _parse_next(self) -> None:
        self._requeue_left()
        task = self._jobs.claim()
        if task is None:
            if time.monotonic() - self._idle_since > _PARSER_REST:
                self._parser.close()
            with self._jobs.changed:
                self._jobs.changed.wait(timeout=1.0)
            return
        try:
            prepared = self._attempt(task)
        except Exception:
            self._left.append(task.id)
            raise
        self._idle_since = time.monotonic()
        if prepared is not None:
            self._hand_over(prepared)

    def _requeue_left(self) -> None:
        while self._left:
            self._jobs.requeue(self._left[0])
            self._left.popleft()

    def _hand_over(self, prepared: Prepared) -> None:
        with self._handover:
            while self._ready and sum(len(each.pieces) for each in self._ready) > _MOST_WAITING:
                if self._stop.is_set():
                    return
                self._handover.wait()
            self._ready.append(prepared)
            self._handover.notify_all()

    def _take_group(self) -> list[Prepared]:
        """Documents of one knowledge base that are ready now, about `_GROUP` chunks; waits for the first."""
        with self._handover:
            while not self._ready and not self._stop.is_set():
                self._handover.wait()
            group: list[Prepared] = []
            chunks = 0
            while (
                self._ready and chunks < _GROUP and (not group or self._ready[0].base.id == group[0].base.id)
            ):
                group.append(self._ready.popleft())
                chunks += len(group[-1].pieces)
            self._handover.notify_all()
            return group

    def _embed_next(self) -> None:
        group = self._take_group()
        if self._stop.is_set():
            return
        try:
            self._embed_group(group)
        except Exception:
            self._left.extend(prepared.task.id for prepared in group)
            raise
        if not self._jobs.busy():
            self._tidy()

    def _tidy(self) -> None:
        with self._store.transaction() as connection:
            if not self._jobs.busy_in(connection):
                vectors.forget_unused(connection)

    # One file: parsing and splitting

    def _attempt(self, task: Task) -> Prepared | None:
        """Parse and split; a failure is the job's result, and None is returned."""
        started = time.monotonic()
        try:
            base = self._bases.by_id(task.knowledge_base)
            if base is None:
                return None
            unchanged = self._unchanged(task)
            if unchanged:
                self._jobs.finish(task.id, unchanged)
                return None
            return self._prepare(task, base, started)
        except ParsingStopped:
            self._release(task.sha256)
        except Exception as error:
            # Whatever a file does to us, the next one has its turn.
            self._fail(task, error, time.monotonic() - started)
        return None

    def _unchanged(self, task: Task) -> FileResult | None:
        row = self._store.row(
            "SELECT id FROM documents WHERE knowledge_base = ? AND path = ? AND sha256 = ?",
            (task.knowledge_base, task.path, task.sha256),
        )
        if row is None:
            return None
        counts = self._store.row(
            "SELECT (SELECT count(number) FROM pages WHERE document = ?), count(*)"
            " FROM chunks WHERE document = ?",
            (row["id"], row["id"]),
        )
        assert counts is not None
        return FileResult(task.path, "unchanged", counts[0], counts[1])

    def _prepare(self, task: Task, base: KnowledgeBase, started: float) -> Prepared:
        original = self._originals.path(task.sha256)
        if not original.is_file():
            raise FileVanished(file=task.path)
        parsed = self._parser.parse(
            original, task.path, base.kind, self._settings.max_document_bytes, self._parse_progress(task)
        )
        card = self._embedder.card(base)
        pieces = Splitter(card, base.chunk_size, base.overlap).split(parsed)
        document_id = uuid.uuid5(uuid.UUID(base.id), task.path)
        hashes = [piece.hash for piece in pieces]
        readable = [can_read(card.languages, piece.text) for piece in pieces]
        return Prepared(
            task=task,
            base=base,
            document_id=document_id.hex,
            parsed=parsed,
            pieces=pieces,
            ids=[uuid.uuid5(document_id, f"{place}:{name}").hex for place, name in enumerate(hashes)],
            hashes=hashes,
            readable=readable,
            notices=_notices(task.path, parsed, card.name, readable),
            bytes=original.stat().st_size,
            seconds=time.monotonic() - started,
        )

    def _parse_progress(self, task: Task) -> Callable[[int, int], bool]:
        last = 0.0

        def report(done: int, total: int) -> bool:
            nonlocal last
            now = time.monotonic()
            if now - last < _REPORT_EVERY and done < total:
                return True
            last = now
            return self._jobs.advance(task.id, "parsing", done, total) and not self._stop.is_set()

        return report

    # A group of files: embedding and storing

    def _embed_group(self, group: Sequence[Prepared]) -> None:
        started = time.monotonic()
        try:
            wanted = self._embed(group)
            # In one: a rebuild in between would drop vectors whose document is not known yet.
            with self.writing:
                self._serve(wanted)
                # Of the time that a group took, each document has its share.
                each = (time.monotonic() - started) / max(1, sum(len(prepared.pieces) for prepared in wanted))
                for prepared in wanted:
                    prepared.seconds += each * len(prepared.pieces)
                    self._store_document(prepared)
        except Exception as error:
            if len(group) > 1 and not self._stop.is_set():
                # Find out whose fault it is; what has its vectors already keeps them.
                for prepared in group:
                    self._embed_group([prepared])
            else:
                self._fail(group[0].task, error, time.monotonic() - started)

    def _embed(self, group: Sequence[Prepared]) -> list[Prepared]:
        """Make the vectors that are missing; the documents that are still wanted, with all their vectors."""
        base = group[0].base
        key = vectors.embedder_key(base)
        texts = {
            name: piece.embedded
            for each in group
            for name, piece in zip(each.hashes, each.pieces, strict=True)
        }
        known = vectors.known_hashes(self._store, key, list(texts))
        # Texts of one length in a batch: nothing is computed for padding.
        todo = sorted((name for name in texts if name not in known), key=lambda name: len(texts[name]))
        left = set(todo)
        wanted = self._report(group, left)
        while todo and wanted and not self._stop.is_set():
            batch, todo = todo[-self._batch :], todo[: -self._batch]
            started = time.monotonic()
            made = self._embedder.embed(base, [texts[name] for name in batch], "passage")
            vectors.save(self._store, key, batch, made)
            self._adapt(len(batch), time.monotonic() - started)
            left.difference_update(batch)
            stayed = self._report(wanted, left)
            if len(stayed) < len(wanted):
                still = {name for each in stayed for name in each.hashes}
                todo = [name for name in todo if name in still]
            wanted = stayed
        return [] if self._stop.is_set() else wanted

    def _report(self, group: Sequence[Prepared], left: set[str]) -> list[Prepared]:
        """Tell the progress of each; those that are still wanted. Originals of the others are released."""
        wanted: list[Prepared] = []
        for prepared in group:
            if self._jobs.advance(prepared.task.id, "embedding", *prepared.progress(left)):
                wanted.append(prepared)
            else:
                self._release(prepared.task.sha256)
        return wanted

    def _adapt(self, count: int, seconds: float) -> None:
        if count == self._batch and seconds < 0.5:
            self._batch = min(self._batch * 2, _LARGEST_BATCH)
        elif seconds > 2.0:
            self._batch = max(self._batch // 2, _SMALLEST_BATCH)

    def _serve(self, group: Sequence[Prepared]) -> None:
        """Put the vectors into Chroma, before the documents are known: a hit without a document is no hit.

        With `writing` held.
        """
        entries = [
            entry for each in group for entry in zip(each.ids, each.hashes, each.readable, strict=True)
        ]
        for start in range(0, len(entries), _STORED_AT_ONCE):
            part = entries[start : start + _STORED_AT_ONCE]
            ids, hashes, readable = zip(*part, strict=True)
            base = self._bases.by_id(group[0].base.id)
            if base is None:
                return
            made = vectors.load(self._store, vectors.embedder_key(base), hashes)
            self._index.add(base, ids, made, readable)

    def _store_document(self, prepared: Prepared) -> None:
        """The moment from which a document answers, in place of its earlier version."""
        task, pieces = prepared.task, prepared.pieces
        pages = sum(page.number is not None for page in prepared.parsed.pages)
        indexed = [lexical.words(piece.text) for piece in pieces]
        result = FileResult(task.path, "indexed", pages, len(pieces), round(prepared.seconds, 3))
        with self.writing:
            earlier = self._store.row("SELECT sha256 FROM documents WHERE id = ?", (prepared.document_id,))
            with self._store.transaction() as connection:
                stored = self._jobs.finish_in(connection, task.id, result)
                gone: list[str] = []
                if stored:
                    gone = remove_document(connection, task.knowledge_base, prepared.document_id)
                    _insert(connection, prepared, indexed)
                if gone and not self._jobs.busy_in(connection):
                    vectors.forget_unused(connection)
            stale = (
                set(gone) - set(prepared.ids) if stored else set(prepared.ids) - self._stored_ids(prepared)
            )
            if stale and self._bases.by_id(task.knowledge_base):
                self._index.remove(prepared.base, sorted(stale))
            if not stored:
                self._release(task.sha256)
            elif earlier and earlier["sha256"] != task.sha256:
                self._release(earlier["sha256"])
        self._jobs.announce()

    def _stored_ids(self, prepared: Prepared) -> set[str]:
        rows = self._store.rows("SELECT id FROM chunks WHERE document = ?", (prepared.document_id,))
        return {row[0] for row in rows}

    def _release(self, sha256: str) -> None:
        if not self._bases.original_in_use(sha256):
            self._originals.forget(sha256)

    def _fail(self, task: Task, error: Exception, seconds: float) -> None:
        if self._stop.is_set():
            # Ended by us, not by the file: it is queued again at the next start.
            return
        if not isinstance(error, StudioError):
            log.exception("adding %s failed", task.path, exc_info=error)
            error = IngestFailed(file=task.path, reason=f"{type(error).__name__}: {error}")
        self._jobs.finish(
            task.id, FileResult(task.path, "failed", seconds=round(seconds, 3), error=error.as_dict())
        )


def _notices(path: str, parsed: ParsedDocument, embedder: str, readable: Sequence[bool]) -> list[Notice]:
    notices: list[Notice] = []
    if parsed.empty_pages:
        shown = ", ".join(map(str, parsed.empty_pages[:20])) + ("…" if len(parsed.empty_pages) > 20 else "")
        notices.append(
            PagesWithoutText(
                document=path, count=len(parsed.empty_pages), total=len(parsed.pages), pages=shown
            )
        )
    if sum(readable) < len(readable) / 2:
        notices.append(EmbedderCannotReadDocument(model=embedder, document=path))
    return notices


def _insert(connection: sqlite3.Connection, prepared: Prepared, indexed: Sequence[str]) -> None:
    task, base_id, document_id = prepared.task, prepared.base.id, prepared.document_id
    connection.execute(
        "INSERT INTO documents (id, knowledge_base, path, origin, sha256, bytes, title, notices, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            document_id, base_id, task.path, task.origin, task.sha256, prepared.bytes, prepared.parsed.title,
            json.dumps([notice.as_dict() for notice in prepared.notices], ensure_ascii=False), time.time(),
        ),
    )  # fmt: skip
    connection.executemany(
        "INSERT INTO pages (document, position, number, text) VALUES (?, ?, ?, ?)",
        [(document_id, place, page.number, page.text) for place, page in enumerate(prepared.parsed.pages)],
    )
    first = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM chunks").fetchone()[0]
    numbered = range(first, first + len(prepared.pieces))
    connection.executemany(
        "INSERT INTO chunks (number, id, knowledge_base, document, position, page_position, page, heading,"
        " start, end, text, tokens, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                number, prepared.ids[place], base_id, document_id, place, piece.page_position, piece.page,
                piece.heading, piece.start, piece.end, piece.text, piece.tokens, prepared.hashes[place],
            )
            for place, (number, piece) in enumerate(zip(numbered, prepared.pieces, strict=True))
        ],
    )  # fmt: skip
    lexical.add(connection, base_id, zip(numbered, indexed, strict=True))
