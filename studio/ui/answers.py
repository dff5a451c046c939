"""Answers on their way: what each has come to, for every tab that watches."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from studio.chat.errors import AlreadyAnswering
from studio.chat.events import Event, Failed, Finished, Fitted, Loading, ReplyOptions, Retrieved, Token
from studio.engines.base import Progress
from studio.sentences import StudioError
from studio.services import Studio


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An answer at one moment. `version` grows with every event; `loading`, `retrieved`: before text."""

    version: int
    question: str
    text: str
    evidence: int
    notices: list[dict[str, str]]
    loading: Loading | None
    retrieved: bool
    over: bool
    error: BaseException | None


@dataclass
class LiveAnswer:
    """One answer that is being written. Safe to read from several threads."""

    question: str
    session: str
    # Set by whoever no longer wants it, also while its model is still being loaded.
    stopped: threading.Event = field(default_factory=threading.Event)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _version: int = 0
    _parts: list[str] = field(default_factory=list)
    _evidence: int = 0
    _notices: list[dict[str, str]] = field(default_factory=list)
    _loading: Loading | None = None
    _retrieved: bool = False
    _over: bool = False
    _error: BaseException | None = None

    def take(self, event: Event) -> None:
        """Learn from one event and wake those who watch."""
        with self._changed:
            match event:
                case Loading():
                    self._loading = event
                case Retrieved(_, notices):
                    self._notices, self._retrieved, self._loading = notices, True, None
                case Fitted(evidence, _):
                    self._evidence, self._loading = len(evidence), None
                case Token(text):
                    self._parts.append(text)
                    self._loading = None
                case Failed(error, _):
                    self._error = error
                case Finished():
                    pass
            self._wake()

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more will come. `error`: what kept the answer from being stored."""
        with self._changed:
            self._over, self._error = True, error or self._error
            self._wake()

    def _wake(self) -> None:
        self._version += 1
        self._changed.notify_all()

    def snapshots(self) -> Iterator[Snapshot]:
        """The answer now and whenever it has changed since it was last asked for, until it is over."""
        version = -1
        while True:
            with self._changed:
                while self._version == version:
                    self._changed.wait()
                version = self._version
                now = Snapshot(
                    version=version,
                    question=self.question,
                    text="".join(self._parts),
                    evidence=self._evidence,
                    notices=self._notices,
                    loading=self._loading,
                    retrieved=self._retrieved,
                    over=self._over,
                    error=self._error,
                )
            yield now
            if now.over:
                return


class Answers:
    """The answers on their way, by conversation, and which tab shows which conversation."""

    def __init__(self, studio: Studio):
        self._studio = studio
        self._lock = threading.Lock()
        self._live: dict[str, LiveAnswer] = {}
        self._showing: dict[str, str] = {}

    def show(self, session: str, conversation: str) -> None:
        """Remember what a tab shows now."""
        with self._lock:
            self._showing[session] = conversation

    def shows(self, session: str, conversation: str) -> bool:
        return self._showing.get(session) == conversation

    def live(self, conversation: str) -> LiveAnswer | None:
        """The answer on its way in a conversation, if one is."""
        return self._live.get(conversation)

    def ask(
        self,
        session: str,
        conversation: str,
        question: str,
        options: ReplyOptions,
        owner: str,
        evict: Sequence[str] = (),
    ) -> LiveAnswer:
        """Begin to answer in the background. `evict`: ledger keys that may be unloaded to make room.

        Raises `AlreadyAnswering`; whatever goes wrong later is the `error` of the last snapshot.
        """
        answer = LiveAnswer(question, session)
        reply = self._studio.chat.reply(conversation, question, options, owner)
        with self._lock:
            if conversation in self._live:
                raise AlreadyAnswering()
            self._live[conversation] = answer

        def work() -> None:
            error = None
            try:
                if evict:
                    card = self._studio.catalogue.get(options.model)

                    def progress(step: Progress) -> None:
                        answer.take(Loading(card, step))

                    self._studio.load(options.model, options.level, evict, progress)
                if not answer.stopped.is_set():
                    for event in reply:
                        answer.take(event)
                        if answer.stopped.is_set():
                            # Perhaps it was asked to stop a moment before there was anything to stop.
                            self._stop_reply(conversation, owner)
            except BaseException as raised:
                error = raised
            finally:
                with self._lock:
                    self._live.pop(conversation, None)
                answer.end(error)

        threading.Thread(target=work, name="answer", daemon=True).start()
        return answer

    def leave(self, session: str, owner: str) -> None:
        """A tab was closed: stop what it asked for."""
        with self._lock:
            self._showing.pop(session, None)
            left = [(name, answer) for name, answer in self._live.items() if answer.session == session]
        for conversation, answer in left:
            answer.stopped.set()
            self._stop_reply(conversation, owner)

    def stop(self, conversation: str, owner: str) -> None:
        """Stop the answer on its way, wherever it is. Raises `UnknownConversation`."""
        self._studio.chat.get(conversation, owner)
        answer = self.live(conversation)
        if answer is not None:
            answer.stopped.set()
        self._studio.chat.stop(conversation, owner)

    def _stop_reply(self, conversation: str, owner: str) -> None:
        # Where the conversation was deleted in the meantime, that has stopped it too.
        with contextlib.suppress(StudioError):
            self._studio.chat.stop(conversation, owner)
