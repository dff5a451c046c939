"""Counts parameters and tells which weights bitsandbytes would quantize."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from studio.models.headers import Tensor

# Stored beside the weights in old files: causal masks, position ids, rotary tables. Not parameters.
_BUFFERS = re.compile(r"(masked_bias|rotary_emb\.inv_freq|position_ids|\.attn\.bias)$")
# What quantizers store beside the weights
_QUANTIZER = re.compile(
    r"(\.absmax|\.nested_absmax|\.quant_map|\.nested_quant_map|\.quant_state\.\w+|\.SCB|\.weight_format|_scales?|_scale_inv)$"
)
_EMBEDDINGS = re.compile(r"(embed|\bwte\b|\bwpe\b|(^|\.)shared\.|relative_attention_bias)")
_OUTPUT = re.compile(r"(^|\.)(lm_head|embed_out|output_layer|output)\.weight$")
# Transformers 5 keeps the experts of a layer in one plain parameter, and routers too
_EXPERTS = re.compile(r"(\.experts\.|_exps\.)")
_ROUTER = re.compile(r"(\.gate|\.router|\.router\.\w+|ffn_gate_inp)\.weight$")
# The T5 family names `wo` in `_keep_in_fp32_modules`, which bitsandbytes leaves alone too
_T5 = ("t5", "mt5", "umt5", "udop", "pop2piano")


def is_tied(config: dict[str, Any], tensors: Iterable[Tensor]) -> bool:
    """Whether the output layer is the embedding (then it is in memory once)."""
    if not any(_OUTPUT.search(tensor.name) for tensor in tensors):
        return True
    return bool(config.get("tie_word_embeddings", False))


def parameter_tensors(config: dict[str, Any], tensors: Sequence[Tensor]) -> list[Tensor]:
    """The tensors that are parameters, each once: no buffers, tables or second copies of tied ones."""
    tied = is_tied(config, tensors)
    return [
        tensor
        for tensor in tensors
        if not _BUFFERS.search(tensor.name)
        and not _QUANTIZER.search(tensor.name)
        and not (tied and _OUTPUT.search(tensor.name))
    ]


def count_parameters(config: dict[str, Any], tensors: Sequence[Tensor]) -> int:
    """How many parameters, all experts included. A byte of 4-bit weights counts as two."""
    return sum(
        tensor.elements * (2 if is_packed(config, tensor) else 1)
        for tensor in parameter_tensors(config, tensors)
    )


def is_packed(config: dict[str, Any], tensor: Tensor) -> bool:
    """Whether two 4-bit weights share each stored byte (bitsandbytes)."""
    return tensor.dtype == "U8" and "quantization_config" in config


def is_expert(tensor: Tensor) -> bool:
    """Whether a tensor belongs to the experts of a mixture (shared experts are ordinary layers)."""
    return bool(_EXPERTS.search(tensor.name))


def is_quantizable(config: dict[str, Any], tensor: Tensor) -> bool:
    """Whether bitsandbytes quantizes it: no embedding, output layer, norm, bias or expert."""
    name = tensor.name
    return (
        len(tensor.shape) == 2
        and name.endswith(".weight")
        and not is_expert(tensor)
        and not (config.get("model_type") in _T5 and name.endswith(".wo.weight"))
        and not any(pattern.search(name) for pattern in (_EMBEDDINGS, _OUTPUT, _ROUTER))
    )
