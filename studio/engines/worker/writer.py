"""From the tokens of `generate` to `Text` events, and when to stop."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import StoppingCriteria
from transformers.generation.streamers import BaseStreamer

from studio.engines.base import Text, Usage
from studio.engines.worker.stream import Detokenizer, StopStrings

Emit = Callable[[Text], None]


class Writer(BaseStreamer):
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

    def __init__(self, writer: Writer):
        self._writer = writer

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return torch.full((input_ids.shape[0],), self._writer.must_stop, device=input_ids.device)
