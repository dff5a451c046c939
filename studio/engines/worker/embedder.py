"""An embedding model in the worker."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers import SentenceTransformer

from studio.engines.base import Progress, ProgressCallback, TextKind
from studio.engines.worker.chat_model import full_dtype
from studio.models.card import ModelCard

# Texts of like length share a batch, so little of it is padding; larger batches gain nothing on a CPU.
BATCH = {"cpu": 32, "cuda": 128}


class Embedder:
    """A sentence-transformers model from a local folder."""

    has_chat_template = False

    def __init__(self, card: ModelCard, device: str, progress: ProgressCallback):
        """Load from the card's folder, never from the network. Raises what sentence-transformers raises."""
        assert card.path is not None
        self.card = card
        self.device = device
        self.dtype = full_dtype(device)
        progress(Progress("weights", 0.2))
        self.model = SentenceTransformer(
            str(card.path),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"dtype": self.dtype, "use_safetensors": True},
        )
        self.model.eval()
        if device == "cpu":
            for parameter in self.model.parameters():
                parameter.data = parameter.data.clone()
        # Counting goes on while another thread embeds, which sets truncation on the tokenizer it uses.
        self._counter: Any = copy.deepcopy(self.model.tokenizer)
        self.context_length = int(card.max_tokens or self.model.get_max_seq_length() or 512)

    def warm_up(self) -> None:
        """Run once, so that the first text does not pay for what is made on first use."""
        self.embed(["warm-up"], "passage")

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens."""
        if not texts:
            return []
        encoded = self._counter(list(texts), add_special_tokens=False, truncation=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def embed(self, texts: Sequence[str], kind: TextKind) -> npt.NDArray[np.float32]:
        """Unit-length vectors, shape (len(texts), dimension), float32."""
        prefix = self.card.query_prefix if kind == "query" else self.card.passage_prefix
        if not texts:
            return np.zeros((0, self.card.dimension or 0), dtype=np.float32)
        with torch.inference_mode():
            vectors = self.model.encode(
                [prefix + text for text in texts],
                batch_size=BATCH[self.device.partition(":")[0]],
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=False,
            )
        # Normalized here and in float32: in bfloat16 a length of 1 is off by up to half a percent.
        exact = np.asarray(vectors, dtype=np.float32)
        return exact / np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-12)
