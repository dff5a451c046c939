"""`studio kb …`."""

import time
from pathlib import Path, PurePath
from typing import Any

from studio.commands.task import Outcome, Task, arguments
from studio.knowledge.types import FileResult, Job, KnowledgeBaseKind, Mode, SearchResult
from studio.sentences import Notice, StudioError
from studio.services import Studio


class FileStarts(Notice):
    en = "{path}: reading"
    zh = "{path}：正在读取"


class FileIndexed(Notice):
    en = "{path}: indexed, {pages} pages, {chunks} chunks, {seconds:.1f} s"
    zh = "{path}：已索引，{pages} 页，{chunks} 个文本块，{seconds:.1f} 秒"


class FileUnchanged(Notice):
    en = "{path}: unchanged"
    zh = "{path}：没有变化"


class FileCancelled(Notice):
    en = "{path}: cancelled. Add it again to go on."
    zh = "{path}：已取消。再次添加即可继续。"


class FileFailed(Notice):
    en = "{path}: {error}"
    zh = "{path}：{error_zh}"


class SeveralDocuments(StudioError):
    en = "Several documents are called {document}: {paths}. Give the path of the one you mean."
    zh = "有多个文档名为 {document}：{paths}。请给出要移除的那个文档的路径。"


def create(
    studio: Studio,
    task: Task,
    name: str,
    kind: KnowledgeBaseKind = "text",
    embedder: str | None = None,
    chunk_size: int | None = None,
    overlap: int | None = None,
) -> Outcome:
    """A new, empty knowledge base; as `kb list` shows it."""
    with arguments():
        made = studio.knowledge.create(
            name, kind=kind, embedder=embedder, chunk_size=chunk_size, overlap=overlap
        )
    return Outcome(made.as_dict())


def list_all(studio: Studio, task: Task) -> Outcome:
    return Outcome([base.as_dict() for base in studio.knowledge.all()])


def delete(studio: Studio, task: Task, name: str) -> Outcome:
    """Delete a knowledge base with its documents; what it was."""
    with arguments():
        gone = studio.knowledge.get(name)
    studio.knowledge.delete(name)
    return Outcome(gone.as_dict())


def add(studio: Studio, task: Task, name: str, paths: list[str]) -> Outcome:
    """Add files, folders and archives (absolute paths). Exit code 1 when any file failed or was cancelled."""
    with arguments():
        studio.knowledge.get(name)
    started = time.perf_counter()
    jobs = studio.knowledge.enqueue(name, [Path(path) for path in paths])
    said: set[tuple[str, str]] = set()

    def progress(job: Job) -> None:
        if (job.id, job.stage) not in said:
            said.add((job.id, job.stage))
            if job.stage == "parsing":
                task.say(FileStarts(path=job.path))
            elif job.result is not None:
                task.say(_said_of(job.result))

    def cancel() -> None:
        for job in jobs:
            studio.knowledge.cancel(job.id)

    with task.on_cancel(cancel):
        results = studio.knowledge.wait(jobs, progress)
    value = {
        "files": [_file(result, task) for result in results],
        "chunks": sum(result.chunks for result in results if result.status == "indexed"),
        "seconds": round(time.perf_counter() - started, 3),
    }
    return Outcome(value, int(any(result.status in ("failed", "cancelled") for result in results)))


def _file(result: FileResult, task: Task) -> dict[str, Any]:
    return result.as_dict() | {"error": result.error[task.language] if result.error else None}


def _said_of(result: FileResult) -> Notice:
    if result.status == "indexed":
        return FileIndexed(path=result.path, pages=result.pages, chunks=result.chunks, seconds=result.seconds)
    if result.status == "unchanged":
        return FileUnchanged(path=result.path)
    if result.status == "cancelled":
        return FileCancelled(path=result.path)
    error = result.error or {"en": "", "zh": ""}
    return FileFailed(path=result.path, error=error["en"], error_zh=error["zh"])


def remove(studio: Studio, task: Task, name: str, document: str) -> Outcome:
    """Remove one document (path, id, or a file name that only one has); its path and number of chunks."""
    with arguments():
        path, chunks = studio.knowledge.remove(name, _document(studio, name, document))
    return Outcome({"document": path, "chunks": chunks})


def _document(studio: Studio, name: str, document: str) -> str:
    """`search` shows documents by their file names, so a name is enough when it means one."""
    known = studio.knowledge.documents(name)
    if any(document in (each.id, each.path) for each in known):
        return document
    called = [each.path for each in known if PurePath(each.path).name == document]
    if len(called) > 1:
        raise SeveralDocuments(document=document, paths=", ".join(called))
    return called[0] if called else document


def verify(studio: Studio, task: Task, name: str, rebuild: bool = False) -> Outcome:
    """Whether SQLite, FTS5 and Chroma agree. Exit code 1 when they do not."""
    with arguments():
        studio.knowledge.get(name)
    found = studio.knowledge.verify(name, rebuild=rebuild)
    return Outcome(found, 0 if found["agree"] else 1)


def search(
    studio: Studio, task: Task, name: str, queries: list[str], k: int | None = None, mode: Mode = "hybrid"
) -> Outcome:
    """Evidence for each query, in their order."""
    with arguments():
        studio.knowledge.get(name)
    results = studio.knowledge.search_many(name, queries, k or studio.settings.evidence_count, mode)
    for notice in {notice["code"]: notice for result in results for notice in result.notices}.values():
        task.say(notice)
    return Outcome([_found(result) for result in results])


def _found(result: SearchResult) -> dict[str, Any]:
    return {
        "query": result.query,
        "seconds": round(result.seconds, 4),
        "hits": [
            {
                "chunk_id": hit.chunk_id,
                "document": PurePath(hit.document).name,
                "page": hit.page,
                "score": hit.score,
                "text": hit.text,
                "start": hit.start,
                "end": hit.end,
            }
            for hit in result.hits
        ],
    }
