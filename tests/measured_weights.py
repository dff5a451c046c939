"""Makes tiny random models and loads each at each level: `python measured_weights.py FOLDER`.

Prints {model: {level: bytes of all that holds weights}} as JSON. A process of its own: torch is to stay out
of the tests.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    BitsAndBytesConfig,
    GPT2Config,
    LlamaConfig,
    MixtralConfig,
    Qwen3Config,
    T5Config,
)

SHARED: dict[str, Any] = {
    "vocab_size": 1000,
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
}
CONFIGS = {
    "llama": LlamaConfig(**SHARED, tie_word_embeddings=False),
    "qwen3": Qwen3Config(**SHARED, head_dim=64, tie_word_embeddings=True),
    "mixtral": MixtralConfig(**SHARED, num_local_experts=4),
    "gpt2": GPT2Config(
        vocab_size=1000, n_embd=256, n_layer=2, n_head=8, n_positions=512, bos_token_id=1, eos_token_id=1
    ),
    "t5": T5Config(vocab_size=1000, d_model=256, d_ff=512, num_layers=2, num_heads=8, d_kv=32),
}
LEVELS = {
    "full": None,
    "int8": BitsAndBytesConfig(load_in_8bit=True),
    "nf4": BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype="bfloat16",
    ),
}


def weight_bytes(model: torch.nn.Module) -> int:
    """Bytes of every storage of a parameter, buffer or quantization state, each once."""
    storages: dict[int, int] = {}

    def add(value: object) -> None:
        if isinstance(value, torch.Tensor):
            storages[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()

    for tensor in (*model.parameters(), *model.buffers()):
        add(tensor)
        add(getattr(tensor, "SCB", None))
        state = getattr(tensor, "quant_state", None)
        for part in (state, getattr(state, "state2", None)):
            for name in ("absmax", "code", "offset"):
                add(getattr(part, name, None))
    return sum(storages.values())


def main(root: Path) -> None:
    measured: dict[str, dict[str, int]] = {}
    for name, config in CONFIGS.items():
        auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        auto.from_config(config).to(torch.bfloat16).save_pretrained(root / name)
        measured[name] = {}
        for level, quantization in LEVELS.items():
            model = auto.from_pretrained(
                root / name, dtype=torch.bfloat16, quantization_config=quantization, device_map={"": "cpu"}
            ).eval()
            # The CPU kernels repack 4-bit weights on first use
            ids = torch.ones(1, 4, dtype=torch.long)
            with torch.inference_mode():
                model(ids, decoder_input_ids=ids) if config.is_encoder_decoder else model(ids)
            measured[name][level] = weight_bytes(model)
    print(json.dumps(measured))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
