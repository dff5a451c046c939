"""Makes tiny models for the tests: `python make_models.py FOLDER`. A program, so that pytest needs no torch.

`parrot`: a Llama that was trained to answer one question with one Chinese sentence, with a chat template.
`random`: an untrained Llama without a chat template that never ends, whose maker asks for greedy decoding.
`gpt2`, `t5`: untrained, of other architectures. `bert`: an encoder. `empty`: a folder without weights.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

QUESTION = "讲个故事"
ANSWER = "从前有座山，山上有座庙🙂👩‍👩‍👧，庙里有个老和尚。The end 🇨🇳!"
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def bytes_tokenizer(template: str | None, ends: bool = True) -> PreTrainedTokenizerFast:
    """One token a byte: a Chinese character takes three tokens, an emoji four."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<pad>": 0, "<s>": 1, "</s>": 2} | {letter: i + 3 for i, letter in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>" if ends else None,
        pad_token="<pad>",
        chat_template=template,
    )


def llama(ends: bool = True) -> LlamaForCausalLM:
    sizes = {"hidden_size": 96, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(
        vocab_size=259,
        max_position_embeddings=512,
        bos_token_id=1,
        eos_token_id=2 if ends else None,
        pad_token_id=0,
        **sizes,
    )
    return LlamaForCausalLM(config)


def parrot(folder: Path) -> None:
    tokenizer = bytes_tokenizer(TEMPLATE)
    turns = [{"role": "user", "content": QUESTION}]
    prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    after = tokenizer(ANSWER, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
    ids = torch.tensor([before + after])
    labels = torch.tensor([[-100] * len(before) + after])
    model = llama()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(300):
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < 0.005:
            break
    save(model, tokenizer, folder)


def save(model, tokenizer, folder: Path) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main(folder: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    plain = bytes_tokenizer(None)
    parrot(folder / "parrot")
    save(llama(ends=False), bytes_tokenizer(None, ends=False), folder / "random")
    leaking = {"do_sample": True, "top_k": 1, "repetition_penalty": 1.8, "pad_token_id": 0}
    (folder / "random" / "generation_config.json").write_text(json.dumps(leaking))
    gpt2 = GPT2Config(vocab_size=259, n_positions=128, n_embd=64, n_layer=2, n_head=2, eos_token_id=2)
    save(GPT2LMHeadModel(gpt2), plain, folder / "gpt2")
    t5 = T5Config(vocab_size=259, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, eos_token_id=2)
    t5.decoder_start_token_id = 0
    save(T5ForConditionalGeneration(t5), plain, folder / "t5")
    bert = BertConfig(
        vocab_size=259, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    save(BertModel(bert), plain, folder / "bert")
    shutil.copytree(folder / "random", folder / "empty", ignore=shutil.ignore_patterns("*.safetensors"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
