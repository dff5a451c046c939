"""Text taken apart for citing: sentences, and what of a sentence can be checked against a passage."""

import re
import unicodedata
from dataclasses import dataclass

# A sentence ends at 。！？； or a line break, or at . ! ? before a space and something that can begin a sentence.
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
_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split(),
    )
}
_CHINESE_NUMBERS = {character: str(number) for number, character in enumerate("零一二三四五六七八九十")} | {
    "两": "2"
}
_STOPWORDS = frozenset(
    "a an and are as at be been being but by can could did do does for from had has have he her his how i if in "
    "into is it its may might of on or our shall she should so than that the their them then there these they "
    "this those to was we were what when where which while who whom whose why will with would you your also "
    "according based per about such other more most some any all each both only just very must".split()
)
_CHINESE_STOPWORDS = re.compile(r"[的了是在和与及或也都而且就被把对从由以为其这那该此个]|根据|可以|进行|通过")
_NEGATION = re.compile(
    r"\b(?:not(?! only)|no(?! later| less| more| fewer)|never|none|nothing|cannot|without|neither|nor|\w+n['’]t)\b"
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
_PLACES = re.compile(r"\b(?:pages?|passages?|p\.)\s*\d+|第\s*\d+\s*[页段]|段落\s*\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence: characters `start` to `end` of its text, the mark that ends it included."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Content:
    """What of a text can be compared: stems and Chinese bigrams, numbers, and names (as stems)."""

    terms: frozenset[str]
    numbers: frozenset[str]
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
    """What of `text` can be compared with another text. Places (`page 3`) are left out: they are not claims."""
    text = unicodedata.normalize("NFKC", text)
    text = _PLACES.sub(" ", text)
    terms: set[str] = set()
    numbers: set[str] = set()
    names: set[str] = set()
    chinese = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if match.lastgroup == "number":
            numbers.add(_number(token))
        elif match.lastgroup == "cjk":
            chinese += len(token)
            terms |= _bigrams(token)
        elif token.lower() in _NUMBER_WORDS and not token.isupper():
            terms.add(_NUMBER_WORDS[token.lower()])
        elif token.lower() not in _STOPWORDS:
            stem = stemmed(token)
            terms.add(stem)
            if _is_name(token, text[: match.start()]):
                names.add(stem)
    return Content(
        terms=frozenset(terms | numbers),
        numbers=frozenset(numbers),
        names=frozenset(names),
        negated=_NEGATION.search(text) is not None,
        chinese=2 * chinese > len(text.strip()) / 2,
    )


def numbers_in(text: str) -> frozenset[str]:
    """Every number a text holds, also small ones in words: `three`, `三`."""
    content = content_of(text)
    small = {_CHINESE_NUMBERS[character] for character in text if character in _CHINESE_NUMBERS}
    return content.numbers | small | {term for term in content.terms if term.isdigit()}


def admits_ignorance(sentence: str) -> bool:
    """Whether a sentence says that the documents (or the model) do not know."""
    return _IGNORANCE.search(sentence) is not None and _ABOUT_PASSAGES.search(sentence) is not None


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
