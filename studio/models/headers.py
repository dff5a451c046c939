"""What the files of a model say about its tensors, read without loading any of them."""

import functools
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.models.errors import BrokenModel

_HEADER_LIMIT = 100_000_000  # the safetensors library refuses longer headers too


@dataclass(frozen=True, slots=True)
class Tensor:
    """One stored tensor. `dtype` as the file calls it (`BF16`, `U8`, …); `bytes` in the file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


def safetensors_tensors(path: Path) -> tuple[Tensor, ...]:
    """Every tensor of a safetensors file, from its header. Raises `BrokenModel` when truncated or not one.

    Remembered until the file changes.
    """
    status = path.stat()
    return _safetensors_tensors(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=512)
def _safetensors_tensors(path: Path, size: int, _mtime: int) -> tuple[Tensor, ...]:
    header, start = _safetensors_header(path, size)
    tensors = []
    end = 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            first, last = entry["data_offsets"]
            tensors.append(Tensor(name, tuple(entry["shape"]), entry["dtype"], last - first))
        except (KeyError, TypeError, ValueError) as error:
            raise BrokenModel(file=path, reason=f"header: {name}") from error
        end = max(end, last)
    if size != start + end:
        raise BrokenModel(file=path, reason=f"{size:,} of {start + end:,} bytes")
    return tuple(tensors)


def _safetensors_header(path: Path, size: int) -> tuple[dict[str, Any], int]:
    """(header, where the data starts)."""
    with path.open("rb") as file:
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        if not 0 < length <= min(size - 8, _HEADER_LIMIT):
            raise BrokenModel(file=path, reason=f"{size:,} bytes, no safetensors header")
        try:
            header = json.loads(file.read(length))
        except ValueError as error:
            raise BrokenModel(file=path, reason="unreadable header") from error
    if not isinstance(header, dict):
        raise BrokenModel(file=path, reason="unreadable header")
    return header, 8 + length


# GGUF, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md: value types by number
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9


@dataclass(frozen=True, slots=True)
class Gguf:
    """Header of a GGUF file. `metadata` without arrays: vocabularies are long and nobody here needs them."""

    metadata: dict[str, Any]
    tensors: tuple[Tensor, ...]


def gguf_header(path: Path) -> Gguf:
    """Metadata and tensor shapes of a GGUF file. Raises `BrokenModel`. Remembered until the file changes.

    The gguf library's reader takes seconds here: it builds an array for every word of the vocabulary.
    """
    status = path.stat()
    return _gguf_header(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=32)
def _gguf_header(path: Path, _size: int, _mtime: int) -> Gguf:
    with path.open("rb", buffering=1 << 20) as file:
        reader = _GgufReader(file.read)
        try:
            return reader.header()
        except (struct.error, UnicodeDecodeError, ValueError, KeyError) as error:
            raise BrokenModel(file=path, reason="unreadable GGUF header") from error


class _GgufReader:
    def __init__(self, read: Any):
        self._read = read

    def header(self) -> Gguf:
        if self._read(4) != b"GGUF" or self._scalar("I") < 2:
            raise ValueError("not a GGUF file of version 2 or later")
        tensor_count, field_count = self._scalar("Q"), self._scalar("Q")
        metadata = {}
        for _ in range(field_count):
            name, value = self._string(), self._value(self._scalar("I"))
            if value is not None:
                metadata[name] = value
        return Gguf(metadata, tuple(self._tensor() for _ in range(tensor_count)))

    def _tensor(self) -> Tensor:
        name = self._string()
        # GGUF counts dimensions from the innermost; everybody else from the outermost
        shape = tuple(reversed([self._scalar("Q") for _ in range(self._scalar("I"))]))
        kind, _offset = self._scalar("I"), self._scalar("Q")
        return Tensor(name, shape, f"ggml-{kind}", 0)

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._scalar(_SCALARS[kind])
        kind, count = self._scalar("I"), self._scalar("Q")
        if kind in _SCALARS:
            self._read(struct.calcsize(_SCALARS[kind]) * count)
        else:
            for _ in range(count):
                self._value(kind)
        return None

    def _scalar(self, code: str) -> Any:
        return struct.unpack("<" + code, self._read(struct.calcsize(code)))[0]

    def _string(self) -> str:
        return self._read(self._scalar("Q")).decode("utf-8", "replace")
