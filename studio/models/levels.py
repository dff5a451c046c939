"""The quantization levels: what each one does, and which a model can have."""

import functools
from dataclasses import dataclass
from pathlib import Path

from studio.models.card import ModelCard
from studio.models.errors import LevelUnavailable, UnknownLevel
from studio.models.files import read_config
from studio.sentences import Notice, Sentence


@dataclass(frozen=True, slots=True)
class Level:
    """One quantization level. `bits`: of a quantized weight; `en`/`zh`: what it does, saves and costs."""

    id: str
    bits: int
    en: str
    zh: str


LEVELS: dict[str, Level] = {
    level.id: level
    for level in (
        Level(
            "full",
            16,
            "The weights as they are, in the fastest 16- or 32-bit format of the device: the best "
            "answers, the most memory.",
            "原样加载权重，采用设备上最快的 16 位或 32 位格式：回答质量最好，占用内存最多。",
        ),
        Level(
            "int8",
            8,
            "8 bits a weight (LLM.int8): about half the memory of 16 bits and nearly the same answers, "
            "but usually the slowest.",
            "每个权重 8 位（LLM.int8）：内存约为 16 位的一半，回答几乎不变，但通常最慢。",
        ),
        Level(
            "nf4",
            4,
            "4 bits a weight (NormalFloat): about a third of the memory of 16 bits; small losses, most "
            "visible in small models.",
            "每个权重 4 位（NormalFloat）：内存约为 16 位的三分之一；质量略有损失，小模型更明显。",
        ),
        Level(
            "fp4",
            4,
            "4 bits a weight (plain floating point): as small as nf4, usually a little less exact; here "
            "for comparison.",
            "每个权重 4 位（普通浮点）：与 nf4 一样小，通常略逊于 nf4，可用于对比。",
        ),
    )
}


class AlreadyQuantized(Notice):
    en = (
        "Its weights were quantized before and cannot be quantized again. Load it at full, which keeps "
        "them as they are."
    )
    zh = "它的权重已经量化过，不能再次量化。请用 full 加载，权重保持原样。"


class OnlyChatModelsAreQuantized(Notice):
    en = "Embedders and rerankers are small and lose exactness, so they only run at full."
    zh = "嵌入模型和重排模型很小，量化会损失精度，因此只能用 full。"


class ExpertsStayWhole(Notice):
    en = (
        "Its experts cannot be quantized by bitsandbytes, and they are nearly all of it, so this would "
        "save next to nothing. Load it at full, or choose a model without experts."
    )
    zh = (
        "bitsandbytes 无法量化它的专家层，而专家层几乎占了全部参数，因此几乎省不下内存。请用 full 加载，或"
        "选择非专家混合模型。"
    )


def levels_for(kind: str, quantized: bool = False, mostly_experts: bool = False) -> tuple[str, ...]:
    """The levels that a model of this kind can have.

    `quantized`: its files hold quantized weights. `mostly_experts`: experts are most of its parameters.
    """
    if kind in ("embedding", "encoder", "reranker") or quantized or mostly_experts:
        return ("full",)
    return tuple(LEVELS)


def why_not(card: ModelCard, level: str) -> Sentence | None:
    """Why this model cannot have this level; None when it can. Raises `UnknownLevel`."""
    if level not in LEVELS:
        raise UnknownLevel(level=level, levels=", ".join(LEVELS))
    if level in card.levels:
        return None
    if card.kind in ("embedding", "encoder", "reranker"):
        return OnlyChatModelsAreQuantized()
    quantized = card.path is not None and "quantization_config" in read_config(card.path)
    return AlreadyQuantized() if quantized else ExpertsStayWhole()


def check_level(card: ModelCard, level: str) -> None:
    """Raises `LevelUnavailable` or `UnknownLevel` unless the model can have this level."""
    reason = why_not(card, level)
    if reason is not None:
        raise LevelUnavailable(model=card.id, level=level, why_en=reason.say("en"), why_zh=reason.say("zh"))


@functools.cache
def fast_bf16_cpu() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware (AMX or AVX512-BF16); elsewhere float32 is faster."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags


def full_bytes_per_weight(device: str) -> int:
    """Bytes of an unquantized weight on `device`: 2 on a GPU (bf16/fp16), on a CPU 2 or 4 (bf16 or fp32)."""
    return 2 if device != "cpu" or fast_bf16_cpu() else 4
