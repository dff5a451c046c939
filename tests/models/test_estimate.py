"""What a model will take is told before it is loaded."""

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_models import BERT, LLAMA, MakeModel

from studio.models import levels
from studio.models.cache_size import kv_cache_bytes
from studio.models.catalogue import Catalogue
from studio.models.errors import FolderGone, LevelUnavailable, UnknownLevel
from studio.models.estimate import estimate, weights_bytes
from studio.models.inspect import inspect_folder
from studio.models.levels import LEVELS, full_bytes_per_weight, why_not

PLENTY = 10**12


@pytest.fixture(params=[True, False], ids=["bf16-cpu", "fp32-cpu"])
def fast_bf16(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(levels, "fast_bf16_cpu", lambda: request.param)
    monkeypatch.setattr("studio.models.estimate.fast_bf16_cpu", lambda: request.param)
    return request.param


def test_full_on_a_cpu_depends_on_what_it_multiplies_well(fast_bf16: bool):
    assert full_bytes_per_weight("cpu") == (2 if fast_bf16 else 4)
    assert full_bytes_per_weight("cuda:0") == 2


def test_weights_of_the_starter_as_measured_in_a_worker(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
):
    # Bytes of all storages of the loaded model, bitsandbytes 0.49, AVX512-BF16, after the first forward pass
    monkeypatch.setattr(levels, "fast_bf16_cpu", lambda: True)
    monkeypatch.setattr("studio.models.estimate.fast_bf16_cpu", lambda: True)
    measured = {"full": 269_030_272, "int8": 163_484_032, "nf4": 113_109_832, "fp4": 113_109_832}
    card = catalogue.get("smollm2-135m-instruct")
    for level, count in measured.items():
        assert weights_bytes(card, level, "cpu") == pytest.approx(count, rel=0.001)


def test_every_level_of_a_llama(make_model: MakeModel):
    card = inspect_folder(make_model(), "tiny")
    linear, whole = 2 * (12_288 + 24_576), 40_960 + 64 + 2 * 128
    rows = 2 * (64 + 32 + 32 + 64 + 128 + 128 + 64)
    assert weights_bytes(card, "full", "cuda:0") == 2 * (linear + whole)
    assert weights_bytes(card, "int8", "cuda:0") == linear + 4 * rows + 2 * whole
    four_bits = weights_bytes(card, "nf4", "cuda:0") - 2 * whole
    # Half a byte and a scale of a byte per 64 weights, and two code books a layer
    assert linear * (1 / 2 + 1 / 64) < four_bits < linear * (1 / 2 + 1 / 64) + 14 * 1200
    assert weights_bytes(card, "fp4", "cuda:0") == weights_bytes(card, "nf4", "cuda:0")


def test_the_kv_cache_of_the_starter_as_measured(catalogue: Catalogue):
    found = estimate(catalogue.get("smollm2-135m-instruct"), "full", 2048, "cuda:0", PLENTY)
    assert found.kv_cache_bytes == 47_185_920


@pytest.mark.parametrize(
    ("changes", "values"),
    [
        ({}, 2 * 2 * 2 * 16 * 100),
        ({"num_key_value_heads": None}, 2 * 2 * 4 * 16 * 100),
        ({"head_dim": 32}, 2 * 2 * 2 * 32 * 100),
        ({"sliding_window": 10}, 2 * 2 * 2 * 16 * 10),
        ({"sliding_window": 10, "use_sliding_window": False}, 2 * 2 * 2 * 16 * 100),
        ({"sliding_window": 10, "layer_types": ["sliding_attention", "full_attention"]}, 2 * 2 * 16 * 110),
        ({"layer_types": ["linear_attention", "full_attention"]}, 2 * 2 * 16 * 100),
        ({"sliding_window": 10, "sliding_window_pattern": 2}, 2 * 2 * 16 * 110),
        (
            {"kv_lora_rank": 8, "qk_nope_head_dim": 12, "qk_rope_head_dim": 4, "v_head_dim": 12},
            2 * 4 * (16 + 12) * 100,
        ),
        ({"num_attention_heads": None}, 0),
    ],
)
def test_the_kv_cache_follows_the_architecture(changes: dict, values: int):
    assert kv_cache_bytes(LLAMA | changes, 100, 2) == 2 * values


def test_embedders_keep_no_cache(make_model: MakeModel):
    shapes = {"bert.embeddings.word_embeddings.weight": (320, 64)}
    card = inspect_folder(make_model("bert", BERT, shapes), "bert")
    assert estimate(card, "full", 512, "cpu", PLENTY).kv_cache_bytes == 0


def test_fit_is_told_with_numbers_and_what_would_fit_instead(catalogue: Catalogue):
    card = catalogue.get("smollm2-135m-instruct")
    total = estimate(card, "full", 2048, "cuda:0", PLENTY).total_bytes

    fits = estimate(card, "full", 2048, "cuda:0", total + 600 * 2**20)
    tight = estimate(card, "full", 2048, "cuda:0", total + 1)
    too_large = estimate(card, "full", 2048, "cuda:0", total - 1)
    assert (fits.fit, tight.fit, too_large.fit) == ("fits", "tight", "does not fit")
    assert [found.reason["code"] for found in (fits, tight, too_large)] == ["Fits", "FitsTightly", "TooLarge"]
    for found in (fits, tight, too_large):
        assert "GPU 0" in found.reason["en"]
        assert "显卡 0" in found.reason["zh"]
        assert "MB" in found.reason["zh"]
    assert "smaller model" in too_large.reason["en"]


def test_a_smaller_level_is_suggested_when_it_leaves_the_reserve(make_model: MakeModel):
    shapes = {"model.layers.0.mlp.up_proj.weight": (40_000, 40_000)}
    card = inspect_folder(make_model("wide", LLAMA, {"model.norm.weight": (64,)}), "wide")
    assert card.path is not None
    _write_header_only(card.path, shapes)
    card = replace(inspect_folder(card.path, "wide"), levels=tuple(LEVELS))
    found = estimate(card, "full", 512, "cuda:0", 3_000_000_000)
    assert found.fit == "does not fit"
    assert "At int8 it would need about 2.1 GB" in found.reason["en"]
    assert "改用 int8" in found.reason["zh"]


def test_a_shorter_context_is_suggested_when_only_the_cache_is_too_large(catalogue: Catalogue):
    card = replace(catalogue.get("smollm2-135m-instruct"), levels=("full",))
    short = estimate(card, "full", 512, "cpu", PLENTY).total_bytes
    found = estimate(card, "full", 8192, "cpu", short + 513 * 2**20)
    assert found.fit != "fits"
    assert "512 tokens" in found.reason["en"]
    assert "512" in found.reason["zh"]


def test_levels_that_a_model_cannot_have(make_model: MakeModel):
    shapes = {"bert.embeddings.word_embeddings.weight": (320, 64)}
    encoder = inspect_folder(make_model("bert", BERT, shapes), "bert")
    with pytest.raises(LevelUnavailable, match="only run at full"):
        estimate(encoder, "nf4", 512, "cpu", PLENTY)
    packed = make_model("packed", LLAMA | {"quantization_config": {"quant_method": "bitsandbytes"}})
    reason = why_not(inspect_folder(packed, "packed"), "int8")
    assert reason is not None
    assert reason.code == "AlreadyQuantized"
    experts = replace(inspect_folder(make_model("moe"), "moe"), levels=("full",))
    reason = why_not(experts, "nf4")
    assert reason is not None
    assert reason.code == "ExpertsStayWhole"
    with pytest.raises(UnknownLevel, match="full, int8, nf4, fp4"):
        estimate(encoder, "q5", 512, "cpu", PLENTY)


def test_a_folder_that_went_away(make_model: MakeModel, tmp_path: Path):
    card = replace(inspect_folder(make_model(), "tiny"), path=tmp_path / "gone")
    with pytest.raises(FolderGone):
        estimate(card, "full", 512, "cpu", PLENTY)


def test_now_and_here_without_being_told(catalogue: Catalogue):
    found = estimate(catalogue.get("all-minilm-l6-v2"), "full", 256)
    assert found.available_bytes > 0
    assert found.device


def _write_header_only(folder: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """Weights that are all hole: a large model without its bytes."""
    import json
    import math
    import struct

    end = 0
    header = {}
    for name, shape in shapes.items():
        size = 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
