"""The yardstick of decode.py: plain `model.generate`, nothing around it. Reads prompts from standard input.

A line `{"prompt": …, "tokens": N}` in, a line `{"tokens", "seconds"}` out: decode, first token excluded.
"""

import json
import sys
import time
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def measure(model: Any, tokenizer: Any, prompt: str, tokens: int) -> dict[str, float]:
    """Decode greedily: the time for all tokens less the time for one."""
    messages = [{"role": "user", "content": prompt}]
    inputs = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    inputs = inputs.to(model.device)
    times = []
    for count in (1, tokens):
        begun = time.perf_counter()
        with torch.inference_mode():
            output = model.generate(**inputs, do_sample=False, max_new_tokens=count)
        made = int(output.shape[1] - inputs["input_ids"].shape[1])
        times.append(time.perf_counter() - begun)
    return {"tokens": made - 1, "seconds": times[1] - times[0]}


def main() -> None:
    folder, dtype = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
    model = model.to(torch.device("cuda" if torch.cuda.is_available() else "cpu")).eval()
    print("ready", flush=True)
    for line in sys.stdin:
        wanted = json.loads(line)
        print(json.dumps(measure(model, tokenizer, wanted["prompt"], wanted["tokens"])), flush=True)


if __name__ == "__main__":
    main()
