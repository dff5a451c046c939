"""Plain text and Markdown: the encoding found, the text left exactly as it is."""

import re
from pathlib import Path

from studio.knowledge.errors import FileEmpty, NotText
from studio.knowledge.parsed import Heading, Outline, ParsedDocument, ParsedPage

# Longer texts become several stretches, each with offsets of its own, so that none is handled in one piece.
_STRETCH = 1_000_000
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Of a real Chinese text nearly all is in the common half of its character set, of a wrong guess little.
_COMMON_SHARE = 0.85
_BINARY = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MARKDOWN_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def decode(data: bytes) -> str | None:
    """The text in `data`, or None when no encoding makes text of it."""
    text = _decode(data)
    return None if text is None or _looks_binary(text) else text


def _looks_binary(text: str) -> bool:
    sample = text[:100_000]
    return len(_BINARY.findall(sample)) > len(sample) / 1000


def _decode(data: bytes) -> str | None:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _try(data, encoding)
    if b"\x00" in data[:4096]:
        return _utf16_without_bom(data)
    text = _try(data, "utf-8")
    return text if text is not None else _legacy(data)


def _try(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _utf16_without_bom(data: bytes) -> str | None:
    head = data[:4096]
    low, high = head[0::2].count(0), head[1::2].count(0)
    return _try(data, "utf-16-be" if low > high else "utf-16-le")


def _legacy(data: bytes) -> str | None:
    """Chinese by how common its characters are (short texts too), everything else by charset-normalizer."""
    guesses = [_common(data, "gb18030"), _common(data, "big5")]
    # A few characters can be common ones in both; simplified Chinese is the likelier then.
    best_share, best_text = max(guesses, key=lambda guess: guess[0])
    if best_share >= _COMMON_SHARE:
        return best_text
    from charset_normalizer import from_bytes

    matches = from_bytes(data[:200_000])
    best = matches.best()
    for match in matches:
        # Of guesses that are equally good, the encoding that most Western files have.
        if (
            best
            and match.encoding == "cp1252"
            and (match.chaos, -match.coherence) <= (best.chaos, -best.coherence)
        ):
            best = match
    text = _try(data, best.encoding) if best else None
    return text if text is not None else best_text if best_share >= 0.5 else None


def _common(data: bytes, encoding: str) -> tuple[float, str | None]:
    """(share of characters beyond ASCII that are common ones in this encoding, the text)."""
    text = _try(data, encoding)
    if text is None:
        return 0.0, None
    foreign = [character for character in text[:20_000] if character > "\x7f"]
    common = sum(_is_common(character, encoding) for character in foreign)
    return common / max(1, len(foreign)), text


def _is_common(character: str, encoding: str) -> bool:
    if "\u3000" <= character <= "\u303f" or "\uff01" <= character <= "\uff5e" or character in "“”‘’…—·":
        return True
    try:
        raw = character.encode("gb2312" if encoding == "gb18030" else "big5")
    except UnicodeEncodeError:
        return False
    # First level (frequent) characters: GB 2312 rows 16–55, Big5 A440–C67E.
    return 0xB0 <= raw[0] <= 0xD7 if encoding == "gb18030" else 0xA4 <= raw[0] <= 0xC6


def parse(path: Path, name: str) -> ParsedDocument:
    """Read a text file. Raises `NotText` or `FileEmpty`."""
    text = decode(path.read_bytes())
    if text is None:
        raise NotText(file=name)
    if not text.strip():
        raise FileEmpty(file=name)
    markdown = name.lower().endswith((".md", ".markdown"))
    headings = _markdown_headings(text) if markdown else []
    return ParsedDocument(title=headings[0].path if headings else "", pages=_stretches(text, headings))


def _markdown_headings(text: str) -> list[Heading]:
    code = [match.span() for match in _FENCE.finditer(text)]
    outline = Outline()
    return [
        Heading(match.start(), outline.enter(len(match[1]), match[2]))
        for match in _MARKDOWN_HEADING.finditer(text)
        if not any(start <= match.start() < end for start, end in code)
    ]


def _stretches(text: str, headings: list[Heading]) -> list[ParsedPage]:
    pages: list[ParsedPage] = []
    start, heading = 0, ""
    while start < len(text):
        end = _stretch_end(text, start)
        inside = [
            Heading(entry.start - start, entry.path) for entry in headings if start <= entry.start < end
        ]
        pages.append(ParsedPage(None, text[start:end], heading, inside))
        heading = inside[-1].path if inside else heading
        start = end
    return pages


def _stretch_end(text: str, start: int) -> int:
    end = start + _STRETCH
    if end >= len(text):
        return len(text)
    for mark in ("\n\n", "\n", " "):
        place = text.rfind(mark, start + _STRETCH // 2, end)
        if place > 0:
            return place + len(mark)
    return end
