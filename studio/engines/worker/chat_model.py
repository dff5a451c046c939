"""A chat model in the worker: loading it at a level, and generating."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    StoppingCriteriaList,
)

from studio.engines.base import Done, Message, Progress, ProgressCallback, Sampling, Stage
from studio.engines.errors import NotAChatModel, PromptTooLong
from studio.engines.worker.progress import progress_of_loading
from studio.engines.worker.prompt import TRANSCRIPT_STOPS, render
from studio.engines.worker.writer import Emit, Writer
from studio.models.card import ModelCard
from studio.models.levels import full_bytes_per_weight

# Where neither the model nor its card says how much it can read.
USUAL_CONTEXT = 2048


class Cancelled(Exception):
    """Raised inside the model's forward pass to leave a prefill that nobody waits for."""


def full_dtype(device: str) -> torch.dtype:
    """The dtype of unquantized weights: the same choice as the estimate makes (`models/levels.py`)."""
    if full_bytes_per_weight(device) == 4:
        return torch.float32
    if device == "cpu" or torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float16


def quantization(level: str, dtype: torch.dtype) -> BitsAndBytesConfig | None:
    """What bitsandbytes is to do at this level; None at `full`."""
    if level == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    if level in ("nf4", "fp4"):
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=level,
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    return None


class ChatModel:
    """A loaded causal or encoder-decoder language model. Generates one answer at a time."""

    def __init__(self, card: ModelCard, level: str, device: str, progress: ProgressCallback):
        """Load from the card's folder, never from the network. Raises whatever transformers raises."""
        assert card.path is not None
        self.card = card
        self.device = device
        self.dtype = full_dtype(device)
        config = AutoConfig.from_pretrained(card.path, local_files_only=True, trust_remote_code=False)
        _refuse_encoders(card, config)
        self.tokenizer = _tokenizer(card.path)
        self.is_encoder_decoder = bool(config.is_encoder_decoder)
        self.model = self._load(card.path, level, config, progress)
        self.context_length = _context_length(card, config)
        self._end_tokens = _end_tokens(self.model.generation_config, self.tokenizer)
        # What the maker of the model set (top_k 50, a repetition penalty, …) would change what temperature
        # and top-p mean here, and nobody could see it. Only the ids of special tokens are kept.
        self.model.generation_config = self._bare_generation_config()
        self._halt = threading.Event()
        self._watch_halt()

    @property
    def has_chat_template(self) -> bool:
        return self.tokenizer.chat_template is not None

    # -- loading -------------------------------------------------------------------------------------------

    def _load(self, folder: Path, level: str, config: Any, progress: ProgressCallback) -> Any:
        kind = AutoModelForSeq2SeqLM if self.is_encoder_decoder else AutoModelForCausalLM
        quantize = quantization(level, self.dtype)
        stage: Stage = "quantize" if quantize is not None else "weights"
        progress(Progress(stage, 0.1))
        with progress_of_loading(lambda part: progress(Progress(stage, 0.1 + 0.8 * part))):
            model = kind.from_pretrained(
                folder,
                config=config,
                dtype=self.dtype,
                quantization_config=quantize,
                device_map={"": self.device},
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
        model.eval()
        if self.device == "cpu":
            _copy_out_of_file(model)
        return model

    def _bare_generation_config(self) -> GenerationConfig:
        given = self.model.generation_config
        padding = self.tokenizer.pad_token_id
        return GenerationConfig(
            bos_token_id=given.bos_token_id,
            decoder_start_token_id=given.decoder_start_token_id,
            eos_token_id=self._end_tokens or None,
            pad_token_id=padding if padding is not None else next(iter(self._end_tokens), 0),
        )

    def warm_up(self) -> None:
        """Run once, so that the first question does not pay for what is made on first use."""
        ids = torch.tensor([[self.tokenizer.bos_token_id or 0] * 8], device=self.device)
        with torch.inference_mode():
            self.model.generate(ids, max_new_tokens=2, do_sample=False)

    def _watch_halt(self) -> None:
        def check(*_: Any) -> None:
            if self._halt.is_set():
                raise Cancelled

        for module in self.model.modules():
            if isinstance(module, torch.nn.ModuleList):
                for layer in module:
                    layer.register_forward_pre_hook(check)

    # -- prompts -------------------------------------------------------------------------------------------

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt as text."""
        return render(self.tokenizer, messages, self.card.name, self.is_encoder_decoder)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens."""
        if not texts:
            return []
        # Safe while another thread generates: without padding and truncation the tokenizer is only read.
        encoded = self.tokenizer(list(texts), add_special_tokens=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def _encode(self, messages: Sequence[Message]) -> list[int]:
        prompt = render(self.tokenizer, messages, self.card.name, self.is_encoder_decoder)
        # A chat template writes its own special tokens.
        return self.tokenizer(prompt, add_special_tokens=not self.has_chat_template, verbose=False)[
            "input_ids"
        ]

    # -- generating ----------------------------------------------------------------------------------------

    def generate(
        self, messages: Sequence[Message], sampling: Sampling, emit: Emit, halt: threading.Event
    ) -> Done:
        """Write an answer through `emit`. `halt` ends it within one token. Raises `PromptTooLong`."""
        started = time.perf_counter()
        prompt = self._encode(messages)
        room = self.context_length - (0 if self.is_encoder_decoder else len(prompt))
        if len(prompt) + 1 > self.context_length:
            raise PromptTooLong(model=self.card.name, tokens=len(prompt), limit=self.context_length - 1)
        stops = sampling.stop if self.has_chat_template else (*sampling.stop, *TRANSCRIPT_STOPS)
        writer = Writer(self._decode, stops, self._end_tokens, emit, halt, started)
        limit = min(sampling.max_tokens, room)
        ids = torch.tensor([prompt], device=self.device)
        if sampling.seed is None:
            torch.seed()
        else:
            torch.manual_seed(sampling.seed)
        self._halt = halt
        try:
            with torch.inference_mode():
                self.model.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    generation_config=_generation_config(sampling, limit),
                    streamer=writer,
                    stopping_criteria=StoppingCriteriaList([writer.criterion]),
                )
        except Cancelled:
            pass
        finally:
            self._halt = threading.Event()
        writer.finish()
        return Done(writer.reason, writer.usage(len(prompt)))

    def _decode(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def _generation_config(sampling: Sampling, limit: int) -> GenerationConfig:
    # top_k 0: no cut besides top-p, unlike transformers' own default of 50.
    if sampling.temperature <= 0 or sampling.top_p <= 0:
        return GenerationConfig(max_new_tokens=limit, do_sample=False)
    return GenerationConfig(
        max_new_tokens=limit,
        do_sample=True,
        temperature=sampling.temperature,
        top_p=min(sampling.top_p, 1.0),
        top_k=0,
    )


def _refuse_encoders(card: ModelCard, config: Any) -> None:
    """Raises `NotAChatModel` for models without a language-modelling head to write with."""
    architectures = config.architectures or []
    writes = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForImageTextToText")
    if architectures and not any(name.endswith(writes) for name in architectures):
        raise NotAChatModel(model=card.name)


def _tokenizer(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _context_length(card: ModelCard, config: Any) -> int:
    text = config.get_text_config()
    for name in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
        length = getattr(text, name, None)
        if isinstance(length, int) and length > 0:
            return length
    return card.context_length or USUAL_CONTEXT


def _end_tokens(given: GenerationConfig, tokenizer: Any) -> list[int]:
    ends = given.eos_token_id if isinstance(given.eos_token_id, list) else [given.eos_token_id]
    return sorted({token for token in (*ends, tokenizer.eos_token_id) if token is not None})


def _copy_out_of_file(model: torch.nn.Module) -> None:
    """Move plain weights from the mapped file into memory of this process.

    Mapped weights are memory that the system may take back and that no process seems to own: they would
    measure as next to nothing and be read from disk in the middle of an answer. Quantized ones are copies.
    """
    for parameter in model.parameters():
        if type(parameter) is torch.nn.Parameter:
            parameter.data = parameter.data.clone()
