"""A file becomes pages of text, in the parser's own process, so that one which crashes it harms nobody."""

from collections.abc import Callable
from pathlib import Path

from studio.knowledge.errors import FileEmpty
from studio.knowledge.formats import recognise
from studio.knowledge.parsed import ParsedDocument

Progress = Callable[[int, int], None]


def parse(path: Path, name: str, kind: str, limit: int, progress: Progress) -> ParsedDocument:
    """Read the file at `path`, called `name`, of at most `limit` bytes, for a knowledge base of `kind`.

    `progress(done, total)` in pages. Raises a `StudioError` that says what is wrong with the file.
    """
    if path.stat().st_size == 0:
        raise FileEmpty(file=name)
    found = recognise(path, name, kind, limit)
    # Each library is imported when the first file needs it.
    if found == "pdf":
        from studio.knowledge import pdf

        return pdf.parse(path, name, progress)
    if found == "word":
        from studio.knowledge import word

        return word.parse(path, name, limit)
    if found == "pairs":
        from studio.knowledge import pairs

        return pairs.parse(path, name)
    from studio.knowledge import plain

    return plain.parse(path, name)
