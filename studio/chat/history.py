"""Conversations and turns in SQLite. Everything is asked for by its owner: nobody reaches another's."""

import json
import sqlite3
import time
import uuid
from collections.abc import Mapping
from typing import Any, Literal

from studio.chat.errors import Interrupted, UnknownConversation
from studio.chat.events import Conversation, Turn
from studio.store import Store

TITLE_LENGTH = 60

Ended = Literal["done", "stopped", "failed"]


class History:
    """The tables `conversations` and `turns`."""

    def __init__(self, store: Store):
        self._store = store

    def create(self, owner: str) -> Conversation:
        """A new, empty conversation."""
        now = time.time()
        conversation = Conversation(id=uuid.uuid4().hex, title="", created_at=now, updated_at=now)
        self._store.write(
            "INSERT INTO conversations (id, owner, title, created_at, updated_at) VALUES (?, ?, '', ?, ?)",
            (conversation.id, owner, now, now),
        )
        return conversation

    def all(self, owner: str) -> list[Conversation]:
        """The owner's conversations, the last used first."""
        rows = self._store.rows(
            "SELECT * FROM conversations WHERE owner = ? ORDER BY updated_at DESC, rowid DESC", (owner,)
        )
        return [_conversation(row) for row in rows]

    def get(self, conversation: str, owner: str) -> Conversation:
        """Raises `UnknownConversation`, also for one that belongs to somebody else."""
        row = self._store.row("SELECT * FROM conversations WHERE id = ? AND owner = ?", (conversation, owner))
        if row is None:
            raise UnknownConversation()
        return _conversation(row)

    def rename(self, conversation: str, title: str) -> None:
        title = " ".join(title.split())[:TITLE_LENGTH]
        self._store.write("UPDATE conversations SET title = ? WHERE id = ?", (title, conversation))

    def delete(self, conversation: str) -> None:
        self._store.write("DELETE FROM conversations WHERE id = ?", (conversation,))

    def clear(self, conversation: str) -> None:
        """Forget every turn, and the title that came from the first question."""
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM turns WHERE conversation = ?", (conversation,))
            connection.execute("UPDATE conversations SET title = '' WHERE id = ?", (conversation,))

    def turns(self, conversation: str) -> list[Turn]:
        """In the order they were asked."""
        rows = self._store.rows(
            "SELECT * FROM turns WHERE conversation = ? ORDER BY position", (conversation,)
        )
        return [_turn(row) for row in rows]

    def begin(self, conversation: str, question: str, model: str, level: str) -> Turn:
        """Store a question whose answer is on its way; an untitled conversation is named after it."""
        now = time.time()
        turn = Turn(uuid.uuid4().hex, question, "", "running", model, level, {}, now)
        title = " ".join(question.split())[:TITLE_LENGTH]
        with self._store.transaction() as connection:
            connection.execute(
                "INSERT INTO turns (id, conversation, position, question, status, model, level, created_at)"
                " SELECT ?, ?, coalesce(max(position) + 1, 0), ?, 'running', ?, ?, ?"
                " FROM turns WHERE conversation = ?",
                (turn.id, conversation, question, model, level, now, conversation),
            )
            connection.execute(
                "UPDATE conversations SET updated_at = ?, title = CASE title WHEN '' THEN ? ELSE title END"
                " WHERE id = ?",
                (now, title, conversation),
            )
        return turn

    def save_partial(self, turn: str, answer: str) -> None:
        """Keep what has been written so far."""
        self._store.write("UPDATE turns SET answer = ? WHERE id = ?", (answer, turn))

    def end(self, turn: str, answer: str, status: Ended, details: Mapping[str, Any]) -> None:
        """Store the finished, stopped or failed answer."""
        self._store.write(
            "UPDATE turns SET answer = ?, status = ?, details = ? WHERE id = ?",
            (answer, status, json.dumps(details, ensure_ascii=False), turn),
        )

    def recover(self) -> int:
        """Mark turns that a killed studio left running as stopped; how many there were."""
        details = json.dumps({"error": Interrupted().as_dict()}, ensure_ascii=False)
        return self._store.write(
            "UPDATE turns SET status = 'stopped', details = ? WHERE status = 'running'", (details,)
        )


def _conversation(row: sqlite3.Row) -> Conversation:
    return Conversation(row["id"], row["title"], row["created_at"], row["updated_at"])


def _turn(row: sqlite3.Row) -> Turn:
    return Turn(
        id=row["id"],
        question=row["question"],
        answer=row["answer"],
        status=row["status"],
        model=row["model"],
        level=row["level"],
        details=json.loads(row["details"]),
        created_at=row["created_at"],
    )
