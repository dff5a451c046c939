"""Conversations: ask, watch the answer arrive, stop it, come back to it later."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from studio.chat.errors import AlreadyAnswering, EmptyQuestion
from studio.chat.events import Conversation, Event, ReplyOptions, Turn
from studio.chat.history import History
from studio.chat.reply import Parts, Reply
from studio.settings import PROMPTS, Settings
from studio.store import Store

if TYPE_CHECKING:
    from studio.engines.pool import Pool
    from studio.knowledge.base import Knowledge
    from studio.models.catalogue import Catalogue

OWNER = "owner"


class Chat:
    """All conversations of a data folder. `owner` is `"owner"` or a guest's id; nobody sees another's.

    Every method that takes a conversation raises `UnknownConversation` when the owner has no such one.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        catalogue: Catalogue,
        pool: Pool,
        knowledge: Knowledge,
        prompts: Path = PROMPTS,
    ):
        """`prompts`: the folder of the prompt templates; they are read again for each question."""
        self._history = History(store)
        self._parts = Parts(settings, catalogue, pool, knowledge, self._history, prompts)
        self._running: dict[str, Reply] = {}
        self._lock = threading.Lock()

    def create(self, owner: str = OWNER) -> Conversation:
        """A new, empty conversation; its first question becomes its title."""
        return self._history.create(owner)

    def all(self, owner: str = OWNER) -> list[Conversation]:
        """The owner's conversations, the last used first."""
        return self._history.all(owner)

    def get(self, conversation_id: str, owner: str = OWNER) -> Conversation:
        return self._history.get(conversation_id, owner)

    def turns(self, conversation_id: str, owner: str = OWNER) -> list[Turn]:
        """Every question and answer, in order; the last one may still be `running`."""
        self._history.get(conversation_id, owner)
        return self._history.turns(conversation_id)

    def rename(self, conversation_id: str, title: str, owner: str = OWNER) -> None:
        self._history.get(conversation_id, owner)
        self._history.rename(conversation_id, title)

    def clear(self, conversation_id: str, owner: str = OWNER) -> None:
        """Forget every turn, keep the conversation. An answer on its way is stopped."""
        self._abandon(conversation_id, owner)
        self._history.clear(conversation_id)

    def delete(self, conversation_id: str, owner: str = OWNER) -> None:
        """Delete the conversation with its turns. An answer on its way is stopped."""
        self._abandon(conversation_id, owner)
        self._history.delete(conversation_id)

    def reply(
        self, conversation_id: str, question: str, options: ReplyOptions, owner: str = OWNER
    ) -> Iterator[Event]:
        """Answer a question; the last event is `Finished` or `Failed`. Nothing happens before `next`.

        The turn is stored from the start, and what was written is kept whatever happens. Closing the iterator
        stops the answer. Raises `EmptyQuestion`, `UnknownConversation` or `AlreadyAnswering` before anything
        is stored; whatever goes wrong later is a `Failed` event.
        """
        self._history.get(conversation_id, owner)
        question = _storable(question).strip()
        if not question:
            raise EmptyQuestion()
        options = replace(options, system_prompt=_storable(options.system_prompt))
        reply = self._begin(conversation_id, question, options, owner)
        try:
            yield from reply.events()
        finally:
            reply.close()

    def answering(self, conversation_id: str, owner: str = OWNER) -> bool:
        """Whether an answer of this conversation is on its way."""
        self._history.get(conversation_id, owner)
        return conversation_id in self._running

    def stop(self, conversation_id: str, owner: str = OWNER) -> bool:
        """Stop the answer on its way; what was written stays. False when there was none."""
        self._history.get(conversation_id, owner)
        reply = self._running.get(conversation_id)
        if reply is None:
            return False
        reply.stop()
        return True

    def recover(self) -> int:
        """Mark turns that a killed studio left `running` as `stopped`; how many. Call it at start."""
        return self._history.recover()

    def _begin(self, conversation: str, question: str, options: ReplyOptions, owner: str) -> Reply:
        with self._lock:
            if conversation in self._running:
                raise AlreadyAnswering()
            earlier = self._history.turns(conversation)
            turn = self._history.begin(conversation, question, options.model, options.level)
            reply = Reply(self._parts, turn, earlier, options, guest=owner != OWNER)
            self._running[conversation] = reply
        reply.start(on_end=lambda: self._running.pop(conversation, None))
        return reply

    def _abandon(self, conversation: str, owner: str) -> None:
        self._history.get(conversation, owner)
        reply = self._running.get(conversation)
        if reply is not None:
            reply.close()


def _storable(text: str) -> str:
    """Without lone surrogates, which neither SQLite nor a tokenizer takes."""
    return text.encode("utf-8", "replace").decode()
