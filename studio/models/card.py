"""The model card: one catalogue entry, what is known of one model."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["chat", "base", "embedding", "reranker", "encoder", "encoder-decoder"]
Source = Literal["starter", "folder", "hub", "catalogue"]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One model. `parameters` counts all experts; None and empty mean unknown, never invented."""

    id: str
    name: str
    family: str
    kind: Kind
    source: Source
    parameters: int | None = None
    context_length: int | None = None
    languages: tuple[str, ...] = ()
    licence: str = ""
    levels: tuple[str, ...] = ()
    installed: bool = False
    # Folder with config.json, weights and tokenizer; None until the model is on this machine.
    path: Path | None = None
    revision: str = ""
    hub_id: str = ""
    note_en: str = ""
    note_zh: str = ""
    # Embedders only
    dimension: int | None = None
    max_tokens: int | None = None
    query_prefix: str = ""
    passage_prefix: str = ""

    def as_dict(self) -> dict[str, Any]:
        """What `studio models list` prints (DESIGN section 5)."""
        return {
            "id": self.id,
            "name": self.name,
            "family": self.family,
            "kind": self.kind,
            "parameters": self.parameters,
            "context_length": self.context_length,
            "languages": list(self.languages),
            "licence": self.licence,
            "source": self.source,
            "installed": self.installed,
            "levels": list(self.levels),
        }


Fit = Literal["fits", "tight", "does not fit"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a model at a level would take on a device, computed without loading it. All in bytes.

    `reason` says in both languages why the fit is what it is, with the numbers and what would fit instead.
    """

    weights_bytes: int
    kv_cache_bytes: int
    overhead_bytes: int
    available_bytes: int
    fit: Fit
    device: str
    reason: dict[str, str] = field(default_factory=dict)

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.kv_cache_bytes + self.overhead_bytes

    def as_dict(self) -> dict[str, Any]:
        """What `studio models estimate` prints (DESIGN section 5)."""
        return {
            "weights_bytes": self.weights_bytes,
            "kv_cache_bytes": self.kv_cache_bytes,
            "overhead_bytes": self.overhead_bytes,
            "total_bytes": self.total_bytes,
            "available_bytes": self.available_bytes,
            "fit": self.fit,
            "reason": self.reason.get("en", ""),
        }
