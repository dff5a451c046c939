"""Stand-ins for the catalogue and the knowledge base, for tests of what is built on them.

`from stand_ins import FakeCatalogue, FakeKnowledge`
"""

from types import SimpleNamespace
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from studio.knowledge.errors import UnknownKnowledgeBase
from studio.knowledge.types import Evidence
from studio.models.card import ModelCard
from studio.models.errors import UnknownModel


def chunk(text: str, n: int = 1, document: str = "handbook.pdf", page: int | None = None) -> Evidence:
    """Evidence number `n`, on page `n` unless told otherwise."""
    return Evidence(f"c{n}", "d", document, page or n, "", 1 / n, text, 0, len(text))


class FakeCatalogue:
    """Knows the cards it was given."""

    def __init__(self, *cards: ModelCard):
        self._cards = {card.id: card for card in cards}

    def get(self, id: str) -> ModelCard:
        if id not in self._cards:
            raise UnknownModel(id)
        return self._cards[id]


class FakeRetriever(BaseRetriever):
    """Returns what its knowledge base holds, whatever the question."""

    found: Any

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        self.found.asked.append(query)
        if self.found.error is not None:
            raise self.found.error
        return [Document(page_content=one.text, metadata=one.as_dict()) for one in self.found.evidence]

    @property
    def notices(self) -> list[dict[str, str]]:
        return self.found.notices


class FakeKnowledge:
    """One knowledge base, `papers`, that answers with `evidence` and `notices`, or raises `error`."""

    def __init__(self, *evidence: Evidence):
        self.evidence = list(evidence)
        self.notices: list[dict[str, str]] = []
        self.error: BaseException | None = None
        self.asked: list[str] = []
        self.open_to_guests = False

    def get(self, name: str) -> Any:
        if name != "papers":
            raise UnknownKnowledgeBase(name=name)
        return SimpleNamespace(name=name, embedder="fake-embedder", open_to_guests=self.open_to_guests)

    def all(self) -> list[Any]:
        return [self.get("papers")]

    def retriever(self, name: str, k: int = 4, mode: str = "hybrid") -> FakeRetriever:
        self.get(name)
        self.evidence = self.evidence[:k]
        return FakeRetriever(found=self)
