"""Which architectures the installed Transformers can run, read from its tables without importing it.

Importing them takes two seconds and brings torch into the page process.
"""

import ast
import functools
import importlib.util
from pathlib import Path


@functools.cache
def _tables() -> dict[str, dict[str, str]]:
    """{table name: {model_type: class name}} of Transformers' auto classes."""
    found = importlib.util.find_spec("transformers")
    if found is None or found.origin is None:
        return {}
    folder = Path(found.origin).parent / "models" / "auto"
    tables: dict[str, dict[str, str]] = {}
    for file in ("auto_mappings.py", "configuration_auto.py", "modeling_auto.py"):
        if (folder / file).is_file():
            for name, table in _read_tables(folder / file).items():
                tables[name] = table | tables.get(name, {})
    return tables


def _read_tables(path: Path) -> dict[str, dict[str, str]]:
    tables = {}
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
            continue
        target = statement.targets[0]
        if isinstance(target, ast.Name) and target.id.endswith("_MAPPING_NAMES"):
            tables[target.id] = _literal(statement.value)
    return tables


def _literal(call: ast.Call) -> dict[str, str]:
    """The entries of `OrderedDict([...])` or `OrderedDict(**{...})` that are written out."""
    entries: dict[str, str] = {}
    for part in (*call.args, *(keyword.value for keyword in call.keywords if keyword.arg is None)):
        if isinstance(part, ast.Dict):
            entries.update(ast.literal_eval(part))
        if isinstance(part, ast.List):
            written_out = [entry for entry in part.elts if isinstance(entry, ast.Tuple)]
            entries.update(ast.literal_eval(entry) for entry in written_out)
    return entries


def is_known(model_type: str) -> bool:
    """Whether Transformers has code of its own for this `model_type`."""
    return model_type in _tables().get("CONFIG_MAPPING_NAMES", {})


def _has(table: str, model_type: str, architecture: str) -> bool:
    entry = _tables().get(f"MODEL_FOR_{table}_MAPPING_NAMES", {}).get(model_type)
    return entry is not None and (not architecture or architecture in entry or architecture == entry)


def is_causal_lm(model_type: str, architecture: str) -> bool:
    """Whether it writes text token by token (`AutoModelForCausalLM`)."""
    return _has("CAUSAL_LM", model_type, architecture)


def is_sequence_to_sequence(model_type: str, architecture: str) -> bool:
    """Whether it reads with an encoder and writes text with a decoder (`AutoModelForSeq2SeqLM`)."""
    return _has("SEQ_TO_SEQ_CAUSAL_LM", model_type, architecture)


def is_text_encoder(model_type: str) -> bool:
    """Whether models of this type read text and fill in masked words, or only encode (`BERT`, `XLM-R`, …)."""
    return _has("MASKED_LM", model_type, "") or _has("TEXT_ENCODING", model_type, "")
