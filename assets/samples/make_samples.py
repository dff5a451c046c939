"""Run as a program, writes the two sample documents from the texts in this folder.

The facts in them were made up for the project, so that no model can know them without reading.
"""

import datetime
import json
from pathlib import Path
from typing import Any

from docx import Document
from docx.oxml.ns import qn
from docx.shared import Cm, Pt
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import cm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    ListFlowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

HERE = Path(__file__).resolve().parent
INK = colors.HexColor("#1f3a4d")
COLUMNS = (1.5 * cm, 5.5 * cm, 2.2 * cm, 6.6 * cm)
PALE = colors.HexColor("#e8eff3")
BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=10.5, leading=16, spaceAfter=8)
TITLE = ParagraphStyle(
    "title", parent=BODY, fontName="Helvetica-Bold", fontSize=22, leading=28, textColor=INK
)
HEADING = ParagraphStyle(
    "heading", parent=BODY, fontName="Helvetica-Bold", fontSize=15, leading=22, textColor=INK
)
CELL = ParagraphStyle("cell", parent=BODY, fontSize=9.5, leading=13, spaceAfter=0)
# Fixed, so that making the samples again does not date them anew
WRITTEN = datetime.datetime(2026, 1, 15, tzinfo=datetime.UTC)


def make_pdf(text: dict[str, Any], path: Path) -> None:
    """A page for each section: heading, paragraphs, a list, a table."""
    story: list[Flowable] = [Paragraph(text["title"], TITLE), Spacer(1, 10)]
    for number, section in enumerate(text["sections"]):
        if number:
            story.append(PageBreak())
        story.append(Paragraph(section["heading"], HEADING))
        story += [Paragraph(paragraph, BODY) for paragraph in section["paragraphs"]]
        if "list" in section:
            items = [Paragraph(item, BODY) for item in section["list"]]
            story += [ListFlowable(items, bulletFontSize=10.5), Spacer(1, 6)]
        if "table" in section:
            story += [_pdf_table(section["table"]), Spacer(1, 12)]
        story += [Paragraph(paragraph, BODY) for paragraph in section.get("after", [])]

    class FootedCanvas(Canvas):
        # Drawn last, so that the footer also comes last in the text of the page.
        def showPage(self) -> None:
            self.setFont("Helvetica", 8.5)
            self.setFillColor(INK)
            self.drawString(2.5 * cm, 1.5 * cm, text["title"])
            self.drawRightString(
                A4[0] - 2.5 * cm, 1.5 * cm, f"{self.getPageNumber()} of {len(text['sections'])}"
            )
            super().showPage()

    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), 2.5 * cm)
    facts = {"title": text["title"], "author": "Chat Studio", "subject": text["subject"], "lang": "en"}
    document = SimpleDocTemplate(str(path), pagesize=A4, invariant=1, **margins, **facts)
    document.build(story, canvasmaker=FootedCanvas)


def _pdf_table(rows: list[list[str]]) -> Table:
    table = Table([[Paragraph(cell, CELL) for cell in row] for row in rows], colWidths=COLUMNS, hAlign="LEFT")
    lines = [("BACKGROUND", (0, 0), (-1, 0), PALE), ("LINEBELOW", (0, 0), (-1, -1), 0.4, INK)]
    table.setStyle(TableStyle([*lines, ("VALIGN", (0, 0), (-1, -1), "TOP")]))
    return table


def make_word(text: dict[str, Any], path: Path) -> None:
    """Headings in Word's own heading styles, paragraphs, lists and tables in document order."""
    document = Document()
    _chinese_fonts(document)
    for section in document.sections:
        section.left_margin = section.right_margin = Cm(2.8)
    document.add_heading(text["title"], level=0)
    for part in text["sections"]:
        document.add_heading(part["heading"], level=1)
        for paragraph in part["paragraphs"]:
            document.add_paragraph(paragraph)
        for item in part.get("list", []):
            document.add_paragraph(item, style="List Bullet")
        if "table" in part:
            _word_table(document, part["table"])
        for paragraph in part.get("after", []):
            document.add_paragraph(paragraph)
    facts = document.core_properties
    facts.title, facts.author, facts.language, facts.comments = text["title"], "Chat Studio", "zh-CN", ""
    facts.created = facts.modified = WRITTEN.replace(tzinfo=None)
    document.save(str(path))


def _chinese_fonts(document: Any) -> None:
    for name, font in (("Normal", "宋体"), ("Title", "黑体"), ("Heading 1", "黑体")):
        style = document.styles[name]
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
    document.styles["Normal"].font.size = Pt(11)


def _word_table(document: Any, rows: list[list[str]]) -> None:
    table = document.add_table(rows=0, cols=len(rows[0]), style="Table Grid")
    for row in rows:
        for cell, value in zip(table.add_row().cells, row, strict=True):
            cell.text = value
    for cell in table.rows[0].cells:
        cell.paragraphs[0].runs[0].bold = True


def main() -> None:
    """Make both documents anew."""
    make_pdf(_read("observatory.json"), HERE / "skerrow-tidal-observatory.pdf")
    make_word(_read("tool-library.json"), HERE / "柳溪工具图书馆手册.docx")


def _read(name: str) -> dict[str, Any]:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
