"""Word (.docx): headings, paragraphs and tables in the order of the document."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
from docx.oxml.ns import qn

from studio.knowledge import html
from studio.knowledge.errors import FileTooLarge, WordDamaged, WordWithoutText
from studio.knowledge.parsed import Heading, Outline, ParsedDocument, ParsedPage
from studio.knowledge.plain import decode
from studio.sentences import size

# Deleted text, what older programs show instead, and field codes are no text of the document.
_SKIPPED = {
    qn("w:del"),
    qn("w:moveFrom"),
    qn("w:instrText"),
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
}
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_PLAIN = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_HEADING_STYLE = re.compile(r"(?:heading|标题)\s*(\d)$", re.IGNORECASE)
_CHAPTER = re.compile(r"第[零一二三四五六七八九十百\d]{1,5}([编章节])(?:\s+\S.{0,28})?$")
_TITLE_STYLES = {"title", "标题"}
_NOTES = ("footnotes", "endnotes")


def parse(path: Path, name: str, limit: int) -> ParsedDocument:
    """Read a Word file; `limit`: bytes of its text part, unpacked.

    Raises `FileTooLarge`, `WordDamaged` or `WordWithoutText`.
    """
    _refuse_bomb(path, name, limit)
    try:
        document = docx.Document(str(path))
        builder = _Builder(document, name)
        builder.read(document.element.body)
        builder.read_notes()
    except (
        KeyError,
        ValueError,
        AttributeError,
        TypeError,
        SyntaxError,
        zipfile.BadZipFile,
        EOFError,
        OSError,
    ) as error:
        raise WordDamaged(file=name) from error
    page = ParsedPage(None, "".join(builder.parts).strip("\n"), headings=builder.headings)
    if not page.text.strip():
        raise WordWithoutText(file=name)
    title = (document.core_properties.title or "").strip()
    return ParsedDocument(title or builder.title, [page])


def _refuse_bomb(path: Path, name: str, limit: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise WordDamaged(file=name) from error
    text = sum(count for part, count in sizes.items() if part.endswith((".xml", ".rels")))
    # XML unpacks to about ten times its text; pictures are only held, never looked at.
    if text > limit or sum(sizes.values()) > 4 * limit:
        raise FileTooLarge(file=name, size=size(max(text, sum(sizes.values()))), limit=size(limit))


class _Builder:
    def __init__(self, document: Any, name: str):
        self.document = document
        self.name = name
        self.parts: list[str] = []
        self.headings: list[Heading] = []
        self.title = ""
        self._length = 0
        self._outline = Outline()
        self._levels = {style.style_id: _style_level(style) for style in document.styles if style.style_id}

    def read(self, container: Any) -> None:
        """Paragraphs and tables below `container`, through content controls and tracked insertions."""
        for element in container:
            if element.tag == qn("w:p"):
                self._paragraph(element)
            elif element.tag == qn("w:tbl"):
                self._table(element)
            elif element.tag == qn("w:altChunk"):
                self._foreign(element)
            elif element.tag not in _SKIPPED:
                self.read(element)

    def _foreign(self, element: Any) -> None:
        """A part in another format, which Word shows as if it were its own: HTML, a web archive or text."""
        part = self.document.part.related_parts[element.get(qn("r:id"))]
        if part.content_type == "message/rfc822":
            blocks = html.blocks_of_archive(part.blob)
        elif part.content_type == "text/plain":
            blocks = [html.Block(None, line) for line in (decode(part.blob) or "").splitlines()]
        elif "html" in part.content_type:
            blocks = html.blocks_of_page(part.blob)
        else:
            raise WordDamaged(file=self.name)
        for block in blocks:
            self._block(block.text, block.level)

    def read_notes(self) -> None:
        """Footnotes and endnotes, behind the text."""
        for relation in self.document.part.rels.values():
            if relation.is_external or not relation.reltype.endswith(_NOTES):
                continue
            from docx.oxml.parser import parse_xml

            for note in parse_xml(relation.target_part.blob):
                if note.get(qn("w:type")) is None:
                    self._write(" ".join(_text(note).split()))

    def _paragraph(self, element: Any) -> None:
        self._block(_text(element).strip(), self._level(element))
        for box in _text_boxes(element):
            self.read(box)

    def _block(self, text: str, level: int | None) -> None:
        flat = " ".join(text.split())
        if level is None:
            level = _chapter_level(flat)
        if flat and level is not None:
            self.title = self.title or flat
            self.headings.append(Heading(self._length, self._outline.enter(level, flat)))
        self._write(text)

    def _level(self, element: Any) -> int | None:
        properties = element.find(qn("w:pPr"))
        if properties is None:
            return None
        outline = properties.find(qn("w:outlineLvl"))
        if outline is not None:
            level = int(outline.get(qn("w:val"), "9"))
            return level + 1 if level < 9 else None
        style = properties.find(qn("w:pStyle"))
        return self._levels.get(style.get(qn("w:val"))) if style is not None else None

    def _table(self, element: Any) -> None:
        for row in element.xpath("./w:tr | ./w:sdt/w:sdtContent/w:tr"):
            found = row.xpath("./w:tc | ./w:sdt/w:sdtContent/w:tc")
            cells = [" ".join(_text(cell).split()) for cell in found]
            self._write(" | ".join(cell for cell in cells if cell))

    def _write(self, text: str) -> None:
        if text:
            self.parts.append(text + "\n\n")
            self._length += len(text) + 2


def _chapter_level(text: str) -> int | None:
    """The level of a Chinese chapter title that nobody gave a heading style: 第一编, 第一章, 第一节."""
    found = _CHAPTER.match(text)
    return 2 + "编章节".index(found[1]) if found else None


def _style_level(style: Any) -> int | None:
    """1–9 for a heading style, 1 for the title; styles inherit the level of what they are based on."""
    seen = 0
    while style is not None and seen < 10:
        name = (style.name or "").strip()
        found = _HEADING_STYLE.search(name)
        if found:
            return int(found[1])
        if name.lower() in _TITLE_STYLES:
            return 1
        style, seen = getattr(style, "base_style", None), seen + 1
    return None


def _text(element: Any) -> str:
    return "".join(_pieces(element))


def _pieces(element: Any) -> Iterator[str]:
    for child in element:
        tag = child.tag
        if tag in (qn("w:t"), _MATH_TEXT):
            yield child.text or ""
        elif tag in _PLAIN:
            yield _PLAIN[tag]
        elif tag == qn("w:p"):
            yield from _pieces(child)
            yield "\n"
        elif tag not in _SKIPPED and tag != qn("w:txbxContent") and tag != qn("w:pPr"):
            yield from _pieces(child)


def _text_boxes(element: Any) -> Iterator[Any]:
    for child in element:
        if child.tag == qn("w:txbxContent"):
            yield child
        elif child.tag not in _SKIPPED:
            yield from _text_boxes(child)
