"""What a model at a level would take on a device, computed from headers without loading it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio import hardware
from studio.models.cache_size import kv_cache_bytes
from studio.models.card import Estimate, Fit, ModelCard
from studio.models.errors import FolderGone, ModelNotInstalled
from studio.models.files import read_config, text_config, weight_tensors
from studio.models.headers import Tensor, gguf_header
from studio.models.levels import LEVELS, check_level, fast_bf16_cpu, full_bytes_per_weight
from studio.models.verdict import verdict
from studio.models.weights import is_packed, is_quantizable, parameter_tensors
from studio.settings import Settings

# bitsandbytes 4 bit: a scale per 64 weights, itself 8 bits and a float32 per 256 of them (double quantized)
_BLOCK, _BLOCKS_PER_SCALE = 64, 256
_CODE_BOOKS = 4 * (16 + 256) + 4
# Tokenizer, buffers and allocator of a worker beside the weights; on a GPU also the CUDA context. Measured
# on a CPU (36-44 MB).
_RUNTIME_CPU, _RUNTIME_GPU = 48_000_000, 480_000_000


@dataclass(frozen=True, slots=True)
class _Blueprint:
    """What the estimate needs to know of a model: its config and its parameters, each once."""

    config: dict[str, Any]
    tensors: list[Tensor]


def estimate(
    card: ModelCard, level: str, context: int, device: str | None = None, available: int | None = None
) -> Estimate:
    """What `card` at `level` would take with room for `context` tokens.

    `device`: None means the best one; `available`: bytes free there, None means now.
    Raises `LevelUnavailable`, `UnknownLevel`, `ModelNotInstalled`, or what reading the model's files raises.
    """
    check_level(card, level)
    device = device or hardware.best_device()
    available = hardware.available_bytes(device) if available is None else available
    blueprint = _blueprint(card)
    reserve = Settings().reserve_bytes

    def parts(at_level: str, tokens: int) -> tuple[int, int, int]:
        return _parts(card, blueprint, at_level, tokens, device)

    weights, cache, overhead = parts(level, context)
    fit: Fit = "fits"
    total = weights + cache + overhead
    if total > available:
        fit = "does not fit"
    elif total > available - reserve:
        fit = "tight"
    totals = {other: sum(parts(other, context)) for other in card.levels if other in LEVELS}
    smallest = sum(parts(level, min(context, 512)))
    reason = verdict(card, level, context, device, totals, smallest, available, reserve)
    return Estimate(weights, cache, overhead, available, fit, device, reason.as_dict())


def weights_bytes(card: ModelCard, level: str, device: str) -> int:
    """Bytes of the weights alone on `device`."""
    return _weights(_blueprint(card), level, device)


def _parts(
    card: ModelCard, blueprint: _Blueprint, level: str, context: int, device: str
) -> tuple[int, int, int]:
    """(weights, KV cache, overhead) in bytes."""
    width = full_bytes_per_weight(device)
    config = text_config(blueprint.config)
    generates = card.kind in ("chat", "base", "encoder-decoder")
    cache = kv_cache_bytes(config, context, width) if generates else 0
    overhead = _overhead(config, level, context, width, device, generates)
    return _weights(blueprint, level, device), cache, overhead


def _weights(blueprint: _Blueprint, level: str, device: str) -> int:
    width = full_bytes_per_weight(device)
    return sum(_tensor_bytes(blueprint.config, tensor, level, device, width) for tensor in blueprint.tensors)


def _tensor_bytes(config: dict[str, Any], tensor: Tensor, level: str, device: str, width: int) -> int:
    if is_packed(config, tensor):
        return tensor.bytes + tensor.bytes * 2 // _BLOCK
    if tensor.dtype == "I8" and "quantization_config" in config:
        return tensor.bytes + 4 * tensor.shape[0]
    if level == "full" or not is_quantizable(config, tensor):
        return tensor.elements * width
    if level == "int8":
        return tensor.elements + 4 * tensor.shape[0]
    return _four_bit_bytes(tensor, device)


def _four_bit_bytes(tensor: Tensor, device: str) -> int:
    blocks = -(-tensor.elements // _BLOCK)
    if device == "cpu" and fast_bf16_cpu():
        # bitsandbytes repacks for AVX512-BF16 on first use, with a bfloat16 scale per block
        return tensor.elements // 2 + 2 * blocks
    return tensor.elements // 2 + blocks + 4 * -(-blocks // _BLOCKS_PER_SCALE) + _CODE_BOOKS


def _overhead(
    config: dict[str, Any], level: str, context: int, width: int, device: str, generates: bool
) -> int:
    """Activations of a prefill over the whole context, the logits of one step, and the runtime."""
    hidden = config.get("hidden_size") or config.get("n_embd") or config.get("d_model") or 0
    inner = config.get("intermediate_size") or config.get("n_inner") or config.get("d_ff") or 4 * hidden
    tokens = context if generates else min(context, 512)
    # LLM.int8 computes with int32 sums and float32 copies of them: measured, three times as much
    activations = tokens * (4 * hidden + 3 * inner) * width * (3 if level == "int8" else 1)
    logits = 3 * 4 * int(config.get("vocab_size") or 0) if generates else 0
    return activations + logits + (_RUNTIME_CPU if device == "cpu" else _RUNTIME_GPU)


def _blueprint(card: ModelCard) -> _Blueprint:
    if card.path is None:
        raise ModelNotInstalled(model=card.name, how_en=card.note_en, how_zh=card.note_zh)
    if not card.path.exists():
        raise FolderGone(folder=card.path)
    if card.path.suffix == ".gguf":
        return _gguf_blueprint(card.path)
    config = read_config(card.path)
    return _Blueprint(config, parameter_tensors(config, weight_tensors(card.path)))


def _gguf_blueprint(path: Path) -> _Blueprint:
    """Of the 16-bit model that a GGUF file is converted to."""
    header = gguf_header(path)
    family = header.metadata.get("general.architecture", "")

    def field(name: str) -> Any:
        return header.metadata.get(f"{family}.{name}")

    heads, hidden = field("attention.head_count"), field("embedding_length")
    config = {
        "model_type": family,
        "hidden_size": hidden,
        "intermediate_size": field("feed_forward_length"),
        "num_hidden_layers": field("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": field("attention.head_count_kv"),
        "head_dim": field("attention.key_length") or (hidden // heads if hidden and heads else None),
        "sliding_window": field("attention.sliding_window"),
        "vocab_size": next((t.shape[0] for t in header.tensors if t.name == "token_embd.weight"), 0),
    }
    return _Blueprint(config, list(_converted(header.tensors)))


def _converted(tensors: tuple[Tensor, ...]) -> Iterator[Tensor]:
    for tensor in tensors:
        if tensor.name != "rope_freqs.weight":
            yield Tensor(
                tensor.name.replace("token_embd", "embed_tokens"), tensor.shape, "BF16", 2 * tensor.elements
            )
