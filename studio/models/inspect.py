"""Looks at a model folder: what it is, how big, in which languages, and whether it can run here."""

import hashlib
import re
from pathlib import Path
from typing import Any

from studio.models import architectures
from studio.models.card import Kind, ModelCard, Source
from studio.models.errors import (
    FolderGone,
    UnsupportedArchitecture,
    UnsupportedKind,
    UnsupportedQuantization,
)
from studio.models.files import read_config, read_json, text_config, weight_files, weight_tensors
from studio.models.levels import levels_for
from studio.models.weights import count_parameters, is_expert, parameter_tensors

# What a fine-tune would change: this much of every weight file is sampled for its revision.
_SAMPLES, _SAMPLE_BYTES = 16, 65_536
_DESCRIBING = (
    "config.json",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "tokenizer.json",
)
_LICENCES = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "gpl-3.0": "GPL-3.0",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
}


def inspect_folder(folder: Path, model_id: str, source: Source = "folder", hub_id: str = "") -> ModelCard:
    """The card of the model in `folder`, from its config and the headers of its weights alone.

    Raises `FolderGone`, `NoConfig`, `NoWeights`, `UnsupportedWeights`, `UnsupportedQuantization`,
    `UnsupportedArchitecture`, `UnsupportedKind` or `BrokenModel`.
    """
    if not folder.is_dir():
        raise FolderGone(folder=folder)
    tensors = weight_tensors(folder)
    config = read_config(folder)
    kind = model_kind(folder, config)
    method = quantization_method(config)
    if method not in ("", "bitsandbytes"):
        raise UnsupportedQuantization(model=model_id, method=method)
    described = describe_readme(folder)
    parameters = count_parameters(config, tensors)
    in_experts = sum(t.elements for t in parameter_tensors(config, tensors) if is_expert(t))
    embedder = (
        embedder_facts(folder, config, hub_id or folder.name) if kind in ("embedding", "encoder") else {}
    )
    return ModelCard(
        id=model_id,
        name=hub_id.rpartition("/")[2] or folder.name,
        family=str(config.get("model_type", "")),
        kind=kind,
        source=source,
        parameters=parameters,
        context_length=context_length(folder, config),
        languages=described["languages"],
        licence=described["licence"],
        levels=levels_for(kind, quantized=bool(method), mostly_experts=2 * in_experts > parameters),
        installed=True,
        path=folder,
        revision=revision(folder),
        hub_id=hub_id,
        **embedder,
    )


def model_kind(folder: Path, config: dict[str, Any]) -> Kind:
    """What the model does. Raises `UnsupportedArchitecture` or `UnsupportedKind`."""
    model_type = str(config.get("model_type", ""))
    architecture = (config.get("architectures") or [""])[0]
    if not architectures.is_known(model_type):
        raise UnsupportedArchitecture(model=folder.name, architecture=model_type or architecture or "?")
    if architecture.endswith("ForSequenceClassification"):
        return "reranker" if label_count(config) == 1 else "encoder"
    if (folder / "modules.json").is_file():
        return "embedding"
    # BERT and its kin also have a decoder class; a config that does not ask for it is an encoder
    encoder = architectures.is_text_encoder(model_type) and not config.get("is_decoder")
    if architectures.is_sequence_to_sequence(model_type, architecture) and not architecture.endswith(
        "ForCausalLM"
    ):
        return "encoder-decoder"
    if architectures.is_causal_lm(model_type, architecture) and not (
        encoder and not architecture.endswith("ForCausalLM")
    ):
        return "chat" if has_chat_template(folder) else "base"
    if encoder:
        return "encoder"
    raise UnsupportedKind(model=folder.name, architecture=architecture or model_type)


def label_count(config: dict[str, Any]) -> int:
    """How many numbers a classifier gives for a text; a reranker gives one."""
    return len(config.get("id2label") or range(config.get("num_labels", 2)))


def has_chat_template(folder: Path) -> bool:
    """Whether the tokenizer says how a conversation is written for this model."""
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    return bool(read_json(folder / "tokenizer_config.json").get("chat_template"))


def quantization_method(config: dict[str, Any]) -> str:
    """What the files were quantized with (`bitsandbytes`, `gptq`, …); empty when they were not."""
    settings = config.get("quantization_config")
    return str(settings.get("quant_method", "?")) if isinstance(settings, dict) else ""


def context_length(folder: Path, config: dict[str, Any]) -> int | None:
    """Tokens that the model can read and write together; None when nothing says."""
    inner = text_config(config)
    for key in (
        "max_position_embeddings",
        "n_positions",
        "n_ctx",
        "max_seq_len",
        "seq_length",
        "max_sequence_length",
    ):
        if isinstance(inner.get(key), int):
            # RoBERTa counts positions from the padding id on
            return (
                inner[key] - 2
                if inner.get("model_type") in ("roberta", "xlm-roberta", "camembert")
                else inner[key]
            )
    limit = read_json(folder / "tokenizer_config.json").get("model_max_length")
    # Tokenizers without a limit store an astronomical number
    return int(limit) if isinstance(limit, int | float) and 0 < limit < 100_000_000 else None


def embedder_facts(folder: Path, config: dict[str, Any], name: str) -> dict[str, Any]:
    """`dimension`, `max_tokens` and the prefixes that queries and passages need."""
    pooling = read_json(folder / "1_Pooling" / "config.json")
    dimension = pooling.get("word_embedding_dimension") or config.get("hidden_size") or config.get("d_model")
    for module in read_json(folder / "modules.json") or []:
        if str(module.get("type", "")).endswith("Dense"):
            dimension = read_json(folder / module["path"] / "config.json").get("out_features", dimension)
    length = context_length(folder, config)
    limit = read_json(folder / "sentence_bert_config.json").get("max_seq_length")
    prompts = read_json(folder / "config_sentence_transformers.json").get("prompts") or {}
    # The E5 family was trained with these and reads badly without; its older copies do not say so
    e5 = re.search(r"(^|[-_/])e5([-_]|$)", name.lower()) is not None
    return {
        "dimension": dimension,
        "max_tokens": min(filter(None, (limit, length)), default=None),
        "query_prefix": prompts.get("query") or ("query: " if e5 else ""),
        "passage_prefix": prompts.get("passage") or prompts.get("document") or ("passage: " if e5 else ""),
    }


def describe_readme(folder: Path) -> dict[str, Any]:
    """`languages` and `licence` from the front matter of the README, empty where it does not say."""
    facts = front_matter(folder / "README.md")
    languages = facts.get("language") or []
    licence = str(facts.get("license") or "").strip()
    if licence == "other":
        licence = str(facts.get("license_name") or "")
    return {
        "languages": tuple(str(code) for code in ([languages] if isinstance(languages, str) else languages)),
        "licence": _LICENCES.get(licence.lower(), licence),
    }


def front_matter(readme: Path) -> dict[str, Any]:
    """The YAML block at the head of a README; empty when there is none or it cannot be read."""
    import yaml  # type: ignore[import-untyped]

    try:
        with readme.open(encoding="utf-8", errors="replace") as file:
            text = file.read(65_536)
    except OSError:
        return {}
    block = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    try:
        facts = yaml.safe_load(block.group(1)) if block else None
    except yaml.YAMLError:
        return {}
    return facts if isinstance(facts, dict) else {}


def revision(folder: Path) -> str:
    """A fingerprint (hex) of what the model computes: its describing files and samples of its weights.

    Equal on every computer that holds the same files. Not every byte is read, so that a list of large models
    stays quick; a fine-tune changes all layers, and samples from all over the files see it.
    """
    digest = hashlib.sha256()
    for name in _DESCRIBING:
        if (folder / name).is_file():
            digest.update(name.encode() + (folder / name).read_bytes())
    for file in weight_files(folder):
        size = file.stat().st_size
        digest.update(f"{file.name} {size}".encode())
        with file.open("rb") as weights:
            for sample in range(_SAMPLES):
                weights.seek(sample * max(size - _SAMPLE_BYTES, 0) // (_SAMPLES - 1))
                digest.update(weights.read(_SAMPLE_BYTES))
    return digest.hexdigest()
