"""What a folder holds is told from its config and headers alone."""

from pathlib import Path

import pytest
from tiny_models import BERT, LLAMA, MakeModel, Shapes, llama_shapes

from studio.models.errors import (
    BrokenModel,
    FolderGone,
    NoConfig,
    NoWeights,
    UnsupportedArchitecture,
    UnsupportedKind,
    UnsupportedQuantization,
    UnsupportedWeights,
)
from studio.models.inspect import inspect_folder

MOE: Shapes = {
    "model.embed_tokens.weight": (320, 64),
    "lm_head.weight": (320, 64),
    "model.layers.0.self_attn.q_proj.weight": (64, 64),
    "model.layers.0.block_sparse_moe.gate.weight": (8, 64),
    **{
        f"model.layers.0.block_sparse_moe.experts.{n}.{part}.weight": (256, 64)
        for n in range(8)
        for part in ("w1", "w3")
    },
}
ENCODER: Shapes = {
    "bert.embeddings.word_embeddings.weight": (320, 64),
    "bert.embeddings.position_ids": (1, 128),
    "bert.encoder.layer.0.output.dense.weight": (64, 64),
}


def test_a_llama(make_model: MakeModel):
    readme = "---\nlanguage:\n- en\n- zh\nlicense: apache-2.0\n---\n# Tiny\n"
    folder = make_model(files={"tokenizer_config.json": {"chat_template": "{{ x }}"}, "README.md": readme})
    card = inspect_folder(folder, "tiny")
    assert (card.kind, card.family, card.context_length) == ("chat", "llama", 512)
    assert (card.languages, card.licence) == (("en", "zh"), "Apache-2.0")
    # 2 x 320 x 64 embeddings, 64 norm; a layer: 12,288 attention, 24,576 MLP, 128 norms
    assert card.parameters == 40_960 + 64 + 2 * (12_288 + 24_576 + 128)
    assert card.levels == ("full", "int8", "nf4", "fp4")
    assert card.installed


def test_tied_weights_that_are_stored_twice_count_once(make_model: MakeModel):
    apart = inspect_folder(make_model("apart"), "x").parameters
    tied = inspect_folder(make_model("tied", LLAMA | {"tie_word_embeddings": True}), "x").parameters
    assert (apart, tied) == (115_008, 115_008 - 320 * 64)


def test_without_a_chat_template_it_is_a_base_model(make_model: MakeModel):
    assert inspect_folder(make_model(), "tiny").kind == "base"


@pytest.mark.parametrize("file", ["chat_template.jinja", "chat_template.json"])
def test_a_chat_template_in_a_file_of_its_own(make_model: MakeModel, file: str):
    assert inspect_folder(make_model(files={file: "{}"}), "tiny").kind == "chat"


def test_a_mixture_counts_all_experts_and_only_runs_at_full(make_model: MakeModel):
    config = LLAMA | {"architectures": ["MixtralForCausalLM"], "model_type": "mixtral"}
    card = inspect_folder(make_model("moe", config, MOE), "moe")
    assert card.parameters == 2 * 320 * 64 + 64 * 64 + 8 * 64 + 16 * 256 * 64
    assert card.levels == ("full",)


def test_a_sequence_to_sequence_model(make_model: MakeModel):
    config = {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "is_encoder_decoder": True}
    shapes: Shapes = {"shared.weight": (320, 64), "encoder.block.0.layer.0.SelfAttention.q.weight": (64, 64)}
    assert inspect_folder(make_model("t5", config, shapes), "t5").kind == "encoder-decoder"


def test_gpt2_masks_are_not_parameters(make_model: MakeModel):
    config = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_positions": 256}
    shapes: Shapes = {
        "wte.weight": (320, 64),
        "h.0.attn.bias": (1, 1, 256, 256),
        "h.0.attn.c_attn.bias": (192,),
    }
    card = inspect_folder(make_model("gpt2", config, shapes), "gpt2")
    assert (card.kind, card.parameters, card.context_length) == ("base", 320 * 64 + 192, 256)


@pytest.mark.parametrize("architecture", ["BertForMaskedLM", "BertModel"])
def test_a_bare_encoder(make_model: MakeModel, architecture: str):
    card = inspect_folder(make_model("bert", BERT | {"architectures": [architecture]}, ENCODER), "bert")
    assert (card.kind, card.dimension, card.max_tokens, card.levels) == ("encoder", 64, 128, ("full",))
    assert card.parameters == 320 * 64 + 64 * 64


def test_an_embedder(make_model: MakeModel):
    files = {
        "modules.json": [{"type": "sentence_transformers.models.Transformer", "path": ""}],
        "1_Pooling/config.json": {"word_embedding_dimension": 64},
        "sentence_bert_config.json": {"max_seq_length": 96},
        "config_sentence_transformers.json": {"prompts": {"query": "find: ", "document": "text: "}},
    }
    card = inspect_folder(make_model("embedder", BERT, ENCODER, files), "embedder")
    assert (card.kind, card.dimension, card.max_tokens, card.levels) == ("embedding", 64, 96, ("full",))
    assert (card.query_prefix, card.passage_prefix) == ("find: ", "text: ")


def test_e5_needs_its_prefixes_even_when_it_does_not_say_so(make_model: MakeModel):
    folder = make_model("multilingual-e5-small", BERT, ENCODER, {"modules.json": []})
    card = inspect_folder(folder, "e5")
    assert (card.query_prefix, card.passage_prefix) == ("query: ", "passage: ")


def test_a_reranker_gives_one_number_and_a_classifier_several(make_model: MakeModel):
    config = BERT | {"architectures": ["BertForSequenceClassification"]}
    one = make_model("one", config | {"id2label": {"0": "LABEL_0"}}, ENCODER)
    two = make_model("two", config, ENCODER)
    assert inspect_folder(one, "x").kind == "reranker"
    assert inspect_folder(two, "x").kind == "encoder"


def test_shards_are_counted_together(make_model: MakeModel):
    folder = make_model()
    whole = inspect_folder(folder, "x")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    index = '{"weight_map": {"lm_head.weight": "model-00001-of-00001.safetensors"}}'
    (folder / "model.safetensors.index.json").write_text(index)
    assert inspect_folder(folder, "x").parameters == whole.parameters
    (folder / "model-00001-of-00001.safetensors").unlink()
    with pytest.raises(BrokenModel, match="model-00001-of-00001"):
        inspect_folder(folder, "x")


def test_packed_four_bit_weights_count_as_the_parameters_they_are(make_model: MakeModel):
    import numpy as np
    from safetensors.numpy import save_file

    folder = make_model("packed", LLAMA | {"quantization_config": {"quant_method": "bitsandbytes"}})
    packed = {
        "model.embed_tokens.weight": np.zeros((320, 64), np.float16),
        "model.layers.0.self_attn.q_proj.weight": np.zeros((2048, 1), np.uint8),
        "model.layers.0.self_attn.q_proj.weight.absmax": np.zeros(64, np.uint8),
        "model.layers.0.self_attn.q_proj.weight.quant_state.bitsandbytes__nf4": np.zeros(80, np.uint8),
    }
    save_file(packed, folder / "model.safetensors")
    card = inspect_folder(folder, "packed")
    assert (card.parameters, card.levels) == (320 * 64 + 64 * 64, ("full",))


def test_the_revision_follows_the_weights_and_nothing_else(make_model: MakeModel):
    first, same, other = make_model("a"), make_model("b"), make_model("c", seed=1)
    assert inspect_folder(first, "a").revision == inspect_folder(same, "b").revision
    assert inspect_folder(first, "a").revision != inspect_folder(other, "c").revision


def test_a_folder_that_is_gone(tmp_path: Path):
    with pytest.raises(FolderGone):
        inspect_folder(tmp_path / "nothing", "x")


def test_no_config(tmp_path: Path):
    with pytest.raises(NoConfig):
        inspect_folder(tmp_path, "x")


def test_no_weights(make_model: MakeModel):
    folder = make_model()
    (folder / "model.safetensors").unlink()
    with pytest.raises(NoWeights):
        inspect_folder(folder, "x")


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.pth", "model-q4.gguf", "tf_model.h5"])
def test_weights_in_other_formats(make_model: MakeModel, file: str):
    folder = make_model()
    (folder / "model.safetensors").rename(folder / file)
    with pytest.raises(UnsupportedWeights):
        inspect_folder(folder, "x")


@pytest.mark.parametrize("kept", [0, 4, 100, 20_000])
def test_truncated_weights(make_model: MakeModel, kept: int):
    folder = make_model()
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:kept])
    with pytest.raises(BrokenModel, match=r"model\.safetensors"):
        inspect_folder(folder, "x")


def test_an_unreadable_config(make_model: MakeModel):
    folder = make_model()
    (folder / "config.json").write_text('{"model_type": "lla')
    with pytest.raises(BrokenModel, match=r"config\.json"):
        inspect_folder(folder, "x")


@pytest.mark.parametrize("model_type", ["baichuan", "chatglm", "", "no-such-type"])
def test_what_transformers_does_not_know(make_model: MakeModel, model_type: str):
    config = LLAMA | {
        "model_type": model_type,
        "architectures": ["RemoteForCausalLM"],
        "auto_map": {"AutoConfig": "x"},
    }
    with pytest.raises(UnsupportedArchitecture):
        inspect_folder(make_model("remote", config), "x")


def test_a_model_for_pictures(make_model: MakeModel):
    config = {"architectures": ["ViTForImageClassification"], "model_type": "vit"}
    with pytest.raises(UnsupportedKind):
        inspect_folder(make_model("vit", config, llama_shapes()), "x")


def test_another_quantizer(make_model: MakeModel):
    config = LLAMA | {"quantization_config": {"quant_method": "gptq", "bits": 4}}
    with pytest.raises(UnsupportedQuantization, match="gptq"):
        inspect_folder(make_model("gptq", config), "x")
