"""The nouns of the knowledge floor."""

from dataclasses import dataclass, field
from typing import Any, Literal

KnowledgeBaseKind = Literal["text", "qa"]
Mode = Literal["hybrid", "dense", "lexical"]
JobStage = Literal["queued", "parsing", "embedding", "done", "failed", "cancelled"]
FileStatus = Literal["indexed", "unchanged", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """A named set of documents with one embedder. Sizes in tokens of that embedder."""

    id: str
    name: str
    kind: KnowledgeBaseKind
    embedder: str
    embedder_revision: str
    dimension: int
    chunk_size: int
    overlap: int
    open_to_guests: bool
    documents: int
    chunks: int
    bytes: int

    def as_dict(self) -> dict[str, Any]:
        """What `studio kb list` prints."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a knowledge base. `path` is relative to the folder it was added from.

    `notices`: things to know about it (`{"code", "en", "zh"}`), for example that the embedder cannot read it.
    """

    id: str
    path: str
    sha256: str
    bytes: int
    pages: int
    chunks: int
    created_at: float
    notices: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a page. `start`/`end`: characters in the stored text of that page; `page` counts from 1."""

    id: str
    document: str
    position: int
    page_position: int
    page: int | None
    heading: str
    start: int
    end: int
    text: str
    tokens: int
    hash: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A retrieved chunk. `document`: its path; `score`: of the mode that was asked for, higher is better.

    `dense` (cosine) and `lexical` (BM25, higher is better) are None when that side did not find it.
    """

    chunk_id: str
    document_id: str
    document: str
    page: int | None
    heading: str
    score: float
    text: str
    start: int
    end: int
    dense: float | None = None
    lexical: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """What `studio kb search` prints for a hit, and what a turn keeps."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file that was added. `error`: a sentence as `{"code", "en", "zh"}`, or None."""

    path: str
    status: FileStatus
    pages: int = 0
    chunks: int = 0
    seconds: float = 0.0
    error: dict[str, str] | None = None

    def as_dict(self) -> dict[str, Any]:
        """What `studio kb add` prints for a file."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "error": self.error["en"] if self.error else None
        }


@dataclass(frozen=True, slots=True)
class Job:
    """One file on its way in. `done` of `total`: pages while parsing, chunks while embedding."""

    id: str
    knowledge_base: str
    path: str
    stage: JobStage
    done: int
    total: int
    result: FileResult | None
    created_at: float
    finished_at: float | None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Evidence for one query, best first, and what the user should know about the search."""

    query: str
    seconds: float
    hits: list[Evidence]
    notices: list[dict[str, str]] = field(default_factory=list)
