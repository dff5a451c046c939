"""Pages become chunks: as long as the embedder reads, ended where the text pauses, with exact places.

A page is encoded once with the embedder's own tokenizer; chunks are cut by the offsets of its tokens, so that
`page.text[start:end] == chunk.text` always holds.
"""

import functools
import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from studio.knowledge.parsed import HEADING_SEPARATOR, ParsedDocument, ParsedPage
from studio.models.card import ModelCard

# A token of text stands for 2–5 characters. Far more means that the tokenizer took a long run (a base64 blob)
# for one unknown word.
_CHARACTERS_PER_TOKEN = 12
# A chunk ends at the best pause in its last half; earlier, it would be too short to say much.
_SHORTEST = 0.5
# Chunks of even length may exceed it by this to reach the end of a sentence.
_SLACK = 1.2
# Words stand for tokens where the embedder's tokenizer is not here: leave room for words of several.
_WORD_SHARE = 0.6

# Where a chunk may end, best first: after a paragraph, a sentence, a line or a clause, a word.
_PAUSES = (
    re.compile(r"\n[ \t\r]*\n\s*"),
    re.compile(
        r"""[。！？；…][”’"』」）)\]]*\s*|\n\s*"""
        r"""|(?<![\s.][A-Z])(?<!e\.g)(?<!i\.e)(?<!et al)(?<!Fig)[.!?]["'”’)\]]*\s+"""
    ),
    re.compile(r"[，、：,;:]\s*|[—–]\s*"),
    re.compile(r"\s+"),
)


class Piece(NamedTuple):
    """A chunk before it has an id. `embedded`: what its vector is made of (of a pair, the question)."""

    page_position: int
    page: int | None
    heading: str
    start: int
    end: int
    text: str
    tokens: int
    embedded: str

    @property
    def hash(self) -> str:
        """Names the vector: the same text has the same one."""
        return hashlib.sha256(self.embedded.encode("utf-8", "surrogatepass")).hexdigest()


class Splitter:
    """Splits for one embedder. `size` and `overlap` in tokens; `size` at most what the embedder reads."""

    def __init__(self, card: ModelCard, size: int, overlap: int):
        self._tokenizer, share = _tokenizer_of(card)
        longest = card.max_tokens or card.context_length or size
        special = self._tokenizer.num_special_tokens_to_add(False)
        prefix = self._count([card.passage_prefix])[0] if card.passage_prefix else 0
        self.size = max(8, int(min(size, longest - special - prefix) * share))
        self.overlap = min(int(overlap * share), self.size // 2)

    def split(self, document: ParsedDocument) -> list[Piece]:
        """The chunks of a document in reading order. No chunk crosses a page or a heading."""
        return [
            piece
            for position, page in enumerate(document.pages)
            for piece in self._split_page(position, page)
        ]

    def _split_page(self, position: int, page: ParsedPage) -> list[Piece]:
        if not page.text.strip():
            return []
        if page.pairs:
            return self._pairs(position, page)
        spans = [
            (start, end, heading)
            for begin, stop, heading in _sections(page)
            for start, end in self._split_span(page.text, begin, stop)
        ]
        counts = self._count([page.text[start:end] for start, end, _ in spans])
        pieces: list[Piece] = []
        for (start, end, heading), count in zip(spans, counts, strict=True):
            for part_start, part_end, part_count in self._fit(page.text, start, end, count):
                text = page.text[part_start:part_end]
                pieces.append(
                    Piece(position, page.number, heading, part_start, part_end, text, part_count, text)
                )
        return pieces

    def _pairs(self, position: int, page: ParsedPage) -> list[Piece]:
        questions = [page.text[pair.start : pair.question_end] for pair in page.pairs]
        counts = self._count([page.text[pair.start : pair.end] for pair in page.pairs])
        return [
            Piece(
                position,
                page.number,
                "",
                pair.start,
                pair.end,
                page.text[pair.start : pair.end],
                count,
                question,
            )
            for pair, question, count in zip(page.pairs, questions, counts, strict=True)
        ]

    def _split_span(self, text: str, begin: int, stop: int) -> list[tuple[int, int]]:
        """Chunks of `text[begin:stop]`, as trimmed character spans."""
        part = text[begin:stop]
        starts, ends = self._offsets(part)
        if not starts:
            return []
        pauses = [[match.end() for match in pause.finditer(part)] for pause in _PAUSES]
        spans: list[tuple[int, int]] = []
        size = self._even_size(len(starts))
        at = 0
        while at < len(part):
            end = self._end(part, starts, ends, pauses, at, size)
            trimmed = _trim(part, at, end)
            if trimmed:
                spans.append((begin + trimmed[0], begin + trimmed[1]))
            if end >= len(part):
                break
            at = max(self._overlap_start(starts, pauses, at, end), at + 1)
        return spans

    def _even_size(self, count: int) -> int:
        """The size that cuts `count` tokens into pieces of about one length, with no short rest."""
        step = self.size - self.overlap
        pieces = max(1, -(-(count - self.overlap) // step))
        even = -(-(count + (pieces - 1) * self.overlap) // pieces)
        return min(self.size, int(even * _SLACK) + 1)

    def _end(
        self, part: str, starts: list[int], ends: list[int], pauses: list[list[int]], at: int, size: int
    ) -> int:
        first = bisect_left(starts, at)
        last = first + size
        furthest = len(part) if last >= len(starts) else starts[last]
        furthest = min(furthest, at + size * _CHARACTERS_PER_TOKEN)
        if furthest >= len(part):
            return len(part)
        middle = first + int(size * _SHORTEST)
        earliest = starts[middle] if middle < len(starts) else at
        earliest = min(earliest, at + (furthest - at) // 2) if earliest >= furthest else earliest
        for places in pauses:
            place = bisect_right(places, furthest) - 1
            if place >= 0 and places[place] > max(earliest, at):
                return places[place]
        # No pause at all: end between two tokens, never inside one unless it alone is too long.
        place = bisect_right(ends, furthest) - 1
        return ends[place] if place >= 0 and ends[place] > at else furthest

    def _overlap_start(self, starts: list[int], pauses: list[list[int]], at: int, end: int) -> int:
        """Where the next chunk begins: at a pause in the last `overlap` tokens before `end`."""
        if self.overlap == 0:
            return end
        earliest = starts[max(bisect_left(starts, end) - self.overlap, 0)]
        if earliest <= starts[min(bisect_left(starts, at), len(starts) - 1)]:
            return end
        for places in pauses:
            place = bisect_left(places, earliest)
            if place < len(places) and places[place] < end:
                return places[place]
        return earliest

    def _fit(self, text: str, start: int, end: int, count: int) -> list[tuple[int, int, int]]:
        """The span itself, or its halves: some tokenizers make more tokens of a piece than in its page."""
        if count <= self.size or end - start < 2:
            return [(start, end, count)]
        middle = start + (end - start) // 2
        space = text.rfind(" ", start + 1, middle)
        halves = [
            _trim(text, start, space if space > 0 else middle),
            _trim(text, space if space > 0 else middle, end),
        ]
        return [
            fitted
            for half in halves
            if half
            for fitted in self._fit(text, *half, self._count([text[half[0] : half[1]]])[0])
        ]

    def _offsets(self, text: str) -> tuple[list[int], list[int]]:
        offsets = [
            pair
            for pair in self._tokenizer.encode(text, add_special_tokens=False).offsets
            if pair[1] > pair[0]
        ]
        return [start for start, _ in offsets], [end for _, end in offsets]

    def _count(self, texts: Sequence[str]) -> list[int]:
        return [
            len(encoding)
            for encoding in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        ]


def _sections(page: ParsedPage) -> list[tuple[int, int, str]]:
    """(start, end, heading path) of the stretches between headings; headings in a row share one stretch."""
    sections: list[tuple[int, int, str]] = []
    start, path = 0, page.heading
    for index, heading in enumerate(page.headings):
        own = path if index == 0 else page.headings[index - 1].path
        if _says_more_than_its_heading(page.text[start : heading.start], own):
            sections.append((start, heading.start, own))
            start = heading.start
    sections.append((start, len(page.text), page.headings[-1].path if page.headings else path))
    return sections


def _says_more_than_its_heading(text: str, path: str) -> bool:
    rest = re.sub(r"[#\s]", "", text)
    for part in path.split(HEADING_SEPARATOR):
        rest = rest.replace(re.sub(r"[#\s]", "", part), "", 1)
    return bool(rest)


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None


def _tokenizer_of(card: ModelCard) -> tuple[Tokenizer, float]:
    """The tokenizer, and the share of a size in tokens to fill when counting with it."""
    file = card.path / "tokenizer.json" if card.path else None
    if file and file.is_file():
        return _load(file, file.stat().st_mtime_ns), 1.0
    return _words(), _WORD_SHARE


@functools.lru_cache(maxsize=4)
def _load(file: Path, changed: int) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(file))
    # The files of sentence-transformers models cut at 128 tokens and fill up to them.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@functools.cache
def _words() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.BertPreTokenizer(),
            pre_tokenizers.Split(Regex("[㐀-鿿぀-ヿ가-힣]"), "isolated"),
        ]
    )
    return tokenizer
