"""GGUF to a folder of bf16 safetensors with tokenizer, chat template and generation config.

transformers does the converting (names, layouts, tokenizer). What makes it slow is repetition: it reads the
whole header three times, string by string, and builds the table of tensor names once per module. Both are
done once here, which takes the starter from 10 to 2 seconds.
"""

import contextlib
import copy
import functools
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gguf
import numpy as np
import torch
import transformers.modeling_gguf_pytorch_utils as legacy
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from studio.models.card import ModelCard

README = """---
license: {licence}
language: [{languages}]
tags: [dequantized]
---
# {name}, dequantized from GGUF

The weights of this folder were dequantized from `{file}`, which stores them as
{types}, and saved as bfloat16 so that every quantization level can be loaded from them.
Dequantizing brings no precision back: whatever the level, these weights are no more exact than
the {main_type} file they came from.

Made by Chat Studio. Remove the folder and it is made again when the model is next used.
"""


def convert(card: ModelCard, file: Path, folder: Path) -> None:
    """Write a model folder for the GGUF `file`. `folder` is made here and complete when this returns."""
    folder.mkdir(parents=True)
    where, name = str(file.parent), file.name
    with _each_header_once():
        tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=name, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            where,
            gguf_file=name,
            dtype=torch.bfloat16,
            quantization_config=GgufConfig(dequantize=True),
            local_files_only=True,
        )
        types = _tensor_types(file)
    model.config.name_or_path = card.name
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(_readme(card, file, types), encoding="utf-8")


def _readme(card: ModelCard, file: Path, types: dict[str, int]) -> str:
    return README.format(
        licence=card.licence.lower() or "unknown",
        languages=", ".join(card.languages),
        name=card.name,
        file=file.name,
        types=", ".join(f"{kind} ({count} tensors)" for kind, count in types.items()),
        main_type=next(iter(types), "GGUF"),
    )


def _tensor_types(file: Path) -> dict[str, int]:
    """How many tensors each type stores, the most frequent quantized type first."""
    kinds = [tensor.tensor_type.name for tensor in gguf.GGUFReader(str(file)).tensors]
    plain = ("F32", "F16", "BF16")
    return {
        kind: kinds.count(kind) for kind in sorted(set(kinds), key=lambda k: (k in plain, -kinds.count(k)))
    }


@contextlib.contextmanager
def _each_header_once() -> Iterator[None]:
    header = functools.cache(legacy.load_gguf_checkpoint)

    def load(path: Any, return_tensors: bool = False, **options: Any) -> Any:
        if return_tensors:
            return original(path, return_tensors=True, **options)
        return copy.deepcopy(header(path))

    original = legacy.load_gguf_checkpoint
    with (
        patch.object(gguf, "GGUFReader", functools.cache(_QuickReader)),
        patch.object(gguf, "get_tensor_name_map", functools.cache(gguf.get_tensor_name_map)),
        patch.object(legacy, "load_gguf_checkpoint", load),
    ):
        yield


class _QuickReader(gguf.GGUFReader):
    """Reads arrays (a vocabulary has a hundred thousand entries) without a numpy view for each entry."""

    def _get_field_parts(self, orig_offs: int, raw_type: int) -> Any:
        if raw_type != gguf.GGUFValueType.ARRAY or self.byte_order != "I":
            return super()._get_field_parts(orig_offs, raw_type)
        # numpy's arrays are buffers, which its type hints do not say for memory maps.
        view = memoryview(self.data)  # type: ignore[arg-type]
        kind, count = struct.unpack_from("<IQ", view, orig_offs)
        at = orig_offs + 12
        entries: list[Any]
        if kind == gguf.GGUFValueType.STRING:
            entries, end = _strings(view, at, count)
        elif kind in self.gguf_scalar_to_np:
            numbers = np.frombuffer(self.data, self.gguf_scalar_to_np[kind], count, at)
            entries, end = [[number] for number in numbers.tolist()], at + numbers.nbytes
        else:
            return super()._get_field_parts(orig_offs, raw_type)
        types = [gguf.GGUFValueType.ARRAY, gguf.GGUFValueType(kind)]
        return end - orig_offs, entries, list(range(count)), types


def _strings(view: memoryview, at: int, count: int) -> tuple[list[Any], int]:
    """`count` strings from offset `at` on, and the offset behind them."""
    strings = []
    for _ in range(count):
        (length,) = struct.unpack_from("<Q", view, at)
        strings.append(bytes(view[at + 8 : at + 8 + length]))
        at += 8 + length
    return strings, at
