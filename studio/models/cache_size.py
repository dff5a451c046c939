"""How many bytes a KV cache takes."""

from typing import Any


def kv_cache_bytes(config: dict[str, Any], tokens: int, bytes_per_value: int) -> int:
    """Bytes of keys and values of `tokens` tokens over all layers; 0 for models without attention.

    Grouped heads count once per group, layers with a sliding window hold at most the window, and layers
    without attention (state space, linear attention) hold nothing that grows.
    """
    if config.get("is_encoder_decoder"):
        # The decoder keeps what it wrote, and for each layer once what the encoder read
        layers = (
            config.get("num_decoder_layers") or config.get("decoder_layers") or config.get("num_layers") or 0
        )
        width = _heads(config) * _head_width(config)
        return 2 * 2 * layers * width * tokens * bytes_per_value
    values = sum(min(tokens, window or tokens) * _values_per_token(config) for window in _windows(config))
    return values * bytes_per_value


def _values_per_token(config: dict[str, Any]) -> int:
    """Numbers that one attention layer keeps of one token."""
    heads = _heads(config)
    if config.get("kv_lora_rank") and config.get("qk_nope_head_dim"):
        # Transformers caches multi-head latent attention expanded
        key = config["qk_nope_head_dim"] + config.get("qk_rope_head_dim", 0)
        return heads * (key + config.get("v_head_dim", key))
    groups = config.get("num_key_value_heads") or config.get("multi_query_group_num")
    if groups is None:
        groups = 1 if config.get("multi_query") else heads
    return 2 * groups * _head_width(config)


def _windows(config: dict[str, Any]) -> list[int | None]:
    """One entry per attention layer: its window in tokens, None where it sees everything."""
    layers = next(
        (config[key] for key in ("num_hidden_layers", "n_layer", "num_layers") if config.get(key)), 0
    )
    if not _heads(config):
        return []
    window = config.get("sliding_window") if config.get("use_sliding_window", True) else None
    kinds = config.get("layer_types")
    if isinstance(kinds, list):
        attention = [kind for kind in kinds if "attention" in kind and "linear" not in kind]
        return [window if kind in ("sliding_attention", "chunked_attention") else None for kind in attention]
    pattern = config.get("sliding_window_pattern")
    if window and isinstance(pattern, int) and pattern > 0:
        # Every `pattern`-th layer sees everything (Gemma)
        return [None if (layer + 1) % pattern == 0 else window for layer in range(layers)]
    return [window] * layers


def _heads(config: dict[str, Any]) -> int:
    return next((config[key] for key in ("num_attention_heads", "n_head", "num_heads") if config.get(key)), 0)


def _head_width(config: dict[str, Any]) -> int:
    for key in ("head_dim", "d_kv"):
        if config.get(key):
            return config[key]
    hidden = next((config[key] for key in ("hidden_size", "n_embd", "d_model") if config.get(key)), 0)
    return hidden // max(_heads(config), 1)
