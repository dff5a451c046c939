"""From an answer to its citations: markers checked, claims without one attributed where it holds."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from studio.chat.claims import Span, admits_ignorance, sentences
from studio.chat.events import Citation
from studio.chat.support import Checker, Support
from studio.knowledge.types import Evidence

_MARKER = re.compile(r"[\[【［]\s*\^?(\d{1,3}(?:\s*(?:[,，、;；]|-|–|~)\s*\d{1,3})*)\s*[\]】］](?!\()")
_MARKERS = re.compile(rf"[ \t]*(?:{_MARKER.pattern}[ \t]*)+(?<! )")
_CODE = re.compile(r"(?ms)^[ \t]*(```|~~~).*?(?:^[ \t]*\1[^\n]*$|\Z)|`[^`\n]+`")
_TERMINAL = re.compile(r"[\s。！？；.!?”’」』）)\"'*_]+$")


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
    checker = Checker(evidence, question)
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


def _cite_prose(text: str, checker: Checker, quotes: _Quotes) -> str:
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


def _cite_sentence(sentence: str, checker: Checker, quotes: _Quotes) -> str:
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


def _check_markers(sentence: str, bare: str, checker: Checker, quotes: _Quotes) -> str | None:
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
