"""Knowledge bases: documents in, evidence out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.engines.pool import Pool
from studio.knowledge import vectors, verify
from studio.knowledge.bases import Bases, remove_document
from studio.knowledge.embedder import Embedder
from studio.knowledge.errors import InvalidChunkSize, InvalidName, UnknownDocument
from studio.knowledge.ingest import Ingest
from studio.knowledge.intake import Intake, Originals, with_unique_paths
from studio.knowledge.jobs import FINISHED, Jobs
from studio.knowledge.search import Search
from studio.knowledge.types import (
    Document,
    FileResult,
    Job,
    KnowledgeBase,
    KnowledgeBaseKind,
    Mode,
    SearchResult,
)
from studio.knowledge.vectors import VectorIndex
from studio.models.catalogue import Catalogue
from studio.settings import Settings
from studio.store import Store

if TYPE_CHECKING:
    from studio.knowledge.retrieve import EvidenceRetriever

JobProgress = Callable[[Job], None]


class Knowledge:
    """All knowledge bases of a data folder. Thread-safe; starts nothing before the first file."""

    def __init__(self, settings: Settings, store: Store, catalogue: Catalogue, pool: Pool):
        self._settings = settings
        self._store = store
        self._embedder = Embedder(settings, catalogue, pool)
        self._bases = Bases(store)
        self._index = VectorIndex(settings, self._bases.ids)
        self._jobs = Jobs(store)
        self._originals = Originals(settings.files_dir, settings.max_document_bytes)
        self._ingest = Ingest(
            settings, store, self._jobs, self._bases, self._originals, self._embedder, self._index
        )
        self._search = Search(store, self._embedder, self._index)

    # Knowledge bases

    def create(
        self,
        name: str,
        kind: KnowledgeBaseKind = "text",
        embedder: str | None = None,
        chunk_size: int | None = None,
        overlap: int | None = None,
    ) -> KnowledgeBase:
        """A new, empty knowledge base; sizes in tokens of the embedder, defaults from the settings.

        Raises `InvalidName`, `KnowledgeBaseExists`, `InvalidChunkSize`, `UnknownModel`, `NotAnEmbeddingModel`
        or `EmbedderNotInstalled`.
        """
        name = name.strip()
        if not 0 < len(name) <= 100 or not name.isprintable():
            raise InvalidName()
        chunk_size = self._settings.chunk_size if chunk_size is None else chunk_size
        overlap = min(self._settings.chunk_overlap, chunk_size // 2) if overlap is None else overlap
        if not 16 <= chunk_size <= 8192 or not 0 <= overlap <= chunk_size // 2:
            raise InvalidChunkSize(size=chunk_size, overlap=overlap)
        card, dimension = self._embedder.choose(embedder or self._settings.embedder)
        return self._bases.create(name, kind, card, dimension, chunk_size, overlap)

    def all(self) -> list[KnowledgeBase]:
        """Every knowledge base, by name."""
        return self._bases.all()

    def get(self, name: str) -> KnowledgeBase:
        """Raises `UnknownKnowledgeBase`."""
        return self._bases.get(name)

    def delete(self, name: str) -> None:
        """Delete a knowledge base with everything in it; its jobs end.

        Raises `UnknownKnowledgeBase`, or `VectorsUnavailable` when only its vectors could not be dropped.
        """
        with self._ingest.writing:
            base = self._bases.get(name)
            originals = {*self._bases.originals(base), *self._jobs.originals(base.id)}
            self._bases.delete(base)
            self._clean_up(originals)
            self._jobs.announce()
            # Last, as it alone may be out of reach.
            self._index.drop(base)

    def set_open_to_guests(self, name: str, is_open: bool) -> None:
        """Let guests of a public link ask this knowledge base, or not. Raises `UnknownKnowledgeBase`."""
        self._bases.set_open_to_guests(self._bases.get(name), is_open)

    # Documents

    def documents(self, name: str) -> list[Document]:
        """Documents that can answer, by path. Raises `UnknownKnowledgeBase`."""
        return self._bases.documents(self._bases.get(name))

    def remove(self, name: str, document: str) -> tuple[str, int]:
        """Remove a document, given by path or id; (its path, how many chunks it had). It is gone on return.

        Raises `UnknownKnowledgeBase` or `UnknownDocument`.
        """
        with self._ingest.writing:
            base = self._bases.get(name)
            found = self._bases.document(base, document)
            with self._store.transaction() as connection:
                chunk_ids = remove_document(connection, base.id, found.id)
            self._clean_up({found.sha256, *self._jobs.forget(base.id, found.path)})
            self._index.remove(base, chunk_ids)
        return found.path, len(chunk_ids)

    def page_text(self, document_id: str, page_position: int) -> str:
        """The stored text of a page, that `Chunk.start` and `end` point into; `page_position` counts from 0.

        Raises `UnknownDocument`.
        """
        text = self._bases.page_text(document_id, page_position)
        if text is None:
            raise UnknownDocument(document=document_id, name="")
        return text

    def _release(self, originals: set[str]) -> None:
        for sha256 in originals:
            if not self._bases.original_in_use(sha256):
                self._originals.forget(sha256)

    def _clean_up(self, originals: set[str]) -> None:
        self._release(originals)
        with self._store.transaction() as connection:
            if not self._jobs.busy_in(connection):
                vectors.forget_unused(connection)

    # Files on their way in

    def enqueue(self, name: str, paths: Sequence[Path], delete_after: bool = False) -> list[Job]:
        """Queue files, folders (with what is in them) and zip archives; one job per file, in order.

        Files are copied into the data folder before this returns; `delete_after` (for uploads) deletes them
        then. A file that cannot be taken has a failed job. Raises `UnknownKnowledgeBase`.
        """
        base = self._bases.get(name)
        paths = [Path(path) for path in paths]
        intake = Intake(self._originals, self._settings.max_document_bytes, base.kind, uploads=delete_after)
        self._ingest.start()
        ids: list[str] = []
        for incoming in with_unique_paths(intake.take(paths), self._bases.origins(base)):
            job_id, earlier = self._jobs.add(base.id, incoming)
            ids.append(job_id)
            self._release(earlier)
        if delete_after:
            for path in paths:
                if path.is_file():
                    path.unlink()
        return [job for job in map(self._jobs.get, ids) if job is not None]

    def jobs(self, name: str) -> list[Job]:
        """Files on their way in and how earlier ones ended, oldest first. Raises `UnknownKnowledgeBase`."""
        return self._jobs.of(self._bases.get(name).id)

    def cancel(self, job_id: str) -> None:
        """Stop a job; a finished one stays as it is. Raises `UnknownJob`."""
        self._jobs.cancel(job_id)

    def retry(self, job_id: str) -> None:
        """Queue a failed or cancelled job again. Raises `UnknownJob`."""
        self._ingest.start()
        self._jobs.retry(job_id)

    def wait(self, jobs: Sequence[Job], progress: JobProgress | None = None) -> list[FileResult]:
        """Wait until all jobs have ended; their results in order. `progress` hears of each job that moved."""
        self._ingest.start()
        last: dict[str, Job] = {}
        while True:
            with self._jobs.changed:
                now = {job.id: self._jobs.get(job.id) for job in jobs if not _ended(last.get(job.id))}
                moved = [job for job in now.values() if job is not None and job != last.get(job.id)]
                gone = {name for name, job in now.items() if job is None}
                pending = [job for job in now.values() if job is not None and not _ended(job)]
                if not moved and pending:
                    self._jobs.changed.wait(timeout=1.0)
                    continue
            for job in moved:
                last[job.id] = job
                if progress:
                    progress(job)
            if not pending:
                # The last document answers already; its earlier version is being cleared away.
                with self._ingest.writing:
                    return [_result(last.get(job.id, job), job.id in gone) for job in jobs]

    def add(self, name: str, paths: Sequence[Path], progress: JobProgress | None = None) -> list[FileResult]:
        """`enqueue` and `wait`."""
        return self.wait(self.enqueue(name, paths), progress)

    def resume(self) -> int:
        """Go on with files that a studio which ended had not finished; how many."""
        if self._jobs.busy():
            return self._ingest.start()
        self._ingest.sweep()
        return 0

    # Evidence

    def search(self, name: str, query: str, k: int = 4, mode: Mode = "hybrid") -> SearchResult:
        """The best `k` chunks for a question. Raises as `search_many`."""
        return self.search_many(name, [query], k, mode)[0]

    def search_many(
        self, name: str, queries: Sequence[str], k: int = 4, mode: Mode = "hybrid"
    ) -> list[SearchResult]:
        """The best `k` chunks for each question; they are embedded together.

        Raises `UnknownKnowledgeBase`, `UnknownMode`, and in mode dense `VectorsUnavailable` or what keeps the
        embedder from loading (in mode hybrid a notice says so, and words decide alone).
        """
        return self._search.search(self._bases.get(name), queries, k, mode)

    def retriever(self, name: str, k: int = 4, mode: Mode = "hybrid") -> "EvidenceRetriever":
        """The knowledge base as a LangChain retriever. Raises `UnknownKnowledgeBase`."""
        # LangChain takes half a second to import: at the first question, not at start.
        from studio.knowledge.retrieve import EvidenceRetriever

        self._bases.get(name)
        return EvidenceRetriever(search=lambda query: self.search(name, query, k, mode))

    def verify(self, name: str, rebuild: bool = False) -> dict[str, Any]:
        """`{documents, chunks, lexical, vectors, agree}`; `rebuild` makes the indexes anew from SQLite first.

        Raises `UnknownKnowledgeBase` or `VectorsUnavailable`.
        """
        with self._ingest.writing:
            base = self._bases.get(name)
            if rebuild:
                verify.rebuild(self._store, self._index, base, tuple(self._embedder.languages(base)[1]))
            return verify.compare(self._store, self._index, base)

    def close(self) -> None:
        """Stop after the batch in hand; unfinished files go on at the next start."""
        self._ingest.close()
        self._index.close()


def _ended(job: Job | None) -> bool:
    return job is not None and job.stage in FINISHED


def _result(job: Job, gone: bool) -> FileResult:
    if job.result is None or gone:
        return FileResult(job.path, "cancelled")
    return job.result
