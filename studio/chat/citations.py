"""From an answer to its citations: markers checked, claims without one attributed where a passage bears them.

The check compares words, not meaning: one to three neighbouring sentences of a chunk bear a claim when they
hold enough of its words (rare ones count more) and all of its numbers, and the chunk holds all of its names.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from studio.chat.claims import (
    Content,
    Span,
    admits_ignorance,
    asks_yes_or_no,
    content_of,
    numbers_in,
    sentences,
)
from studio.chat.events import Citation
from studio.knowledge.types import Evidence

# Shares of a claim's words (by weight) that a passage must hold. A marker is the model's own word for it and
# needs less than a claim that nobody marked. Tuned on the pairs in tests/chat/test_citations.py.
MARKED = 0.45
UNMARKED = 0.6
# A claim of fewer words than this is attributed only where the passage is also about the question.
SHORT_CLAIM = 3
QUESTION_SHARE = 0.3
WINDOW = 3
# A longer passage is quoted only when it bears the claim this much better.
WORTH_A_SENTENCE = 0.08

_MARKER = re.compile(r"[\[【［]\s*\^?(\d{1,3}(?:\s*(?:[,，、;；]|-|–|~)\s*\d{1,3})*)\s*[\]】］](?!\()")
_MARKERS = re.compile(rf"[ \t]*(?:{_MARKER.pattern}[ \t]*)+(?<! )")
_CODE = re.compile(r"(?ms)^[ \t]*(```|~~~).*?(?:^[ \t]*\1[^\n]*$|\Z)|`[^`\n]+`")
_TERMINAL = re.compile(r"[\s。！？；.!?”’」』）)\"'*_]+$")


@dataclass(frozen=True, slots=True)
class Passage:
    """One to three neighbouring sentences of a chunk."""

    text: str
    terms: frozenset[str]
    numbers: frozenset[str]
    amounts: frozenset[tuple[str, str]]
    pairs: frozenset[tuple[str, str]]
    negations: tuple[tuple[frozenset[str], bool], ...]


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


@dataclass(slots=True)
class _Quotes:
    """The passages that the citations rest on, by marker."""

    by_n: dict[int, list[str]] = field(default_factory=dict)

    def add(self, support: Support) -> None:
        quotes = self.by_n.setdefault(support.source.n, [])
        if support.text not in quotes:
            quotes.append(support.text)


def cite(answer: str, evidence: Sequence[Evidence], question: str = "") -> tuple[str, list[Citation]]:
    """The answer with checked markers `[n]`, and per marker a citation with the passage that bears it.

    `n` counts from 1 in `evidence`. A marker that its evidence does not bear is taken out, or moved to the
    evidence that does; code is left as it is. Without evidence the answer comes back unchanged.
    """
    if not evidence:
        return answer, []
    checker = _Checker(evidence, question)
    quotes = _Quotes()
    pieces: list[str] = []
    for text, is_code in _prose_and_code(answer):
        pieces.append(text if is_code else _cite_prose(text, checker, quotes))
    citations = [
        Citation(n, chunk.document, chunk.page, chunk.chunk_id, " … ".join(quotes.by_n[n]))
        for n, chunk in enumerate(evidence, start=1)
        if n in quotes.by_n
    ]
    return "".join(pieces), citations


def without_markers(answer: str) -> str:
    """The answer without its markers: they point at evidence that a later prompt does not hold."""
    return "".join(text if is_code else _MARKERS.sub("", text) for text, is_code in _prose_and_code(answer))


def _prose_and_code(text: str) -> Iterator[tuple[str, bool]]:
    position = 0
    for match in _CODE.finditer(text):
        yield text[position : match.start()], False
        yield match.group(), True
        position = match.end()
    yield text[position:], False


def _cite_prose(text: str, checker: "_Checker", quotes: _Quotes) -> str:
    pieces: list[str] = []
    position = 0
    for span in _claims(text):
        pieces.append(text[position : span.start])
        pieces.append(_cite_sentence(span.text, checker, quotes))
        position = span.end
    pieces.append(text[position:])
    return "".join(pieces)


def _claims(text: str) -> list[Span]:
    """Sentences; markers that follow the full stop on the same line belong to the sentence before them."""
    claims: list[Span] = []
    for span in sentences(text):
        leading = _MARKERS.match(span.text)
        if leading and claims and "\n" not in claims[-1].text[-1:] and claims[-1].end == span.start:
            cut = span.start + leading.end()
            claims[-1] = Span(claims[-1].start, cut, text[claims[-1].start : cut])
            if text[cut : span.end].strip():
                claims.append(Span(cut, span.end, text[cut : span.end]))
        else:
            claims.append(span)
    return claims


def _cite_sentence(sentence: str, checker: "_Checker", quotes: _Quotes) -> str:
    bare = _MARKERS.sub("", sentence)
    if _MARKERS.match(sentence):
        bare = bare.lstrip(" ")
    if not bare.strip():
        return bare
    if admits_ignorance(bare) or bare.rstrip().endswith(("?", "？")):
        return bare
    kept = _check_markers(sentence, bare, checker, quotes)
    if kept is not None:
        return kept
    support = checker.attribute(bare)
    if support is None:
        return bare
    quotes.add(support)
    return _append(bare, support.source.n)


def _check_markers(sentence: str, bare: str, checker: "_Checker", quotes: _Quotes) -> str | None:
    """The sentence with the markers that hold, where the model put them; None when none does."""
    pieces: list[str] = []
    position = 0
    held = False
    for match in _MARKERS.finditer(sentence):
        clause = sentence[position : match.start()]
        pieces.append(clause)
        if clause.strip():
            supports = [checker.check(clause, bare, n) for n in _numbers(match.group())]
            good = [support for support in supports if support is not None]
            for support in good:
                quotes.add(support)
            held = held or bool(good)
            pieces.append(_written(clause, [support.source.n for support in good]))
        position = match.end()
    pieces.append(sentence[position:])
    return "".join(pieces) if held else None


def _numbers(markers: str) -> list[int]:
    """The numbers of a run of markers, in order, each once: `[1, 3][5-6]` is 1, 3, 5, 6."""
    found: list[int] = []
    for match in _MARKER.finditer(markers):
        for part in re.split(r"\s*[,，、;；]\s*", match.group(1)):
            first, last = (int(end) for end in (re.split(r"\s*[-–~]\s*", part) * 2)[:2])
            found += range(first, min(last, first + 20) + 1)
    return list(dict.fromkeys(found))


def _written(before: str, numbers: list[int]) -> str:
    if not numbers:
        return ""
    space = " " if before[-1:].isascii() and not before[-1:].isspace() else ""
    return space + "".join(f"[{n}]" for n in numbers)


def _append(sentence: str, n: int) -> str:
    """Put a marker before the mark that ends the sentence."""
    ending = _TERMINAL.search(sentence)
    cut = ending.start() if ending else len(sentence)
    return sentence[:cut] + _written(sentence[:cut], [n]) + sentence[cut:]


class _Checker:
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
            if share > enough and not _contradicts(claim, passage, self._pairs):
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
    for length in range(1, WINDOW + 1):
        for first in range(len(spans) - length + 1):
            within = contents[first : first + length]
            quoted = text[spans[first].start : spans[first + length - 1].end].strip()
            yield Passage(
                text=quoted,
                terms=frozenset().union(*(content.terms for content in within)),
                numbers=numbers_in(quoted),
                amounts=frozenset().union(*(content.amounts for content in within)),
                pairs=frozenset().union(*(content.pairs for content in within)),
                negations=tuple((content.terms, content.negated) for content in within),
            )


def _contradicts(claim: Content, passage: Passage, elsewhere: frozenset[tuple[str, str]]) -> bool:
    """Whether the passage says something else: another number, another amount of the same, a denial where the
    claim has none, or the other of two things that the evidence tells apart (`west tower` for `east tower`).

    Denial is compared with the sentence of the passage that is nearest to the claim.
    """
    if not claim.numbers <= passage.numbers:
        return True
    counted = {unit for _, unit in passage.amounts}
    if any(unit in counted for _, unit in claim.amounts - passage.amounts):
        return True
    heads = {head for _, head in passage.pairs}
    held = heads | {first for first, _ in passage.pairs} | passage.terms
    if any(head in heads and first not in held for first, head in claim.pairs & elsewhere):
        return True
    _, negated = max(passage.negations, key=lambda sentence: len(sentence[0] & claim.terms))
    return negated != claim.negated
