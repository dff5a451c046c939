"""The estimate of weights holds against what Transformers and bitsandbytes really make of them."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from studio.models.estimate import weights_bytes
from studio.models.inspect import inspect_folder
from studio.models.levels import LEVELS

PROGRAM = Path(__file__).parents[1] / "measured_weights.py"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, int]]]:
    """(folder of the models, bytes of each at each level)."""
    folder = tmp_path_factory.mktemp("measured")
    command = [sys.executable, str(PROGRAM), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ["llama", "qwen3", "mixtral", "gpt2", "t5"])
def test_weights_of_every_level_within_two_percent(
    name: str, measured: tuple[Path, dict[str, dict[str, int]]], monkeypatch: pytest.MonkeyPatch
):
    # The program loads in bfloat16 wherever it runs
    monkeypatch.setattr("studio.models.estimate.full_bytes_per_weight", lambda _device: 2)
    folder, found = measured
    card = replace(inspect_folder(folder / name, name), levels=tuple(LEVELS))
    for level, count in found[name].items():
        assert weights_bytes(card, level, "cpu") == pytest.approx(count, rel=0.02), level
