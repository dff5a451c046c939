"""Tables of questions and answers (CSV): the question is found by, the answer is handed on."""

import csv
import io
from pathlib import Path

from studio.knowledge.errors import NotText, PairsExpected
from studio.knowledge.parsed import Pair, ParsedDocument, ParsedPage
from studio.knowledge.plain import decode

_QUESTION = {"question", "q", "问题", "问"}
_ANSWER = {"answer", "a", "答案", "回答", "答"}


def parse(path: Path, name: str) -> ParsedDocument:
    """Read a CSV file with a header that names both columns. Raises `NotText` or `PairsExpected`."""
    text = decode(path.read_bytes())
    if text is None:
        raise NotText(file=name)
    rows = list(csv.reader(io.StringIO(text)))
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    question = next((place for place, cell in enumerate(header) if cell in _QUESTION), None)
    answer = next((place for place, cell in enumerate(header) if cell in _ANSWER), None)
    if question is None or answer is None:
        raise PairsExpected(file=name)
    page = ParsedPage(None, "")
    parts: list[str] = []
    length = 0
    for row in rows[1:]:
        asked, told = (row[place].strip() if place < len(row) else "" for place in (question, answer))
        if asked and told:
            page.pairs.append(Pair(length, length + len(asked), length + len(asked) + 1 + len(told)))
            parts.append(f"{asked}\n{told}\n\n")
            length += len(parts[-1])
    page.text = "".join(parts).rstrip()
    if not page.pairs:
        raise PairsExpected(file=name)
    return ParsedDocument("", [page])
