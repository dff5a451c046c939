"""One comparison while it runs."""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.chat.answer import Answering, Task
from studio.chat.errors import NothingFound, Unexpected
from studio.chat.events import Event, Finished, Loading, Retrieved, Token
from studio.chat.reply import context_length
from studio.compare.contestant import Compared, CompareEvent, Contestant, ContestantResult
from studio.compare.errors import NoRoomSideBySide, OneAfterTheOther
from studio.engines.base import Engine, Sampling
from studio.engines.errors import DoesNotFit
from studio.engines.pool import ledger_key
from studio.models.card import ModelCard
from studio.sentences import StudioError

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_core.runnables import Runnable

    from studio.engines.pool import Pool
    from studio.models.catalogue import Catalogue

log = logging.getLogger(__name__)


class Run:
    """Loads, asks and collects, in threads of its own; `events` tells what happens."""

    def __init__(
        self,
        catalogue: Catalogue,
        pool: Pool,
        prompts: Path,
        prompt: str,
        contestants: list[Contestant],
        sampling: Sampling,
        system_prompt: str,
        knowledge_base: str | None,
        side_by_side: bool,
    ):
        self._catalogue = catalogue
        self._pool = pool
        self._prompts = prompts
        self._prompt = prompt
        self._contestants = contestants
        self._sampling = sampling
        self._system_prompt = system_prompt
        self._knowledge_base = knowledge_base
        self._side_by_side = side_by_side
        self._retriever: Runnable[str, list[Document]] | None = None
        self._events: queue.SimpleQueue[CompareEvent] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._answering: dict[str, Engine] = {}
        self._lock = threading.Lock()
        self._ours: set[str] = set()
        self._results: dict[int, ContestantResult] = {}

    def retrieve(self, retriever: Any) -> Retrieved:
        """Search once; from here on everyone gets exactly this."""
        from langchain_core.runnables import RunnableLambda

        from studio.knowledge.retrieve import as_evidence

        documents: list[Document] = retriever.invoke(self._prompt)
        self._retriever = RunnableLambda(lambda _question: documents)
        notices = list(getattr(retriever, "notices", ()))
        if not documents:
            notices.append(NothingFound(knowledge_base=self._knowledge_base).as_dict())
        return Retrieved([as_evidence(document) for document in documents], notices)

    def events(self) -> Iterator[CompareEvent]:
        """Everything that happens, up to and including `Compared`."""
        threading.Thread(target=self._run, name="comparison", daemon=True).start()
        while True:
            event = self._events.get()
            yield event
            if isinstance(event.event, Compared):
                return

    def stop(self) -> None:
        """Stop whoever answers and keep the others from starting. Idempotent."""
        self._stopped.set()
        with self._lock:
            answering = list(self._answering.items())
        for request, engine in answering:
            engine.cancel(request)

    def _run(self) -> None:
        everyone = list(range(len(self._contestants)))
        waiting = self._run_side_by_side(everyone) if self._side_by_side else everyone
        for index in waiting:
            self._take_turn(index)
        notices = []
        if len(everyone) > 1 and not self._side_by_side:
            notices.append(OneAfterTheOther().as_dict())
        elif waiting:
            notices.append(NoRoomSideBySide().as_dict())
        self._tell(None, Compared([self._results[index] for index in everyone], notices))

    def _run_side_by_side(self, indices: Sequence[int]) -> list[int]:
        """Load first, then answer all at once; who has to wait until others have made room."""
        waiting: list[int] = []
        seconds: dict[int, float | None] = {}
        for index in indices:
            try:
                seconds[index] = self._load(index, evict=())
            except DoesNotFit:
                waiting.append(index)
            except Exception as error:
                self._lost(index, error)
        with ThreadPoolExecutor(max_workers=max(len(seconds), 1)) as threads:
            list(threads.map(lambda item: self._answer(*item), seconds.items()))
        return waiting

    def _take_turn(self, index: int) -> None:
        try:
            seconds = self._load(index, evict=sorted(self._ours))
        except Exception as error:
            self._lost(index, error)
        else:
            self._answer(index, seconds)

    def _load(self, index: int, evict: Sequence[str]) -> float | None:
        """Load a contestant; the seconds it took, None when it was there already."""
        if self._stopped.is_set():
            return None
        contestant = self._contestants[index]
        card = self._catalogue.get(contestant.model)
        key = ledger_key(card, contestant.level)
        if key in {entry.key for entry in self._pool.ledger() if entry.state == "ready"}:
            return None
        started = time.monotonic()
        self._pool.load(card, contestant.level, evict=evict, progress=self._progress_of(index, card))
        self._ours.add(key)
        return time.monotonic() - started

    def _answer(self, index: int, load_seconds: float | None) -> None:
        contestant = self._contestants[index]
        pieces: list[str] = []
        try:
            result = self._ask(index, contestant, load_seconds, pieces)
        except Exception as error:
            self._lost(index, error, "".join(pieces), load_seconds)
        else:
            self._finish(index, result)

    def _ask(
        self, index: int, contestant: Contestant, load_seconds: float | None, pieces: list[str]
    ) -> ContestantResult:
        if self._stopped.is_set():
            return ContestantResult(contestant, load_seconds=load_seconds)
        card = self._catalogue.get(contestant.model)
        with self._pool.use(card, contestant.level, progress=self._progress_of(index, card)) as engine:
            finished = self._generate(index, engine, pieces)
            return ContestantResult(
                contestant,
                answer=finished.answer,
                usage=finished.usage,
                peak_bytes=engine.probe().peak_bytes,
                load_seconds=load_seconds,
                citations=finished.citations,
                finished=finished,
            )

    def _generate(self, index: int, engine: Engine, pieces: list[str]) -> Finished:
        request = uuid.uuid4().hex
        with self._lock:
            self._answering[request] = engine

        def tell(event: Event) -> None:
            if isinstance(event, Token):
                pieces.append(event.text)
            if not isinstance(event, Retrieved):
                self._tell(index, event)

        task = Task(
            question=self._prompt,
            sampling=self._sampling,
            system_prompt=self._system_prompt,
            knowledge_base=self._knowledge_base,
            retriever=self._retriever,
        )
        try:
            return Answering(
                engine,
                task,
                request=request,
                context_length=context_length(self._pool, engine),
                prompts=self._prompts,
                tell=tell,
                stopped=self._stopped,
            ).run()
        finally:
            with self._lock:
                del self._answering[request]

    def _lost(
        self, index: int, error: Exception, answer: str = "", load_seconds: float | None = None
    ) -> None:
        if not isinstance(error, StudioError):
            log.error("Contestant failed", exc_info=error)
            error = Unexpected(reason=f"{type(error).__name__}: {error}")
        self._finish(
            index,
            ContestantResult(self._contestants[index], answer=answer, load_seconds=load_seconds, error=error),
        )

    def _finish(self, index: int, result: ContestantResult) -> None:
        self._results[index] = result
        self._tell(index, result)

    def _progress_of(self, index: int, card: ModelCard) -> Callable[[Any], None]:
        return lambda progress: self._tell(index, Loading(card, progress))

    def _tell(self, index: int | None, event: Event | ContestantResult | Compared) -> None:
        self._events.put(CompareEvent(index, event))
