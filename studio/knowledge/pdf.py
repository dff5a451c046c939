"""PDF: text page by page through PDFium, cleaned so that words and paragraphs are whole."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from studio.knowledge.errors import FileEncrypted, PdfDamaged, PdfWithoutText
from studio.knowledge.parsed import Heading, Outline, ParsedDocument, ParsedPage

# PDFium puts this where a line ends in a hyphen, and takes the line break away.
_LINE_END_HYPHEN = "\ufffe"
_LIGATURES = {
    "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
    "\u00a0": " ", "\u00ad": "", "\u200b": "", "\ufeff": "",
}  # fmt: skip
_TRANSLATION = str.maketrans(_LIGATURES)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BLANKS = re.compile(r"[ \t\u2000-\u200a\u202f\u205f]+")
_HYPHENATED = re.compile(f"(\\w+)(?:{_LINE_END_HYPHEN}|-\n(?=[a-zß-ÿ]))\\s*(\\w+)")
_WORDS = re.compile(r"\w+(?:-\w+)+|\w+")
_CJK = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
_JOINT_WITHOUT_SPACE = re.compile(f"[{_CJK}“”‘’—…][{_CJK}“”‘’—…]")
_SENTENCE_END = re.compile(r"[.!?:。！？：…][\"'”’)）\]」』]*$")
_NEW_PARAGRAPH = re.compile(
    r"(?:[•‣◦▪●■–—*]\s|[(（]?\d{1,3}[.)）、]\s?\S|\d+(?:\.\d+)+\s|[一二三四五六七八九十百]+[、.]|第[一二三四五六七八九十百零\d]+[章节条编])"
)
# The end of file marker of a PDF that was not cut off; some writers add a few kilobytes behind it.
_TAIL = 16_384

Progress = Callable[[int, int], None]


def parse(path: Path, name: str, progress: Progress) -> ParsedDocument:
    """Read a PDF; `progress(done, total)` in pages.

    Raises `PdfDamaged` (also for a file that was cut off), `FileEncrypted` or `PdfWithoutText`.
    """
    if _is_cut_off(path):
        raise PdfDamaged(file=name)
    document = _open(path, name)
    try:
        raw = _raw_pages(document, name, progress)
        known = _known_words(raw)
        texts = [_clean(text, known) for text in raw]
        if not any(text.strip() for text in texts):
            raise PdfWithoutText(file=name)
        pages = [ParsedPage(number, text) for number, text in enumerate(texts, start=1)]
        _mark_headings(document, pages)
        empty = [page.number for page in pages if page.number and not page.text.strip()]
        title = (document.get_metadata_dict().get("Title") or "").strip()
        return ParsedDocument(title, pages, empty)
    finally:
        document.close()


def _is_cut_off(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        return b"%%EOF" not in file.read()


def _open(path: Path, name: str) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(path)
        if len(document) == 0:
            raise PdfDamaged(file=name)
        return document
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY) or _asks_for_password(path):
            raise FileEncrypted(file=name) from error
        raise PdfDamaged(file=name) from error


def _asks_for_password(path: Path) -> bool:
    """PDFium calls some encryptions a format error; pypdf reads the encryption dictionary itself."""
    import pypdf
    from pypdf.errors import DependencyError, PyPdfError

    try:
        return pypdf.PdfReader(path, strict=False).is_encrypted
    except DependencyError:
        # Raised for nothing but an encryption that it cannot undo.
        return True
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return False


def _raw_pages(document: pypdfium2.PdfDocument, name: str, progress: Progress) -> list[str]:
    total = len(document)
    texts: list[str] = []
    broken = 0
    for index in range(total):
        try:
            page = document[index]
            text_page = page.get_textpage()
            texts.append(text_page.get_text_range())
            text_page.close()
            page.close()
        except pypdfium2.PdfiumError:
            # One page that cannot be read is counted as empty, and named to the user as such.
            texts.append("")
            broken += 1
        progress(index + 1, total)
    if broken == total:
        raise PdfDamaged(file=name)
    return texts


def _known_words(texts: list[str]) -> Counter[str]:
    return Counter(word.lower() for text in texts for word in _WORDS.findall(text))


def _clean(text: str, known: Counter[str]) -> str:
    """Whole words, lines of a paragraph joined, paragraphs apart by one line break."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x02", _LINE_END_HYPHEN))
    text = text.translate(_TRANSLATION)
    text = _HYPHENATED.sub(lambda match: _join(match[1], match[2], known), text).replace(
        _LINE_END_HYPHEN, "-"
    )
    return _join_lines([_BLANKS.sub(" ", line).strip() for line in text.split("\n")])


def _join(left: str, right: str, known: Counter[str]) -> str:
    """`rela-` `tional` is one word; `e-` `commerce` keeps its hyphen, as elsewhere in the document."""
    joined, hyphenated = known[(left + right).lower()], known[f"{left}-{right}".lower()]
    keep = hyphenated > joined or (
        joined == 0 and (len(left) == 1 or left[-1].isdigit() or right[0].isupper())
    )
    return f"{left}-{right}" if keep else left + right


def _join_lines(lines: list[str]) -> str:
    lengths = sorted(len(line) for line in lines if line)
    # What a full line of this page holds; shorter lines that end a sentence end a paragraph.
    full = lengths[int(len(lengths) * 0.75)] if lengths else 0
    paragraphs: list[list[str]] = []
    for line in lines:
        if not line:
            continue
        if not paragraphs or _begins_paragraph(paragraphs[-1][-1], line, full):
            paragraphs.append([line])
        else:
            if not _JOINT_WITHOUT_SPACE.match(paragraphs[-1][-1][-1] + line[0]):
                paragraphs[-1].append(" ")
            paragraphs[-1].append(line)
    return "\n".join("".join(paragraph) for paragraph in paragraphs)


def _begins_paragraph(previous: str, line: str, full: int) -> bool:
    if _NEW_PARAGRAPH.match(line):
        return True
    short = len(previous) < 0.75 * full
    return short if not _SENTENCE_END.search(previous) else len(previous) < 0.9 * full


def _mark_headings(document: pypdfium2.PdfDocument, pages: list[ParsedPage]) -> None:
    """The bookmarks of the file as headings, where a page's text has their words, else at its start."""
    outline, path, at = Outline(), "", 0
    entries = []
    for bookmark in document.get_toc(max_depth=4):
        destination = bookmark.get_dest()
        index = destination.get_index() if destination else None
        title = " ".join((bookmark.get_title() or "").split())
        if title and index is not None and 0 <= index < len(pages):
            entries.append((index, outline.enter(bookmark.level + 1, title), title))
    for index, entry_path, title in sorted(entries, key=lambda entry: entry[0]):
        for page in pages[at + 1 : index + 1]:
            page.heading = path
        place = _find_title(pages[index].text, title)
        pages[index].headings.append(Heading(place, entry_path))
        at, path = index, entry_path
    for page in pages[at + 1 :]:
        page.heading = path
    for page in pages:
        page.headings.sort(key=lambda heading: heading.start)


def _find_title(text: str, title: str) -> int:
    pattern = r"\s*".join(re.escape(character) for character in re.sub(r"\s+", "", title))
    match = re.search(f"^[ \\d.]*{pattern}", text, re.IGNORECASE | re.MULTILINE) if pattern else None
    return match.start() if match else 0
