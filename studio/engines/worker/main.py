"""The worker's loop: one thread listens, one computes.

The listener answers what needs no weights (rendering, counting, probing, cancelling) while the other one
generates, and ends the process when the studio is gone.
"""

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from studio.engines.base import Done, Loaded, Progress, Usage
from studio.engines.errors import GenerationFailed, LoadFailed, NotAble, OutOfMemory, OutOfMemoryWhileLoading
from studio.engines.messages import (
    Answer,
    Ask,
    AskProbe,
    Cancel,
    Convert,
    Count,
    Embed,
    Failure,
    Generate,
    Load,
    Order,
    Render,
    Say,
)
from studio.sentences import StudioError


def main(handle: int) -> None:
    """Serve the pipe until the other side closes it."""
    Worker(_connection(handle)).run()


def _connection(handle: int) -> Any:
    if sys.platform == "win32":
        from multiprocessing.connection import PipeConnection

        return PipeConnection(handle)
    return Connection(handle)


class Worker:
    """One model at most, and the orders for it."""

    def __init__(self, connection: Any):
        self._connection = connection
        self._sending = threading.Lock()
        self._orders: queue.SimpleQueue[Ask] = queue.SimpleQueue()
        # Generations by call, until their turn comes or they are cancelled; then by request, while they run.
        self._waiting: dict[int, Generate] = {}
        self._halts: dict[str, threading.Event] = {}
        self._turns = threading.Lock()
        self._model: Any = None
        self._meter: Any = None
        self._ready = threading.Event()

    def run(self) -> None:
        """Listen and compute; never returns."""
        threading.Thread(target=self._listen, name="listener", daemon=True).start()
        _import_libraries()
        try:
            while True:
                self._take_turn(self._orders.get())
        except OSError:
            os._exit(0)

    # -- the listening thread ------------------------------------------------------------------------------

    def _listen(self) -> None:
        try:
            while True:
                self._sort(self._connection.recv())
        except (EOFError, OSError):
            # The studio is gone, however it went. Nothing here is worth finishing, and a thread in the middle
            # of a computation cannot be asked to.
            os._exit(0)

    def _sort(self, ask: Ask) -> None:
        order = ask.order
        if isinstance(order, Cancel):
            self._cancel(order.request)
        elif isinstance(order, Render | Count | AskProbe):
            self._answer(ask)
        else:
            if isinstance(order, Generate):
                with self._turns:
                    self._waiting[ask.call] = order
            self._orders.put(ask)

    def _cancel(self, request: str) -> None:
        """End a generation within a token, or at once where it still waits for its turn."""
        with self._turns:
            calls = [call for call, order in self._waiting.items() if order.request == request]
            for call in calls:
                del self._waiting[call]
            if halt := self._halts.get(request):
                halt.set()
        for call in calls:
            self._send(Answer(call, Done("cancelled", Usage(0, 0, None, None))))

    # -- both threads --------------------------------------------------------------------------------------

    def _send(self, message: Say | Answer | Failure) -> None:
        with self._sending:
            self._connection.send(message)

    def _answer(self, ask: Ask) -> None:
        try:
            value = self._do(ask)
        except StudioError as error:
            self._send(Failure(ask.call, error))
        except Exception as error:
            logging.getLogger(__name__).exception("%s failed", type(ask.order).__name__)
            self._send(Failure(ask.call, self._in_words(error, ask.order)))
        else:
            self._send(Answer(ask.call, value))

    def _in_words(self, error: Exception, order: Order) -> StudioError:
        loading = isinstance(order, Load | Convert)
        name = order.card.name if isinstance(order, Load | Convert) else self._name
        if _is_out_of_memory(error):
            from studio.engines.worker.measure import release_unused

            release_unused()
            kind = OutOfMemoryWhileLoading if loading else OutOfMemory
            return kind(model=name, device=self._meter.device if self._meter else "cpu")
        said = str(error).strip().splitlines()
        detail = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
        return (
            LoadFailed(model=name, detail=detail) if loading else GenerationFailed(model=name, detail=detail)
        )

    @property
    def _name(self) -> str:
        return self._model.card.name if self._model is not None else "?"

    def _do(self, ask: Ask) -> Any:
        order = ask.order

        def tell(event: Any) -> None:
            self._send(Say(ask.call, event))

        if isinstance(order, Load):
            return self._load(order, tell)
        if isinstance(order, Convert):
            return self._convert(order)
        if isinstance(order, AskProbe):
            return self._meter.probe()
        if isinstance(order, Count):
            return self._model.count(order.texts)
        if isinstance(order, Render):
            return self._model.render(order.messages)
        if isinstance(order, Embed):
            return self._model.embed(order.texts, order.kind)
        if isinstance(order, Generate):
            return self._generate(order, tell)
        raise NotAble(model=self._name, ability=type(order).__name__)

    # -- the computing thread ------------------------------------------------------------------------------

    def _take_turn(self, ask: Ask) -> None:
        order = ask.order
        if isinstance(order, Generate):
            with self._turns:
                if self._waiting.pop(ask.call, None) is None:
                    # Cancelled, and answered, while it waited.
                    return
                self._halts[order.request] = threading.Event()
        self._answer(ask)
        if isinstance(order, Generate):
            from studio.engines.worker.measure import trim

            # The answer is on its way already; what its prompt took must not stay until the next one.
            trim()

    @staticmethod
    def _convert(order: Convert) -> None:
        from studio.engines.worker.convert import convert
        from studio.engines.worker.measure import release_unused

        convert(order.card, order.file, order.folder)
        release_unused()

    def _load(self, order: Load, tell: Callable[[Any], None]) -> Loaded:
        from studio.engines.worker.measure import Meter

        if order.card.kind == "embedding":
            from studio.engines.worker.embedder import Embedder

            self._meter = Meter(order.device)
            model: Any = Embedder(order.card, order.device, tell)
        else:
            from studio.engines.worker.chat_model import ChatModel

            if order.level != "full":
                import bitsandbytes  # noqa: F401

            self._meter = Meter(order.device)
            model = ChatModel(order.card, order.level, order.device, tell)
        tell(Progress("warm-up", 0.95))
        model.warm_up()
        self._model = model
        probe = self._meter.loaded()
        tell(Progress("ready", 1.0))
        return Loaded(
            seconds=0.0,
            dtype=str(model.dtype).removeprefix("torch."),
            context_length=model.context_length,
            has_chat_template=model.has_chat_template,
            probe=probe,
        )

    def _generate(self, order: Generate, tell: Callable[[Any], None]) -> Done:
        halt = self._halts[order.request]
        try:
            return self._model.generate(order.messages, order.sampling, tell, halt)
        finally:
            with self._turns:
                del self._halts[order.request]


def _import_libraries() -> None:
    """What every model needs, so that a spare worker has it behind it."""
    import torch
    import transformers.generation
    import transformers.models.auto
    import transformers.models.llama.modeling_llama

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    # It warns for every layer of every token that int8 computes in float16.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    said = str(error)
    return (
        isinstance(error, (MemoryError, torch.OutOfMemoryError))
        or "can't allocate memory" in said
        or "CUDA out of memory" in said
    )
