"""What a file is, by its first bytes and its name."""

import zipfile
from pathlib import Path
from typing import Literal

from studio.knowledge.errors import (
    FileEncrypted,
    FileTooLarge,
    NotAPdf,
    NotAWordFile,
    OldWordFormat,
    PairsExpected,
    UnsupportedFormat,
    WordDamaged,
    WronglyNamed,
)
from studio.sentences import size

Format = Literal["pdf", "word", "text", "pairs"]

TEXT_SUFFIXES = {".txt", ".text", ".md", ".markdown", ".rst", ".log"}
SUFFIXES = {".pdf", ".docx", *TEXT_SUFFIXES}
PAIR_SUFFIXES = {".csv"}
# Named to the user when they lie in a folder; anything else there (pictures, programs) is passed over.
UNREADABLE_DOCUMENTS = {
    ".doc", ".docm", ".dot", ".wps", ".rtf", ".odt", ".pages", ".ppt", ".pptx", ".xls", ".xlsx", ".csv",
    ".tsv", ".epub", ".mobi", ".djvu", ".html", ".htm", ".tex", ".ps",
}  # fmt: skip

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")


def recognise(path: Path, name: str, kind: str, limit: int) -> Format:
    """What `path` (called `name`) is, for a knowledge base of `kind`; reads no more than its ends.

    Raises a `StudioError` that says what to do for every file that is not readable under this name.
    """
    suffix = Path(name).suffix.lower()
    count = path.stat().st_size
    if count > limit:
        raise FileTooLarge(file=name, size=size(count), limit=size(limit))
    with path.open("rb") as file:
        head = file.read(1024)
    if kind == "qa":
        if suffix not in PAIR_SUFFIXES:
            raise PairsExpected(file=name)
        return "pairs"
    if b"%PDF-" in head:
        return _named(name, suffix, ".pdf", "PDF", "pdf")
    if head.startswith(_ZIP):
        return _zipped(path, name, suffix)
    if head.startswith(_OLE):
        if _ENCRYPTED_OFFICE in path.read_bytes():
            raise FileEncrypted(file=name)
        raise OldWordFormat(file=name)
    return _rest(name, suffix, head)


def _named(name: str, suffix: str, expected: str, kind: str, found: Format) -> Format:
    if suffix not in ("", expected):
        raise WronglyNamed(file=name, kind=kind, suffix=expected)
    return found


def _zipped(path: Path, name: str, suffix: str) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        if suffix == ".docx":
            raise WordDamaged(file=name) from error
        raise UnsupportedFormat(file=name) from error
    if any(part.startswith("word/") for part in parts):
        return _named(name, suffix, ".docx", "Word", "word")
    if suffix == ".docx":
        raise NotAWordFile(file=name)
    raise UnsupportedFormat(file=name)


def _rest(name: str, suffix: str, head: bytes) -> Format:
    if suffix in TEXT_SUFFIXES or suffix == "":
        return "text"
    if suffix in (".pdf", ".docx"):
        from studio.knowledge.plain import decode

        # The first kilobyte may end in the middle of a character.
        if any(decode(head[: len(head) - cut]) for cut in range(4)):
            raise WronglyNamed(file=name, kind="plain text", suffix=".txt")
        raise NotAPdf(file=name) if suffix == ".pdf" else WordDamaged(file=name)
    if suffix in (".doc", ".dot", ".wps", ".rtf"):
        raise OldWordFormat(file=name)
    raise UnsupportedFormat(file=name)
