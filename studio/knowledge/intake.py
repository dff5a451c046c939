"""What the user points at (files, folders, zip archives) becomes originals under `files/<sha256>`."""

import contextlib
import hashlib
import os
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from studio.knowledge.errors import (
    ArchiveDamaged,
    ArchiveTooLarge,
    FileEmpty,
    FileNotFound,
    FileTooLarge,
    FileUnreadable,
    FileVanished,
    NotEnoughDisk,
    NothingToAdd,
)
from studio.knowledge.formats import PAIR_SUFFIXES, SUFFIXES, UNREADABLE_DOCUMENTS
from studio.sentences import StudioError, size

_BLOCK = 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
# An archive may unpack to this many times the largest document, in at most this many files.
_ARCHIVE_SHARE = 20
_MOST_FILES = 20_000


@dataclass(frozen=True, slots=True)
class Incoming:
    """One file on its way in. `path`: its name as a document; `origin`: where it lies, empty for an upload.

    Either `sha256` (the original is in the data folder) or `error` is set.
    """

    path: str
    origin: str
    sha256: str | None = None
    error: StudioError | None = None


class Originals:
    """The folder `files`, one file per SHA-256."""

    def __init__(self, folder: Path, limit: int):
        self._folder = folder
        self._limit = limit

    def path(self, sha256: str) -> Path:
        return self._folder / sha256

    def keep(self, source: BinaryIO, name: str) -> str:
        """Copy a file in; its SHA-256. Raises `FileTooLarge`, `FileEmpty`, `NotEnoughDisk`, or OSError."""
        digest = hashlib.sha256()
        count = 0
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix="incoming-", dir=self._folder)
        except OSError as error:
            raise NotEnoughDisk(file=name, reason=error.strerror) from error
        try:
            with os.fdopen(handle, "wb") as target:
                while block := source.read(_BLOCK):
                    count += len(block)
                    if count > self._limit:
                        raise FileTooLarge(file=name, size=size(count), limit=size(self._limit))
                    digest.update(block)
                    _write(target, block, name)
            if count == 0:
                raise FileEmpty(file=name)
            Path(temporary).replace(self.path(digest.hexdigest()))
        finally:
            Path(temporary).unlink(missing_ok=True)
        return digest.hexdigest()

    def forget(self, sha256: str) -> None:
        self.path(sha256).unlink(missing_ok=True)

    def forget_leftovers(self, needed: set[str]) -> None:
        """Remove copies that a killed studio did not finish, and originals that are not `needed`."""
        for leftover in self._folder.glob("incoming-*"):
            leftover.unlink(missing_ok=True)
        for original in self._folder.glob("*"):
            if _SHA256.fullmatch(original.name) and original.name not in needed:
                original.unlink(missing_ok=True)


def _write(target: BinaryIO, block: bytes, name: str) -> None:
    try:
        target.write(block)
    except OSError as error:
        raise NotEnoughDisk(file=name, reason=error.strerror) from error


class Intake:
    """Turns paths into `Incoming` files. `kind`: of the knowledge base they are for."""

    def __init__(self, originals: Originals, limit: int, kind: str, uploads: bool):
        self._originals = originals
        self._limit = limit
        self._uploads = uploads
        self._suffixes = PAIR_SUFFIXES if kind == "qa" else SUFFIXES

    def take(self, paths: Sequence[Path]) -> Iterator[Incoming]:
        """Every file in `paths`; each has either been copied or has its error."""
        for path in paths:
            if path.is_dir():
                yield from self._folder(path)
            elif path.suffix.lower() == ".zip":
                yield from self._archive(path)
            else:
                yield self._file(path, path.name)

    def _file(self, path: Path, name: str) -> Incoming:
        name, origin = _printable(name), self._origin(path)
        try:
            count = path.stat().st_size
            if count > self._limit:
                raise FileTooLarge(file=name, size=size(count), limit=size(self._limit))
            with path.open("rb") as source:
                return Incoming(name, origin, self._originals.keep(source, name))
        except StudioError as error:
            return Incoming(name, origin, error=error)
        except FileNotFoundError:
            return Incoming(
                name, origin, error=FileVanished(file=name) if self._uploads else FileNotFound(file=name)
            )
        except OSError as error:
            return Incoming(name, origin, error=FileUnreadable(file=name, reason=error.strerror or error))

    def _folder(self, folder: Path) -> Iterator[Incoming]:
        unreadable: list[OSError] = []
        found = [
            Path(parent) / name
            for parent, folders, names in _walk(folder, unreadable)
            for name in names
            if self._wanted(name)
        ]
        for error in unreadable:
            place = _printable(str(error.filename))
            name = Path(place).name
            yield Incoming(name, place, error=FileUnreadable(file=name, reason=error.strerror))
        if not found and not unreadable:
            name = _printable(folder.name)
            yield Incoming(name, self._origin(folder), error=NothingToAdd(file=name))
        for path in found:
            yield self._file(path, path.relative_to(folder).as_posix())

    def _origin(self, path: Path) -> str:
        return "" if self._uploads else _printable(str(path.absolute()))

    def _wanted(self, name: str) -> bool:
        suffix = PurePosixPath(name).suffix.lower()
        return not name.startswith((".", "~$")) and suffix in self._suffixes | UNREADABLE_DOCUMENTS

    def _archive(self, path: Path) -> Iterator[Incoming]:
        shown, origin = _printable(path.name), self._origin(path)
        try:
            with zipfile.ZipFile(path) as archive:
                members = self._members(archive, shown)
                for member, name in members:
                    yield self._member(archive, member, name, f"{origin}!{name}" if origin else "")
        except StudioError as error:
            yield Incoming(shown, origin, error=error)
        except FileNotFoundError:
            yield Incoming(shown, origin, error=FileNotFound(file=shown))
        except PermissionError as error:
            yield Incoming(shown, origin, error=FileUnreadable(file=shown, reason=error.strerror))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            yield Incoming(shown, origin, error=ArchiveDamaged(file=shown))

    def _members(self, archive: zipfile.ZipFile, name: str) -> list[tuple[zipfile.ZipInfo, str]]:
        limit = _ARCHIVE_SHARE * self._limit
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > _MOST_FILES or sum(entry.file_size for entry in entries) > limit:
            raise ArchiveTooLarge(file=name, limit=size(limit))
        members = [(entry, _safe_name(entry)) for entry in entries]
        wanted = [
            (entry, inner) for entry, inner in members if inner and self._wanted(PurePosixPath(inner).name)
        ]
        if not wanted:
            raise NothingToAdd(file=name)
        return sorted(wanted, key=lambda member: member[1])

    def _member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, origin: str) -> Incoming:
        try:
            if member.file_size > self._limit:
                raise FileTooLarge(file=name, size=size(member.file_size), limit=size(self._limit))
            with archive.open(member) as source:
                # Never unpacked to a path of its own choosing: only copied to files/<sha256>.
                return Incoming(name, origin, self._originals.keep(source, name))  # type: ignore[arg-type]
        except StudioError as error:
            return Incoming(name, origin, error=error)
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, EOFError):
            # RuntimeError: zipfile's word for a member with a password.
            return Incoming(name, origin, error=ArchiveDamaged(file=name))


def _walk(folder: Path, unreadable: list[OSError]) -> Iterator[tuple[str, list[str], list[str]]]:
    for parent, folders, names in os.walk(folder, onerror=unreadable.append):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        yield parent, folders, sorted(names)


def _printable(path: str) -> str:
    """A path as it can be stored and shown: bytes that are no UTF-8 as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _safe_name(entry: zipfile.ZipInfo) -> str:
    """A member's path without `..`, drive or root; empty for what a system put there."""
    name = entry.filename
    if not entry.flag_bits & 0x800:
        # Written without the UTF-8 flag: Chinese Windows writes GBK, which zipfile has read as cp437.
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("gb18030" if not _is_utf8(name) else "utf-8")
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    if not parts or parts[0] == "__MACOSX" or parts[-1].startswith("."):
        return ""
    return "/".join(part.replace(":", "_") for part in parts)


def _is_utf8(name: str) -> bool:
    try:
        name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return False
    return True


def with_unique_paths(incoming: Iterable[Incoming], taken: dict[str, str]) -> Iterator[Incoming]:
    """Give files of one name from different places names of their own: folders in front, then a number.

    `taken`: the origin of every document of the knowledge base, by path; the same origin is a new version of
    it, and so is an upload (which has no origin) of a document that is there already.
    """
    earlier = dict(taken)
    fresh: set[str] = set()
    for file in incoming:
        path = next(
            path for path in _names(file) if _free(path, file.origin, earlier.get(path), path in fresh)
        )
        earlier[path] = file.origin
        fresh.add(path)
        yield Incoming(path, file.origin, file.sha256, file.error)


def _free(path: str, origin: str, owner: str | None, fresh: bool) -> bool:
    if owner is None:
        return True
    if not origin or not owner:
        return not fresh
    return owner == origin


def _names(file: Incoming) -> Iterator[str]:
    yield file.path
    if file.origin:
        folders = PurePosixPath(Path(file.origin.split("!")[0]).as_posix()).parts
        inside = len(PurePosixPath(file.path).parts) if "!" not in file.origin else 0
        above = [part.strip("/:\\") for part in folders[: len(folders) - inside]]
        for count in range(1, len(above) + 1):
            yield "/".join([*filter(None, above[-count:]), file.path])
    stem, dot, suffix = file.path.rpartition(".")
    for number in range(2, 1_000_000):
        yield f"{stem} ({number}){dot}{suffix}" if stem else f"{file.path} ({number})"
