"""Configs and weights of tiny models, written without torch.

`from tiny_models import LLAMA, MakeModel, llama_shapes`
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

Shapes = dict[str, tuple[int, ...]]
MakeModel = Callable[..., Path]

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "tie_word_embeddings": False,
}
BERT = {
    "architectures": ["BertForMaskedLM"],
    "model_type": "bert",
    "vocab_size": 320,
    "hidden_size": 64,
    "max_position_embeddings": 128,
}


def llama_shapes(layers: int = 2) -> Shapes:
    """The tensors of `LLAMA`."""
    shapes: Shapes = {
        "model.embed_tokens.weight": (320, 64),
        "model.norm.weight": (64,),
        "lm_head.weight": (320, 64),
    }
    for layer in range(layers):
        prefix = f"model.layers.{layer}"
        shapes |= {
            f"{prefix}.self_attn.q_proj.weight": (64, 64),
            f"{prefix}.self_attn.k_proj.weight": (32, 64),
            f"{prefix}.self_attn.v_proj.weight": (32, 64),
            f"{prefix}.self_attn.o_proj.weight": (64, 64),
            f"{prefix}.mlp.gate_proj.weight": (128, 64),
            f"{prefix}.mlp.up_proj.weight": (128, 64),
            f"{prefix}.mlp.down_proj.weight": (64, 128),
            f"{prefix}.input_layernorm.weight": (64,),
            f"{prefix}.post_attention_layernorm.weight": (64,),
        }
    return shapes


def random_tensors(shapes: Shapes, seed: int = 0) -> dict[str, np.ndarray]:
    """Random float16 weights of these shapes."""
    random = np.random.default_rng(seed)
    return {name: random.standard_normal(shape).astype(np.float16) for name, shape in shapes.items()}
