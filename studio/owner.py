"""One process owns a data folder: a lock that dies with its holder, and a file that says where it listens."""

import contextlib
import dataclasses
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from studio.sentences import StudioError
from studio.store import DataFolderUnusable

LOCK = "owner.lock"
ADDRESS = "address.json"
POLL_SECONDS = 0.05


class DataFolderInUse(StudioError):
    en = (
        "The data folder {folder} is in use by another studio (process {pid}, {command}). "
        "Wait until it has ended, stop it, or choose another folder with --data-dir."
    )
    zh = (
        "数据文件夹 {folder} 正被另一个工作室占用（进程 {pid}，{command}）。"
        "请等它结束、把它停掉，或用 --data-dir 指定另一个文件夹。"
    )


@dataclass(frozen=True, slots=True)
class Address:
    """Who owns a data folder. `url` and `token` are empty while it does not listen (yet)."""

    pid: int
    command: str
    url: str = ""
    token: str = ""


class Ownership:
    """A data folder that is ours until `release` or the end of this process."""

    def __init__(self, data_dir: Path, lock: FileLock, address: Address):
        self.data_dir = data_dir
        self.address = address
        self._lock = lock
        _write(data_dir, address)

    def announce(self, url: str, token: str) -> None:
        """Tell commands where to send their work: the address and the secret that proves who they are."""
        self.address = dataclasses.replace(self.address, url=url, token=token)
        _write(self.data_dir, self.address)

    def release(self) -> None:
        """Give the folder free. Idempotent."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                (self.data_dir / ADDRESS).unlink(missing_ok=True)
            self._lock.release()


def take(data_dir: Path, command: str = "serve") -> Ownership:
    """Own `data_dir`, which is created where it does not exist.

    `command`: what the owner does, for the sentence that others get.
    Raises `DataFolderInUse` or `DataFolderUnusable`.
    """
    try:
        # Conversations and documents are nobody else's business on a computer with several accounts.
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _lock(data_dir)
        # A command that looks whether anybody is here holds the lock for a moment.
        lock.acquire(timeout=0.5, poll_interval=0.02)
        return Ownership(data_dir, lock, Address(pid=os.getpid(), command=command))
    except Timeout as error:
        holder = _read(data_dir)
        raise DataFolderInUse(
            folder=data_dir, pid=holder.pid if holder else "?", command=holder.command if holder else "?"
        ) from error
    except OSError as error:
        raise DataFolderUnusable(folder=data_dir, reason=error.strerror or error) from error


def running(data_dir: Path, wait_seconds: float = 15.0) -> Address | None:
    """The studio that serves `data_dir`, or None where nobody listens.

    A studio that is just starting is waited for, at most `wait_seconds`.
    """
    deadline = time.monotonic() + wait_seconds
    while _is_held(data_dir):
        address = _read(data_dir)
        if address is not None and address.url:
            return address
        if (address is not None and address.command != "serve") or time.monotonic() > deadline:
            return None
        time.sleep(POLL_SECONDS)
    return None


def _lock(data_dir: Path) -> FileLock:
    # Not bound to a thread: the studio may be closed by another thread than the one that opened it.
    return FileLock(data_dir / LOCK, thread_local=False)


def _is_held(data_dir: Path) -> bool:
    lock = _lock(data_dir)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False


def _write(data_dir: Path, address: Address) -> None:
    new = data_dir / f"{ADDRESS}.new"
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(dataclasses.asdict(address), file)
    new.replace(data_dir / ADDRESS)


def _read(data_dir: Path) -> Address | None:
    try:
        return Address(**json.loads((data_dir / ADDRESS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
