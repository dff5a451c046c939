"""Whether a passage of the evidence bears a claim. Words are compared, not meaning.

One to three neighbouring sentences of a chunk bear a claim when they hold enough of its words (rare ones
count more) and all of its numbers, and the chunk holds all of its names.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from studio.chat.claims import Content, asks_yes_or_no, content_of, numbers_in, sentences
from studio.knowledge.types import Evidence

# Shares of a claim's words (by weight) that a passage must hold. A marker is the model's own word for it and
# needs less than a claim that nobody marked. Tuned on the pairs in tests/chat/test_citations.py.
MARKED = 0.45
UNMARKED = 0.6
# A claim of fewer words than this is attributed only where the passage is also about the question.
SHORT_CLAIM = 3
QUESTION_SHARE = 0.3
# The share of a claim's words that the very sentence with its number must hold.
NUMBER_SHARE = 0.34
WINDOW = 3
# A longer passage is quoted only when it bears the claim this much better.
WORTH_A_SENTENCE = 0.08


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a chunk, and whether it denies something."""

    terms: frozenset[str]
    numbers: frozenset[str]
    negated: bool


@dataclass(frozen=True, slots=True)
class Passage:
    """One to three neighbouring sentences of a chunk."""

    text: str
    terms: frozenset[str]
    numbers: frozenset[str]
    amounts: frozenset[tuple[str, str]]
    pairs: frozenset[tuple[str, str]]
    sentences: tuple["Sentence", ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A chunk of the evidence, ready to be compared with claims."""

    n: int
    chunk: Evidence
    terms: frozenset[str]
    chinese: bool
    passages: list[Passage]
    sentences: list[frozenset[str]]


@dataclass(frozen=True, slots=True)
class Support:
    """How well a source bears a claim: the weighted share of its words, and where."""

    source: Source
    share: float
    relevance: float
    text: str


class Checker:
    """Compares claims with the evidence of one answer."""

    def __init__(self, evidence: Sequence[Evidence], question: str):
        self._sources = [_source(n, chunk) for n, chunk in enumerate(evidence, start=1)]
        self._question = content_of(question).terms
        # Words that say nothing new: a sentence of these alone repeats the question.
        self._asked = frozenset() if asks_yes_or_no(question) else self._question
        told = [terms for source in self._sources for terms in source.sentences]
        self._sentences = len(told)
        self._pairs = frozenset().union(*(p.pairs for source in self._sources for p in source.passages))
        self._spread = Counter(term for terms in told for term in terms)

    def check(self, clause: str, sentence: str, n: int) -> Support | None:
        """What bears a claim that the model marked with `n`; None when nothing in that evidence does."""
        if not 1 <= n <= len(self._sources):
            return None
        source = self._sources[n - 1]
        for text in dict.fromkeys((clause, sentence)):
            support = self._support(content_of(self._without_titles(text)), source, anchors=1)
            if support is not None and support.share >= MARKED:
                return support
        return None

    def attribute(self, sentence: str) -> Support | None:
        """The evidence that bears a claim best; None when none bears it well enough."""
        if sentence.rstrip().endswith((":", "：")):
            return None
        claim = content_of(self._without_titles(sentence))
        found = [self._support(claim, source, anchors=2) for source in self._sources]
        good = [support for support in found if support is not None and support.share >= UNMARKED]
        if len(claim.terms) < SHORT_CLAIM:
            good = [support for support in good if support.relevance >= QUESTION_SHARE]
        return max(good, key=lambda s: (round(s.share, 1), s.relevance, -s.source.n), default=None)

    def _support(self, claim: Content, source: Source, anchors: int) -> Support | None:
        """Where `source` bears the claim best; None when it cannot: another number, another name, a denial.

        Between languages only numbers and names can be compared: there must be `anchors` of them.
        """
        terms = claim.terms
        if terms <= self._asked:
            return None
        if claim.chinese != source.chinese:
            terms = claim.numbers | (claim.names if source.chinese else claim.names & source.terms)
            if len(terms) < anchors:
                return None
        if not terms or not claim.names <= source.terms:
            return None
        best: Support | None = None
        for passage in source.passages:
            share = self._share(terms, passage.terms | passage.numbers | (claim.names & source.terms))
            enough = best.share + WORTH_A_SENTENCE if best else 0.0
            if share > enough and not _contradicts(claim, terms, passage, self._pairs):
                best = Support(source, share, self._share(self._question, source.terms), passage.text)
        return best

    def _share(self, wanted: frozenset[str], held: frozenset[str]) -> float:
        total = sum(self._weight(term) for term in wanted)
        return sum(self._weight(term) for term in wanted & held) / total if total else 0.0

    def _weight(self, term: str) -> float:
        """Rare among the sentences counts more; a term that is nowhere counts like one found once."""
        return math.log(1 + self._sentences / max(self._spread[term], 1))

    def _without_titles(self, text: str) -> str:
        """Naming the document or its heading is no claim about its content."""
        for source in self._sources:
            document, heading = source.chunk.document, source.chunk.heading
            for title in (document, document.rpartition("/")[2], heading, heading.rpartition(" > ")[2]):
                text = text.replace(title, " ") if title else text
        return text


def _source(n: int, chunk: Evidence) -> Source:
    place = content_of(f"{chunk.document} {chunk.heading}").terms
    content = content_of(chunk.text)
    told = [content_of(span.text).terms for span in sentences(chunk.text)]
    return Source(n, chunk, content.terms | place, content.chinese, list(_passages(chunk.text)), told)


def _passages(text: str) -> Iterator[Passage]:
    """Every run of one to three sentences, the short runs first."""
    spans = sentences(text)
    contents = [content_of(span.text) for span in spans]
    single = [
        Sentence(content.terms, numbers_in(span.text), content.negated)
        for span, content in zip(spans, contents, strict=True)
    ]
    for length in range(1, WINDOW + 1):
        for first in range(len(spans) - length + 1):
            within = contents[first : first + length]
            yield Passage(
                text=text[spans[first].start : spans[first + length - 1].end].strip(),
                terms=frozenset().union(*(content.terms for content in within)),
                numbers=frozenset().union(*(each.numbers for each in single[first : first + length])),
                amounts=frozenset().union(*(content.amounts for content in within)),
                pairs=frozenset().union(*(content.pairs for content in within)),
                sentences=tuple(single[first : first + length]),
            )


def _contradicts(
    claim: Content, compared: frozenset[str], passage: Passage, elsewhere: frozenset[tuple[str, str]]
) -> bool:
    """Whether the passage says something else: another number, another amount of the same, a denial where the
    claim has none, or the other of two things that the evidence tells apart (`west tower` for `east tower`).

    Denial is compared with the sentence of the passage that is nearest to the claim.
    """
    words = compared - claim.numbers
    if not all(_says_of(number, words, passage) for number in claim.numbers):
        return True
    counted = {unit for _, unit in passage.amounts}
    if any(unit in counted for _, unit in claim.amounts - passage.amounts):
        return True
    heads = {head for _, head in passage.pairs}
    held = heads | {first for first, _ in passage.pairs} | passage.terms
    if any(head in heads and first not in held for first, head in claim.pairs & elsewhere):
        return True
    nearest = max(passage.sentences, key=lambda sentence: len(sentence.terms & claim.terms))
    return nearest.negated != claim.negated


def _says_of(number: str, words: frozenset[str], passage: Passage) -> bool:
    """Whether a number stands in a sentence that is about the claim, not only near one."""
    return any(
        number in sentence.numbers and len(words & sentence.terms) >= NUMBER_SHARE * len(words)
        for sentence in passage.sentences
    )
