"""Text taken apart for citing: sentences, and what of a sentence can be checked against a passage."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

# A sentence ends at 。！？；!? or a line break, or at a full stop before a space and what can begin another.
_END = re.compile(
    r"[。！？；!?]+[”’」』）)\"']*"
    r"|\.+[”’)\"']*(?=\s+[“‘\"'(\[]?[^\Wa-z_]|\s*$|\s*\n)"
    r"|\n+"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|al|Dr|Mr|Mrs|Ms|Prof|St|No|Fig|Figs|Eq|Sec|Ch|Vol|pp|p|approx|ca)|\b[A-Z])\.$"
)
_TOKEN = re.compile(
    r"(?P<number>\d+(?:[.,:]\d+)*)|(?P<cjk>[\u3400-\u9fff\uf900-\ufaff]+)|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)?)"
)
# From three on: "one" is rarely a number, "two" often means "both".
_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        ["three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], start=3
    )
}
_CHINESE_NUMBERS = {character: str(number) for number, character in enumerate("零一二三四五六七八九十")} | {
    "两": "2"
}
_COUNTED = re.compile(
    r"(?<![一二三四五六七八九十百千万])([两三四五六七八九十])([次个天年月日周小分元人号台张本条项种位名倍层间])"
)
_STOPWORDS = frozenset(
    """
    a about according all also an and any are as at based be been being both but by can could did do does
    each for from had has have he her his how i if in into is it its just may might more most must of on
    only or other our per shall she should so some such than that the their them then there these they this
    those to very was we were what when where which while who whom whose why will with would you your
    """.split()  # noqa: SIM905
)
_CHINESE_STOPWORDS = re.compile(r"[的了是在和与及或也都而且就被把对从由以为其这那该此个]|根据|可以|进行|通过")
_NEGATION = re.compile(
    r"\b(?:not(?! only)|no(?! later| less| more| fewer)|never|none|nothing|cannot|without|neither|nor)\b"
    r"|\b\w+n['’]t\b"
    r"|没|未(?!来)|不(?![同过断少仅但久锈论管妨如止足])|无(?![论线])|勿|禁止",
    re.IGNORECASE,
)
_IGNORANCE = re.compile(
    r"\b(?:do(?:es)? not|did not|don['’]t|doesn['’]t|didn['’]t|not|no)\b[^.]{0,30}?"
    r"\b(?:say|state|mention|mentioned|contain|include|provide|provided|specif\w+|know|known|information|answer|find|found|sure)\b"
    r"|\b(?:cannot|can['’]t|could not|unable to)\b[^.]{0,20}?\b(?:answer|determine\w*|find|say|tell)\b"
    r"|\bno (?:passage|document|evidence)s?\b|\bunclear\b"
    r"|(?:没有|未|并未|没)[^。，]{0,6}?(?:提到|提及|说明|包含|给出|写明|记载|找到|相关)|不知道|不清楚|无法(?:确定|回答|得知|判断|找到)",
    re.IGNORECASE,
)
_ABOUT_PASSAGES = re.compile(
    r"\b(?:document|passage|text|context|source|material|handbook|i|we|page)s?\b|文档|段落|资料|文中|原文|材料|我|知道|无法",
    re.IGNORECASE,
)
# The number of a list item counts nothing.
_ORDINALS = re.compile(r"^[\s*_#>-]*\d{1,2}(?:[.)、．]\s*|\s+(?=[A-Z\u3400-\u9fff]))(?!\d)", re.MULTILINE)
_YES_OR_NO = re.compile(
    r"^\W*(?:is|are|was|were|do|does|did|can|could|may|must|shall|should|will|would|has|have|had)\b"
    r"|吗|是不是|是否|能不能|可不可以|会不会|有没有",
    re.IGNORECASE,
)
_PLACES = re.compile(r"\b(?:pages?|passages?|p\.)\s*\d+|第\s*\d+\s*[页段]|段落\s*\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence: characters `start` to `end` of its text, the mark that ends it included."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Content:
    """What of a text can be compared: stems and Chinese bigrams, numbers, and names (as stems).

    `amounts`: a number and what follows it, `("8", "euro")`. `pairs`: neighbouring words or
    Chinese characters.
    """

    terms: frozenset[str]
    numbers: frozenset[str]
    amounts: frozenset[tuple[str, str]]
    pairs: frozenset[tuple[str, str]]
    names: frozenset[str]
    negated: bool
    chinese: bool


def sentences(text: str) -> list[Span]:
    """The sentences of a text, in order; together they are the whole text but for white space."""
    spans: list[Span] = []
    start = 0
    for match in _END.finditer(text):
        if match.group().startswith(".") and _ABBREVIATION.search(text[start : match.start() + 1]):
            continue
        spans.append(Span(start, match.end(), text[start : match.end()]))
        start = match.end()
    spans.append(Span(start, len(text), text[start:]))
    return [span for span in spans if span.text.strip()]


def content_of(text: str) -> Content:
    """What of `text` can be compared with another. Places (`page 3`) are left out: they are not claims."""
    text = _ORDINALS.sub("", _PLACES.sub(" ", unicodedata.normalize("NFKC", text)))
    reader = _Reader(text)
    for match in _TOKEN.finditer(text):
        reader.read(match)
    return Content(
        terms=frozenset(reader.terms | reader.numbers),
        numbers=frozenset(reader.numbers),
        amounts=frozenset(reader.amounts),
        pairs=frozenset(reader.pairs),
        names=frozenset(reader.names),
        negated=_NEGATION.search(text) is not None,
        chinese=4 * reader.han > len(text.strip()),
    )


class _Reader:
    """Collects the content of a text, token by token."""

    def __init__(self, text: str):
        self._text = text
        self.terms: set[str] = set()
        self.numbers: set[str] = set()
        self.amounts: set[tuple[str, str]] = set()
        self.pairs: set[tuple[str, str]] = set()
        self.names: set[str] = set()
        self.han = 0
        self._before = ""
        self._before_end = 0

    def read(self, match: re.Match[str]) -> None:
        token = match.group()
        adjacent = not self._text[self._before_end : match.start()].strip(" -")
        before, self._before, self._before_end = self._before if adjacent else "", "", match.end()
        number = _number(token) if match.lastgroup == "number" else _NUMBER_WORDS.get(token.lower())
        if number is not None:
            self.numbers.add(number)
            self._before = number
        elif match.lastgroup == "cjk":
            self._read_chinese(token, before)
        elif token.lower() not in _STOPWORDS:
            self._read_word(token, before, match.start())

    def _read_chinese(self, run: str, before: str) -> None:
        self.han += len(run)
        self.terms |= _bigrams(run)
        self.pairs |= set(pairwise(run))
        if before in self.numbers:
            self.amounts.add((before, run[0]))
        for digit, unit in _COUNTED.findall(run):
            self.numbers.add(_CHINESE_NUMBERS[digit])
            self.amounts.add((_CHINESE_NUMBERS[digit], unit))

    def _read_word(self, word: str, before: str, start: int) -> None:
        stem = stemmed(word)
        self.terms.add(stem)
        if _is_name(word, self._text[:start]):
            self.names.add(stem)
        if before in self.numbers:
            self.amounts.add((before, stem))
        elif before:
            self.pairs.add((before, stem))
        self._before = stem


def numbers_in(text: str) -> frozenset[str]:
    """Every number a text holds, also each small one in Chinese characters."""
    small = {_CHINESE_NUMBERS[character] for character in text if character in _CHINESE_NUMBERS}
    return content_of(text).numbers | small


def admits_ignorance(sentence: str) -> bool:
    """Whether a sentence says that the documents (or the model) do not know."""
    return _IGNORANCE.search(sentence) is not None and _ABOUT_PASSAGES.search(sentence) is not None


def asks_yes_or_no(question: str) -> bool:
    """Whether an answer may be made of the question's own words."""
    return _YES_OR_NO.search(question) is not None


def stemmed(word: str) -> str:
    """A light stem: `opens`, `opened` and `opening` are the same, `closes` and `closing` too."""
    stem = word.lower().replace("’", "'").removesuffix("'s")
    if len(stem) > 4 and stem.endswith("ies"):
        return stem[:-3] + "y"
    for ending in ("ing", "edly", "ed", "es", "s", "ly"):
        if stem.endswith(ending) and len(stem) - len(ending) >= 3 and not stem.endswith("ss"):
            stem = stem[: -len(ending)]
            break
    if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "aeiouls":
        stem = stem[:-1]
    return stem[:-1] if len(stem) > 3 and stem.endswith("e") else stem


def _number(token: str) -> str:
    grouped = re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", token)
    number = token.replace(",", "") if grouped else token
    return number.rstrip("0").rstrip(".") if re.fullmatch(r"\d+\.\d*", number) else number


def _bigrams(run: str) -> set[str]:
    """Pairs of neighbouring characters, across no particle; a character on its own stands for itself."""
    found: set[str] = set()
    for piece in _CHINESE_STOPWORDS.split(run):
        found |= {piece[i : i + 2] for i in range(len(piece) - 1)} or ({piece} if piece else set())
    return found


def _is_name(token: str, before: str) -> bool:
    """A capital inside a sentence, or inside a word: `Marseille`, `SQLite`, `GPU`."""
    if any(character.isupper() for character in token[1:]):
        return True
    begins_sentence = re.search(r"(?:^|[.!?:\n。！？：；])[\s\"'“‘(*_#>-]*$", before) is not None
    return token[0].isupper() and not begins_sentence
