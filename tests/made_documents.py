"""Makes the files that the tests add."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import docx
import pypdf
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas


def pdf(pages: Sequence[str], bookmarks: Sequence[str] = ()) -> bytes:
    """A PDF with one page for each text; lines as given; `bookmarks[i]` points to page i."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    for index, text in enumerate(pages):
        if index < len(bookmarks):
            canvas.bookmarkPage(f"mark-{index}")
            canvas.addOutlineEntry(bookmarks[index], f"mark-{index}", 0)
        lines = canvas.beginText(50, 800)
        lines.setFont("Helvetica" if text.isascii() else "STSong-Light", 11)
        for line in text.split("\n"):
            lines.textLine(line)
        canvas.drawText(lines)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def encrypted_pdf(text: str) -> bytes:
    writer = pypdf.PdfWriter(io.BytesIO(pdf([text])))
    writer.encrypt("secret", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def word(*parts: tuple[str, str] | list[list[str]]) -> bytes:
    """A Word file of (style, text) paragraphs and tables (lists of rows), in order."""
    document = docx.Document()
    for part in parts:
        if isinstance(part, tuple):
            document.add_paragraph(part[1], style=part[0])
        else:
            table = document.add_table(len(part), len(part[0]))
            for row, texts in zip(table.rows, part, strict=True):
                for cell, text in zip(row.cells, texts, strict=True):
                    cell.text = text
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def sparse(path: Path, size: int) -> Path:
    """A file of `size` bytes that takes no room on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path
