"""One reply: loads what it needs, answers in its own thread, tells what happens, stores how it ended."""

from __future__ import annotations

import contextlib
import importlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.chat.answer import Answering, Task
from studio.chat.citations import cite, without_markers
from studio.chat.errors import AnswerNotStored, NotForGuests, Unexpected
from studio.chat.events import (
    Citation,
    ContextLedger,
    Event,
    Failed,
    Finished,
    Fitted,
    Loading,
    ReplyOptions,
    Token,
    Turn,
)
from studio.chat.history import Ended, History
from studio.engines.base import Engine, Usage
from studio.knowledge.embedder import LEVEL as EMBEDDER_LEVEL
from studio.knowledge.languages import can_read
from studio.knowledge.types import KnowledgeBase
from studio.models.card import ModelCard
from studio.sentences import StudioError
from studio.settings import Settings

if TYPE_CHECKING:
    from studio.engines.pool import Pool
    from studio.knowledge.base import Knowledge
    from studio.models.catalogue import Catalogue

log = logging.getLogger(__name__)

# A killed studio loses at most this much of a running answer.
SAVE_EVERY_SECONDS = 1.0
# How long a closed tab waits for the worker's own ending, with its figures; then the turn is stored without.
CLOSE_PATIENCE_SECONDS = 0.5
# Where neither the model nor its card says how long its context is: what the smallest models in use have.
DEFAULT_CONTEXT = 2048


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reply is made with."""

    settings: Settings
    catalogue: Catalogue
    pool: Pool
    knowledge: Knowledge
    history: History
    prompts: Path


class Reply:
    """One answer on its way. It ends once, by whoever comes first: the model, a fault, or the user."""

    def __init__(self, parts: Parts, turn: Turn, earlier: list[Turn], options: ReplyOptions, guest: bool):
        self._parts = parts
        self._turn = turn
        self._earlier = earlier
        self._options = options
        self._guest = guest
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._pieces: list[str] = []
        self._saved_at = time.monotonic()
        self._fitted = Fitted([], ContextLedger([], []))
        self._on_end: Callable[[], object] = lambda: None

    def start(self, on_end: Callable[[], object]) -> None:
        """Begin. `on_end` is called once, when the turn is stored for good."""
        self._on_end = on_end
        threading.Thread(target=self._run, name=f"reply-{self._turn.id[:8]}", daemon=True).start()

    def events(self) -> Iterator[Event]:
        """Everything that happens, up to and including `Finished` or `Failed`."""
        while True:
            event = self._events.get()
            yield event
            if isinstance(event, Finished | Failed):
                return

    def stop(self) -> None:
        """End the answer within a token, or at once where the model has not begun."""
        self._stopped.set()
        engine = self._engine
        if engine is None:
            self._end_stopped()
        else:
            engine.cancel(self._turn.id)

    def close(self) -> None:
        """Stop, and see that the turn is stored before this returns. Does nothing once it has ended."""
        if self._ended.is_set():
            return
        self.stop()
        if not self._ended.wait(CLOSE_PATIENCE_SECONDS):
            self._end_stopped()

    def _run(self) -> None:
        # LangChain takes half a second to import: let that pass while the worker loads the weights.
        threading.Thread(target=importlib.import_module, args=("studio.chat.chain",), daemon=True).start()
        try:
            finished = self._answer()
        except StudioError as error:
            self._fail(error)
        except Exception as error:
            log.exception("Reply failed")
            self._fail(Unexpected(reason=f"{type(error).__name__}: {error}"))
        else:
            status: Ended = "stopped" if finished.reason == "cancelled" else "done"
            self._end(finished, finished.answer, status, _details(finished))

    def _answer(self) -> Finished:
        if self._guest:
            self._refuse_what_is_not_open()
        base = self._knowledge_base()
        card = self._parts.catalogue.get(self._options.model)
        with self._parts.pool.use(card, self._options.level, progress=self._progress_of(card)) as engine:
            self._engine = engine
            return Answering(
                engine,
                self._task(base),
                request=self._turn.id,
                context_length=context_length(self._parts.pool, engine),
                prompts=self._parts.prompts,
                tell=self._tell,
                stopped=self._stopped,
            ).run()

    def _knowledge_base(self) -> KnowledgeBase | None:
        name = self._options.knowledge_base
        return self._parts.knowledge.get(name) if name is not None else None

    def _task(self, base: KnowledgeBase | None) -> Task:
        options = self._options
        retriever = None
        if base is not None:
            self._load_embedder(base)
            retriever = self._parts.knowledge.retriever(base.name, options.evidence_count, options.mode)
        return Task(
            question=self._turn.question,
            sampling=options.sampling,
            system_prompt=options.system_prompt.strip(),
            turns=self._earlier,
            knowledge_base=options.knowledge_base,
            retriever=retriever,
        )

    def _load_embedder(self, base: KnowledgeBase) -> None:
        """Load it here, where its progress can be told; the search would do so in silence."""
        if self._options.mode == "lexical" or self._guest:
            return
        # Whatever is wrong with it is for the search to say: with words alone it may go on.
        with contextlib.suppress(StudioError):
            card = self._parts.catalogue.get(base.embedder)
            if can_read(card.languages, self._turn.question):
                self._parts.pool.load(card, EMBEDDER_LEVEL, progress=self._progress_of(card))

    def _refuse_what_is_not_open(self) -> None:
        """Guests use models that are loaded and knowledge bases opened to them.

        All else gets one and the same answer, so that nobody finds out by asking what there is.
        """
        options = self._options
        ready = {
            (entry.card.id, entry.level) for entry in self._parts.pool.ledger() if entry.state == "ready"
        }
        if (options.model, options.level) not in ready:
            raise NotForGuests(name=options.model)
        if options.knowledge_base is not None:
            opened = {base.name for base in self._parts.knowledge.all() if base.open_to_guests}
            if options.knowledge_base not in opened:
                raise NotForGuests(name=options.knowledge_base)

    def _progress_of(self, card: ModelCard) -> Callable[[Any], None]:
        return lambda progress: self._tell(Loading(card, progress))

    def _tell(self, event: Event) -> None:
        if self._ended.is_set():
            return
        if isinstance(event, Token):
            self._pieces.append(event.text)
            self._save_now_and_then()
        elif isinstance(event, Fitted):
            self._fitted = event
        self._events.put(event)

    def _save_now_and_then(self) -> None:
        now = time.monotonic()
        if now - self._saved_at >= SAVE_EVERY_SECONDS:
            self._saved_at = now
            self._parts.history.save_partial(self._turn.id, "".join(self._pieces))

    def _fail(self, error: StudioError) -> None:
        answer, citations = self._cited()
        details = self._unfinished(citations) | {"error": error.as_dict()}
        self._end(Failed(error, answer), answer, "failed", details)

    def _end_stopped(self) -> None:
        answer, citations = self._cited()
        usage = Usage(0, 0, None, None)
        finished = Finished(
            answer, citations, self._fitted.evidence, self._fitted.context, usage, "cancelled"
        )
        self._end(finished, answer, "stopped", self._unfinished(citations))

    def _cited(self) -> tuple[str, list[Citation]]:
        """What was written so far, its markers checked like those of a whole answer."""
        answer = "".join(self._pieces)
        try:
            return cite(answer, self._fitted.evidence, self._turn.question)
        except Exception:
            # It may be what the reply failed with; that must not keep it from ending.
            log.exception("Markers not checked")
            return without_markers(answer), []

    def _unfinished(self, citations: list[Citation]) -> dict[str, Any]:
        return {
            "citations": [citation.as_dict() for citation in citations],
            "evidence": [chunk.as_dict() for chunk in self._fitted.evidence],
            "context": self._fitted.context.as_dict(),
        }

    def _end(self, event: Finished | Failed, answer: str, status: Ended, details: dict[str, Any]) -> None:
        with self._lock:
            if self._ended.is_set():
                return
            try:
                self._parts.history.end(self._turn.id, answer, status, details | self._asked_with())
            except Exception as error:
                # Whatever it is: those who wait for the last event must get one.
                log.exception("Turn not stored")
                event = Failed(AnswerNotStored(reason=error), answer)
            finally:
                self._on_end()
                self._ended.set()
                self._events.put(event)

    def _asked_with(self) -> dict[str, Any]:
        sampling = self._options.sampling
        return {
            "options": {
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "max_tokens": sampling.max_tokens,
                "seed": sampling.seed,
                "system_prompt": self._options.system_prompt,
                "knowledge_base": self._options.knowledge_base,
            }
        }


def context_length(pool: Pool, engine: Engine) -> int:
    """Tokens that the loaded model can hold, as it said itself when it was loaded."""
    for entry in pool.ledger():
        if entry.loaded is not None and (entry.card.id, entry.level) == (engine.card.id, engine.level):
            return entry.loaded.context_length
    return engine.card.context_length or DEFAULT_CONTEXT


def _details(finished: Finished) -> dict[str, Any]:
    return {
        "citations": [citation.as_dict() for citation in finished.citations],
        "evidence": [chunk.as_dict() for chunk in finished.evidence],
        "context": finished.context.as_dict(),
        "usage": finished.usage.as_dict(),
        "notices": finished.notices,
        "reason": finished.reason,
    }
