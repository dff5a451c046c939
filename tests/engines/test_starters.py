"""The packaged models in real workers: conversion, levels and what they measure, the embedder."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from engine_help import ask

from studio.engines.errors import NotAChatModel
from studio.engines.local import LocalEngine
from studio.engines.pool import Pool
from studio.models.card import ModelCard
from studio.models.levels import full_bytes_per_weight
from studio.settings import Settings

EXACT = """
import sys, json
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu", local_files_only=True)
print(json.dumps(model.encode(json.loads(sys.argv[2]), normalize_embeddings=True).tolist()))
"""
STOPPING = """
import sys, threading
from pathlib import Path
from fakes import fake_card
from studio.engines.base import Message, Sampling, Text
from studio.engines.worker.chat_model import ChatModel
model = ChatModel(fake_card(path=Path(sys.argv[1])), "full", "cpu", lambda _: None)
halt = threading.Event()
seen = []
def emit(text):
    seen.append(text)
    if len(seen) == 5:
        halt.set()
greedy = Sampling(temperature=0, max_tokens=100)
done = model.generate([Message("user", "Count to one hundred.")], greedy, emit, halt)
print(done.reason, done.usage.completion_tokens, len(seen))
halt.set()
done = model.generate([Message("user", "word " * 2000)], greedy, emit, halt)
print(done.reason, done.usage.completion_tokens)
halt.clear()
done = model.generate([Message("user", "Hi")], Sampling(temperature=0, max_tokens=3), emit, halt)
print(done.reason, done.usage.completion_tokens)
"""


def run_beside(script: str, *arguments: object) -> str:
    """A script that imports torch, in a process of its own."""
    tests = Path(__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
        cwd=tests.parent,
        env=os.environ | {"PYTHONPATH": str(tests)},
    ).stdout


def test_levels_take_really_different_memory(starter: ModelCard) -> None:
    measured = {}
    for level in ("full", "int8", "nf4"):
        engine = LocalEngine()
        try:
            loaded = engine.load(starter, level, "cpu", lambda _: None)
            measured[level] = loaded.probe.measured_bytes
            text, _ = ask(engine, "What is the capital of France?", max_tokens=12)
            assert "Paris" in text, level
        finally:
            engine.close()
    weights = (starter.parameters or 0) * full_bytes_per_weight("cpu")
    assert weights * 0.98 < measured["full"] < weights * 1.25
    assert measured["int8"] < measured["full"] * 0.8
    assert measured["nf4"] < measured["int8"] * 0.85


def test_stop_costs_at_most_one_token(starter: ModelCard) -> None:
    first, prefill, after = run_beside(STOPPING, starter.path).splitlines()
    reason, tokens, seen = first.split()
    # Told during the token that became the fifth piece of text: not one more is computed.
    assert reason == "cancelled" and int(tokens) <= int(seen) + 1
    assert prefill == "cancelled 0", "a prefill that nobody waits for is left as well"
    assert after == "length 3"


def test_conversion_is_whole_and_says_what_it_is(starter: ModelCard) -> None:
    assert starter.path is not None
    names = {file.name for file in starter.path.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "generation_config.json"} <= names
    assert "Q4_1" in (starter.path / "README.md").read_text(encoding="utf-8")
    assert not list(starter.path.parent.glob(".*partial*"))


def test_a_conversion_survives_being_killed(settings: Settings, packaged: Callable[[str], ModelCard]) -> None:
    script = """
import sys
from pathlib import Path
from studio.engines.pool import Pool
from studio.models.catalogue import Catalogue
from studio.settings import Settings
from studio.store import Store
settings = Settings(data_dir=Path(sys.argv[1]))
Pool(settings).prepare(Catalogue(settings, Store(settings.database)).get("smollm2-135m-instruct"))
"""
    studio = subprocess.Popen(
        [sys.executable, "-c", script, settings.data_dir], cwd=Path(__file__).parents[2]
    )
    until = time.monotonic() + 120
    while not list(settings.models_dir.glob(".*partial*/model/*")) and time.monotonic() < until:
        time.sleep(0.01)
    studio.send_signal(signal.SIGKILL)
    studio.wait()
    left = list(settings.models_dir.glob(".*partial*"))
    card = packaged("smollm2-135m-instruct")
    pool = Pool(settings)
    try:
        ready = pool.prepare(card)
    finally:
        pool.close()
    assert left, "it was killed too late to show anything"
    assert ready.path is not None and (ready.path / "model.safetensors").stat().st_size > 200_000_000
    assert not list(settings.models_dir.glob(".*partial*"))


def test_the_embedder(engine: LocalEngine, packaged: Callable[[str], ModelCard]) -> None:
    card = packaged("all-minilm-l6-v2")
    engine.load(card, "full", "cpu", lambda _: None)
    texts = ["A cat sits on the mat.", "Kittens rest on carpets.", "The bond market fell.", "long " * 400]
    vectors = engine.embed(texts, "passage")
    assert vectors.shape == (4, 384) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    assert engine.embed([], "query").shape == (0, 384)
    exact = np.array(json.loads(run_beside(EXACT, card.path, json.dumps(texts))))
    assert (vectors * exact).sum(axis=1).min() > 0.99
    assert engine.count(["cats and dogs", "long " * 400]) == [3, 400]


def test_an_embedder_cannot_chat(engine: LocalEngine, packaged: Callable[[str], ModelCard]) -> None:
    engine.load(packaged("all-minilm-l6-v2"), "full", "cpu", lambda _: None)
    with pytest.raises(NotAChatModel):
        ask(engine, "hello")
