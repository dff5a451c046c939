"""The SQLite file: what a failed transaction leaves behind."""

import sqlite3

import pytest

from studio.store import Store

CONVERSATION = "INSERT INTO conversations (id, owner, created_at, updated_at) VALUES (?, 'owner', 0, 0)"
ORPHAN = (
    "INSERT INTO turns (id, conversation, position, question, status, model, level, created_at)"
    " VALUES ('t', 'nobody', 0, 'q', 'done', 'm', 'full', 0)"
)


def test_a_transaction_that_cannot_be_committed_leaves_nothing_and_stops_nothing(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError), store.transaction() as connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.execute(CONVERSATION, ("lost",))
        connection.execute(ORPHAN)
    with store.transaction() as connection:
        connection.execute(CONVERSATION, ("kept",))
    assert [row["id"] for row in store.rows("SELECT id FROM conversations")] == ["kept"]


def test_what_raises_inside_is_rolled_back(store: Store) -> None:
    with pytest.raises(ValueError), store.transaction() as connection:
        connection.execute(CONVERSATION, ("lost",))
        raise ValueError
    assert store.rows("SELECT id FROM conversations") == []
