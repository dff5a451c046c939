"""A knowledge base as a LangChain retriever."""

from collections.abc import Callable

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import Field

from studio.knowledge.types import Evidence, SearchResult


class EvidenceRetriever(BaseRetriever):
    """Gives evidence as LangChain documents: the text of the chunk, and all its fields as metadata.

    `notices`: what the user should know about the last search, as `{"code", "en", "zh"}`. One retriever
    serves one question at a time; make one for each.
    """

    search: Callable[[str], SearchResult]
    notices: list[dict[str, str]] = Field(default_factory=list)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        found = self.search(query)
        self.notices = found.notices
        return [as_document(evidence) for evidence in found.hits]


def as_document(evidence: Evidence) -> Document:
    """The LangChain form of a piece of evidence."""
    return Document(page_content=evidence.text, metadata=evidence.as_dict(), id=evidence.chunk_id)


def as_evidence(document: Document) -> Evidence:
    """The evidence in a LangChain document that `as_document` made."""
    return Evidence(**document.metadata)
