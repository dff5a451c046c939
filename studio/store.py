"""The SQLite file (WAL): its schema as numbered migrations, and how to talk to it."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from studio.sentences import StudioError

# Applied in order; `PRAGMA user_version` counts how many a file has had. Never edit a released one.
MIGRATIONS = (
    """
    CREATE TABLE knowledge_bases (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('text', 'qa')),
        embedder TEXT NOT NULL,
        embedder_revision TEXT NOT NULL,
        dimension INTEGER NOT NULL,
        chunk_size INTEGER NOT NULL,
        overlap INTEGER NOT NULL,
        open_to_guests INTEGER NOT NULL DEFAULT 0,
        created_at REAL NOT NULL
    );
    CREATE TABLE documents (
        id TEXT PRIMARY KEY,
        knowledge_base TEXT NOT NULL REFERENCES knowledge_bases(id) ON DELETE CASCADE,
        path TEXT NOT NULL,
        origin TEXT NOT NULL DEFAULT '',
        sha256 TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        title TEXT NOT NULL DEFAULT '',
        notices TEXT NOT NULL DEFAULT '[]',
        created_at REAL NOT NULL,
        UNIQUE (knowledge_base, path)
    );
    CREATE TABLE pages (
        document TEXT NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        number INTEGER,
        text TEXT NOT NULL,
        PRIMARY KEY (document, position)
    ) WITHOUT ROWID;
    CREATE TABLE chunks (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        knowledge_base TEXT NOT NULL REFERENCES knowledge_bases(id) ON DELETE CASCADE,
        document TEXT NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        page_position INTEGER NOT NULL,
        page INTEGER,
        heading TEXT NOT NULL DEFAULT '',
        start INTEGER NOT NULL,
        end INTEGER NOT NULL,
        text TEXT NOT NULL,
        tokens INTEGER NOT NULL,
        hash TEXT NOT NULL
    );
    CREATE INDEX chunks_of_document ON chunks(document, position);
    CREATE INDEX chunks_of_knowledge_base ON chunks(knowledge_base);
    CREATE INDEX chunks_by_hash ON chunks(hash);
    CREATE TABLE vectors (
        hash TEXT NOT NULL,
        embedder TEXT NOT NULL,
        vector BLOB NOT NULL,
        PRIMARY KEY (hash, embedder)
    ) WITHOUT ROWID;
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        knowledge_base TEXT NOT NULL REFERENCES knowledge_bases(id) ON DELETE CASCADE,
        path TEXT NOT NULL,
        origin TEXT NOT NULL DEFAULT '',
        sha256 TEXT,
        stage TEXT NOT NULL DEFAULT 'queued',
        done INTEGER NOT NULL DEFAULT 0,
        total INTEGER NOT NULL DEFAULT 0,
        result TEXT,
        created_at REAL NOT NULL,
        finished_at REAL
    );
    CREATE INDEX jobs_of_knowledge_base ON jobs(knowledge_base, created_at);
    CREATE TABLE conversations (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        title TEXT NOT NULL DEFAULT '',
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL
    );
    CREATE INDEX conversations_of_owner ON conversations(owner, updated_at);
    CREATE TABLE turns (
        id TEXT PRIMARY KEY,
        conversation TEXT NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        question TEXT NOT NULL,
        answer TEXT NOT NULL DEFAULT '',
        status TEXT NOT NULL CHECK (status IN ('running', 'done', 'stopped', 'failed')),
        model TEXT NOT NULL,
        level TEXT NOT NULL,
        details TEXT NOT NULL DEFAULT '{}',
        created_at REAL NOT NULL,
        UNIQUE (conversation, position)
    );
    CREATE TABLE added_models (
        id TEXT PRIMARY KEY,
        source TEXT NOT NULL,
        location TEXT NOT NULL,
        created_at REAL NOT NULL
    );
    """,
)


class DataFolderUnusable(StudioError):
    en = (
        "The data folder {folder} cannot be written to ({reason}). "
        "Choose another with --data-dir, or make it writable."
    )
    zh = "数据文件夹 {folder} 无法写入（{reason}）。请用 --data-dir 指定另一个文件夹，或修改它的权限。"


class DatabaseFromNewerVersion(StudioError):
    en = (
        "The data folder {folder} was written by a newer version of the studio. "
        "Update the studio, or choose another folder with --data-dir."
    )
    zh = "数据文件夹 {folder} 由更新版本的工作室写入。请升级工作室，或用 --data-dir 指定另一个文件夹。"


class Store:
    """One SQLite file. Safe to use from several threads: one connection, one lock, short statements.

    Readers wait for a writer of this process only as long as its transaction lasts; keep transactions short.
    """

    def __init__(self, path: Path):
        """Open or create the file and bring it to the newest schema.

        Raises `DataFolderUnusable` or `DatabaseFromNewerVersion`.
        """
        self.path = path
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            for pragma in (
                "journal_mode = WAL",
                "synchronous = NORMAL",
                "foreign_keys = ON",
                "busy_timeout = 5000",
            ):
                self._connection.execute(f"PRAGMA {pragma}")
            self._migrate()
        except (OSError, sqlite3.OperationalError) as error:
            raise DataFolderUnusable(folder=path.parent, reason=error) from error

    def _migrate(self) -> None:
        done = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if done > len(MIGRATIONS):
            raise DatabaseFromNewerVersion(folder=self.path.parent)
        for number, script in enumerate(MIGRATIONS[done:], start=done + 1):
            self._connection.executescript(f"BEGIN; {script}; PRAGMA user_version = {number}; COMMIT;")

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchone()

    def write(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement; the number of rows it changed."""
        with self._lock:
            return self._connection.execute(sql, parameters).rowcount

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: commits at the end of the block, rolls back when it raises. Does not nest."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk may already have rolled it back.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        with self._lock:
            self._connection.close()
