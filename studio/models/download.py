"""Brings a model from the hub onto this computer, on the user's request only."""

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from studio.models.errors import (
    DownloadInterrupted,
    GatedModel,
    HubUnreachable,
    NoSpaceForModel,
    NothingToDownload,
    NotOnHub,
)
from studio.sentences import StudioError, size

# What Transformers and sentence-transformers read; no pickles, no code, no other frameworks' weights
PATTERNS = ["*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken", "README.md", "LICENSE*", "*.safetensors"]
# Second copies of the weights in other tools' formats
IGNORED = ["original/*", "onnx/*", "openvino/*", "consolidated*", "*/adapter_model.safetensors"]


def download(hub_id: str, folder: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Download a model into `folder`, which appears only when it is complete.

    `progress(done, total)` in bytes, from several threads; it may raise `DownloadCancelled`. A dropped
    connection is taken up where it broke; after a failure, complete files are kept for the next attempt.
    Raises `HubUnreachable`, `NotOnHub`, `GatedModel`, `NothingToDownload`, `NoSpaceForModel`,
    `DownloadInterrupted` or `DownloadCancelled`.
    """
    from huggingface_hub import HfApi, snapshot_download

    started = False
    endpoint = hub_endpoint()
    with _clear_errors(hub_id, endpoint, lambda: started):
        partial = folder.with_name(folder.name + ".part")
        commit, files = _listing(HfApi(endpoint=endpoint), hub_id)
        total = sum(files.values())
        missing = sum(count for name, count in files.items() if not (partial / name).is_file())
        partial.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(partial).free
        if missing > free:
            raise NoSpaceForModel(model=hub_id, needed=size(missing), folder=partial.parent, free=size(free))
        counter = _Counter(total, total - missing, progress)
        started = True
        snapshot_download(
            hub_id,
            revision=commit,
            local_dir=partial,
            endpoint=endpoint,
            allow_patterns=list(files),
            max_workers=4,
            tqdm_class=counter.bar(),
        )
        counter.finish()
        shutil.rmtree(partial / ".cache", ignore_errors=True)
        partial.rename(folder)


def hub_endpoint() -> str:
    """Address of the hub, or of the mirror in `HF_ENDPOINT`, without a slash at the end."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def _listing(api: Any, hub_id: str) -> tuple[str, dict[str, int]]:
    """(commit, {file: bytes}) of what would be downloaded. Raises `NothingToDownload`."""
    from huggingface_hub.utils import filter_repo_objects

    info = api.model_info(hub_id, files_metadata=True, timeout=20)
    sizes = {entry.rfilename: entry.size or 0 for entry in info.siblings or []}
    chosen = filter_repo_objects(sizes, allow_patterns=PATTERNS, ignore_patterns=IGNORED)
    files = {name: sizes[name] for name in chosen}
    if "config.json" not in files or not any(name.endswith(".safetensors") for name in files):
        raise NothingToDownload(model=hub_id)
    return info.sha, files


class _Counter:
    """Adds up the bytes of files that download side by side."""

    def __init__(self, total: int, done: int, progress: Callable[[int, int], None] | None):
        self._total, self._done, self._progress = total, done, progress
        self._lock = threading.Lock()

    def add(self, count: float) -> None:
        with self._lock:
            self._done = min(self._done + int(count), self._total)
            done = self._done
        if self._progress is not None:
            self._progress(done, self._total)

    def finish(self) -> None:
        """Files that were there already are never reported by the hub client."""
        self.add(self._total)

    def bar(self) -> type:
        """A class that the hub client takes for a tqdm progress bar."""
        from huggingface_hub.utils import tqdm

        counter = self

        class Bar(tqdm):
            def __init__(self, *arguments: Any, **options: Any):
                options.pop("name", None)
                # Only one of the client's bars counts bytes that reached the disk
                self._counts = options.get("unit") == "B" and "econstruct" in str(options.get("desc"))
                super().__init__(*arguments, **options | {"disable": True})

            def update(self, n: float | None = 1) -> bool | None:
                if self._counts:
                    counter.add(n or 0)
                return None

        return Bar


@contextmanager
def _clear_errors(hub_id: str, endpoint: str, started: Callable[[], bool]) -> Iterator[None]:
    """Turns what the hub client raises into one sentence. `started`: whether files have begun to come."""
    from huggingface_hub import errors

    try:
        yield
    except StudioError:
        raise
    except errors.GatedRepoError as error:
        raise GatedModel(model=hub_id, page=f"{endpoint}/{hub_id}") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        raise NotOnHub(model=hub_id) from error
    except _broken_connections() as error:
        reason = _short(error)
        if started():
            raise DownloadInterrupted(model=hub_id, reason=reason) from error
        raise HubUnreachable(hub=endpoint, reason=reason) from error


def _broken_connections() -> tuple[type[BaseException], ...]:
    """What a connection that breaks raises: the hub client speaks through httpx, newer ones httpx2."""
    libraries = (sys.modules.get(name) for name in ("httpx", "httpx2"))
    return OSError, *(library.HTTPError for library in libraries if library)


def _short(error: BaseException) -> str:
    """The first line of an error, without addresses that mean nothing to a user."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
