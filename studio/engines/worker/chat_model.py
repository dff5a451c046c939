"""A chat model in the worker: loading it at a level, and generating."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    StoppingCriteria,
    StoppingCriteriaList,
)
from transformers.generation.streamers import BaseStreamer

from studio.engines.base import Done, Message, Progress, ProgressCallback, Sampling, Text, Usage
from studio.engines.errors import NotAChatModel, PromptTooLong
from studio.engines.worker.prompt import TRANSCRIPT_STOPS, render
from studio.engines.worker.stream import Detokenizer, StopStrings
from studio.models.card import ModelCard
from studio.models.levels import full_bytes_per_weight

# Where neither the model nor its card says how much it can read.
USUAL_CONTEXT = 2048

# How often a load says how far it is.
STEPS = 20

Emit = Callable[[Text], None]


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
        stage = "quantize" if quantize is not None else "weights"
        progress(Progress(stage, 0.1))
        with _progress_of_loading(lambda part: progress(Progress(stage, 0.1 + 0.8 * part))):
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
        writer = _Writer(self._decode, stops, self._end_tokens, emit, halt, started)
        limit = min(sampling.max_tokens, room)
        ids = torch.tensor([prompt], device=self.device)
        torch.manual_seed(sampling.seed) if sampling.seed is not None else torch.seed()
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


class _Writer(BaseStreamer):
    """Takes tokens from `generate`, gives text to `emit`, and says when to stop."""

    def __init__(
        self,
        decode: Callable[[Sequence[int]], str],
        stops: Sequence[str],
        end_tokens: Sequence[int],
        emit: Emit,
        halt: threading.Event,
        started: float,
    ):
        self._text = Detokenizer(decode)
        self._stops = StopStrings(stops)
        self._end_tokens = frozenset(end_tokens)
        self._emit = emit
        self._halt = halt
        self._started = started
        self._prompt_passed = False
        self._first: float | None = None
        self._last = started
        self._tokens = 0
        self._ended = False
        self.criterion = _Stop(self)

    @property
    def must_stop(self) -> bool:
        return self._stops.hit or self._halt.is_set()

    @property
    def reason(self) -> Any:
        if self._ended or self._stops.hit:
            return "stop"
        return "cancelled" if self._halt.is_set() else "length"

    def put(self, value: torch.Tensor) -> None:
        if not self._prompt_passed:
            self._prompt_passed = True
            return
        for token in value.reshape(-1).tolist():
            self._take(token)

    def _take(self, token: int) -> None:
        self._last = time.perf_counter()
        self._tokens += 1
        if self._first is None:
            self._first = self._last
        if token in self._end_tokens:
            self._ended = True
        elif not self._ended:
            self._write(self._stops.add(self._text.add(token)))

    def end(self) -> None:
        """Called by `generate`; `finish` does what is left, also after an exception."""

    def finish(self) -> None:
        if not self._stops.hit:
            self._write(self._stops.add(self._text.rest()))
            self._write(self._stops.rest())

    def _write(self, text: str) -> None:
        if text:
            self._emit(Text(text))

    def usage(self, prompt_tokens: int) -> Usage:
        speed = None
        if self._first is not None and self._tokens > 1 and self._last > self._first:
            speed = (self._tokens - 1) / (self._last - self._first)
        return Usage(
            prompt_tokens=prompt_tokens,
            completion_tokens=self._tokens,
            ttft_seconds=None if self._first is None else self._first - self._started,
            tokens_per_second=speed,
        )


class _Stop(StoppingCriteria):
    """Ends `generate` after the token during which it was told to."""

    def __init__(self, writer: _Writer):
        self._writer = writer

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return torch.full((input_ids.shape[0],), self._writer.must_stop, device=input_ids.device)


class _progress_of_loading:
    """While entered, the bars that transformers draws while it loads are told to `tell` (0–1) instead."""

    def __init__(self, tell: Callable[[float], None]):
        self._tell = tell

    def __enter__(self) -> None:
        transformers.utils.logging.set_tqdm_hook(self._bar)

    def __exit__(self, *_: object) -> None:
        transformers.utils.logging.set_tqdm_hook(None)

    def _bar(self, factory: Any, args: Any, options: dict[str, Any]) -> Any:
        return _Bar(args[0] if args else options.get("iterable"), options.get("total"), self._tell)


class _Bar:
    """As much of tqdm as transformers uses."""

    def __init__(self, items: Any, total: int | None, tell: Callable[[float], None]):
        self._items = items
        self._total = total or (len(items) if hasattr(items, "__len__") else 0)
        self._tell = tell
        self._done = 0
        self._told = 0

    def __iter__(self) -> Any:
        for item in self._items:
            yield item
            self.update(1)

    def update(self, count: int = 1) -> None:
        self._done += count
        step = STEPS * self._done // self._total if self._total else 0
        if step > self._told:
            self._told = step
            self._tell(min(step, STEPS) / STEPS)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


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
