"""The queue of files on their way in: rows of a table, so that a killed studio goes on where it was."""

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from studio.knowledge.errors import UnknownJob
from studio.knowledge.intake import Incoming
from studio.knowledge.types import FileResult, Job, JobStage
from studio.store import Store

FINISHED = ("done", "failed", "cancelled")
_UNFINISHED = f"SELECT 1 FROM jobs WHERE stage NOT IN {FINISHED} LIMIT 1"
_SELECT = """
    SELECT jobs.*, base.name AS knowledge_base_name
    FROM jobs JOIN knowledge_bases AS base ON base.id = jobs.knowledge_base
"""


class Task(NamedTuple):
    """A job as the ingest works on it. `knowledge_base`: its id."""

    id: str
    knowledge_base: str
    path: str
    origin: str
    sha256: str


class Jobs:
    """All jobs of a data folder. Thread-safe; `changed` is notified whenever a job moves."""

    def __init__(self, store: Store):
        self._store = store
        self.changed = threading.Condition()

    def add(self, base_id: str, file: Incoming) -> tuple[str, set[str]]:
        """Queue a file, or note that it failed already. Earlier jobs of its path go.

        Returns the job's id and the originals of the earlier ones.
        """
        name = uuid.uuid4().hex
        stage: JobStage = "queued" if file.error is None else "failed"
        result = None if file.error is None else FileResult(file.path, "failed", error=file.error.as_dict())
        now = time.time()
        with self._store.transaction() as connection:
            earlier = _forget(connection, base_id, file.path)
            connection.execute(
                "INSERT INTO jobs (id, knowledge_base, path, origin, sha256, stage, result, created_at,"
                " finished_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    name, base_id, file.path, file.origin, file.sha256, stage,
                    _dump(result) if result else None, now, now if result else None,
                ),
            )  # fmt: skip
        self._notify()
        return name, earlier

    def get(self, job_id: str) -> Job | None:
        row = self._store.row(f"{_SELECT} WHERE jobs.id = ?", (job_id,))
        return _job(row) if row else None

    def of(self, base_id: str) -> list[Job]:
        """Jobs of a knowledge base, oldest first."""
        return [
            _job(row)
            for row in self._store.rows(f"{_SELECT} WHERE base.id = ? ORDER BY jobs.rowid", (base_id,))
        ]

    def claim(self) -> Task | None:
        """The next queued job, now being parsed."""
        with self._store.transaction() as connection:
            row = connection.execute(
                "SELECT * FROM jobs WHERE stage = 'queued' ORDER BY rowid LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE jobs SET stage = 'parsing' WHERE id = ?", (row["id"],))
        self._notify()
        return Task(row["id"], row["knowledge_base"], row["path"], row["origin"], row["sha256"])

    def advance(self, job_id: str, stage: JobStage, done: int, total: int) -> bool:
        """Note progress; False when the job is not wanted any more."""
        changed = self._store.write(
            "UPDATE jobs SET stage = ?, done = ?, total = ?"
            " WHERE id = ? AND stage IN ('parsing', 'embedding')",
            (stage, done, total, job_id),
        )
        self._notify()
        return changed == 1

    def wanted(self, job_id: str) -> bool:
        """Whether the job is still being worked on: neither cancelled nor gone with its knowledge base."""
        return bool(
            self._store.row(
                "SELECT 1 FROM jobs WHERE id = ? AND stage IN ('parsing', 'embedding')", (job_id,)
            )
        )

    def finish(self, job_id: str, result: FileResult) -> bool:
        """End a job that is being worked on; False when it is not wanted any more."""
        with self._store.transaction() as connection:
            ended = self.finish_in(connection, job_id, result)
        self._notify()
        return ended

    def finish_in(self, connection: sqlite3.Connection, job_id: str, result: FileResult) -> bool:
        """`finish` inside a transaction of the caller, who calls `announce` after it."""
        stage = result.status if result.status in ("failed", "cancelled") else "done"
        cursor = connection.execute(
            "UPDATE jobs SET stage = ?, result = ?, finished_at = ?"
            " WHERE id = ? AND stage IN ('queued', 'parsing', 'embedding')",
            (stage, _dump(result), time.time(), job_id),
        )
        return cursor.rowcount == 1

    def announce(self) -> None:
        """Wake everybody who waits for a change."""
        self._notify()

    def cancel(self, job_id: str) -> None:
        """Stop a job at its next step. A finished one stays as it is. Raises `UnknownJob`."""
        job = self.get(job_id)
        if job is None:
            raise UnknownJob()
        self.finish(job_id, FileResult(job.path, "cancelled"))

    def retry(self, job_id: str) -> None:
        """Queue a failed or cancelled job again. Raises `UnknownJob`, also when its original is not there."""
        with self._store.transaction() as connection:
            cursor = connection.execute(
                "UPDATE jobs SET stage = 'queued', done = 0, total = 0, result = NULL, finished_at = NULL"
                " WHERE id = ? AND stage IN ('failed', 'cancelled') AND sha256 IS NOT NULL",
                (job_id,),
            )
        if cursor.rowcount == 0:
            raise UnknownJob()
        self._notify()

    def requeue_interrupted(self) -> int:
        """Queue again what a studio was working on when it ended; how many wait now."""
        self._store.write(
            "UPDATE jobs SET stage = 'queued', done = 0, total = 0 WHERE stage IN ('parsing', 'embedding')"
        )
        row = self._store.row("SELECT count(*) FROM jobs WHERE stage = 'queued'")
        return row[0] if row else 0

    def requeue(self, job_id: str) -> None:
        """Queue a job again that was given up unfinished; one that has ended meanwhile stays as it is."""
        self._store.write(
            "UPDATE jobs SET stage = 'queued', done = 0, total = 0"
            " WHERE id = ? AND stage IN ('parsing', 'embedding')",
            (job_id,),
        )
        self._notify()

    def forget(self, base_id: str, path: str) -> set[str]:
        """Drop the finished jobs of a document; their originals."""
        with self._store.transaction() as connection:
            return _forget(connection, base_id, path)

    def busy(self) -> bool:
        """Whether any job waits or is being worked on."""
        return bool(self._store.row(_UNFINISHED))

    def busy_in(self, connection: sqlite3.Connection) -> bool:
        """`busy` inside a transaction of the caller."""
        return connection.execute(_UNFINISHED).fetchone() is not None

    def originals(self, base_id: str) -> Sequence[str]:
        rows = self._store.rows("SELECT DISTINCT sha256 FROM jobs WHERE knowledge_base = ?", (base_id,))
        return [row[0] for row in rows if row[0]]

    def _notify(self) -> None:
        with self.changed:
            self.changed.notify_all()


def _forget(connection: sqlite3.Connection, base_id: str, path: str) -> set[str]:
    finished = f"knowledge_base = ? AND path = ? AND stage IN {FINISHED}"
    rows = connection.execute(f"SELECT sha256 FROM jobs WHERE {finished}", (base_id, path)).fetchall()
    connection.execute(f"DELETE FROM jobs WHERE {finished}", (base_id, path))
    return {row[0] for row in rows if row[0]}


def _dump(result: FileResult) -> str:
    return json.dumps({name: getattr(result, name) for name in result.__slots__}, ensure_ascii=False)


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        knowledge_base=row["knowledge_base_name"],
        path=row["path"],
        stage=row["stage"],
        done=row["done"],
        total=row["total"],
        result=FileResult(**json.loads(row["result"])) if row["result"] else None,
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )
