"""How files on their way into a knowledge base look."""

from collections.abc import Sequence

from studio.knowledge.types import Job
from studio.ui.markup import bar, button, escape, say
from studio.ui.texts import Texts


def draw_jobs(jobs: Sequence[Job], texts: Texts, *, buttons: bool = True) -> str:
    """A row per file: what is being done with it, or what became of it."""
    rows = "".join(_job(job, texts, buttons) for job in jobs)
    return f'<ul class="jobs">{rows}</ul>' if rows else ""


def _job(job: Job, texts: Texts, buttons: bool) -> str:
    stage = describe(job, texts)
    running = job.finished_at is None
    progress = bar(job.done / job.total if job.total else None, stage) if running else ""
    act = ""
    if buttons and running:
        act = button(texts.cancel, "cancel", kind="quiet", id=job.id, title=f"{texts.cancel}: {job.path}")
    elif buttons and job.stage in ("failed", "cancelled"):
        act = button(texts.retry, "retry", kind="quiet", id=job.id, title=f"{texts.retry}: {job.path}")
    return (
        f'<li class="job {job.stage}"><span class="name">{escape(job.path)}</span>'
        f'<span class="stage">{escape(stage)}</span>{progress}{act}</li>'
    )


def describe(job: Job, texts: Texts) -> str:
    """The stage of a job in words."""
    result = job.result
    if result is not None and result.error:
        return say(result.error, texts.language)
    if result is not None and result.status == "unchanged":
        return texts.stage_unchanged
    match job.stage:
        case "parsing" if job.total:
            return texts.stage_parsing.format(done=min(job.done + 1, job.total), total=job.total)
        case "parsing":
            return texts.stage_parsing_start
        case "embedding":
            return texts.stage_embedding.format(done=job.done, total=job.total)
        case "done" if result is not None:
            done = texts.stage_done if result.pages else texts.stage_done_without_pages
            return done.format(pages=result.pages, chunks=result.chunks, seconds=f"{result.seconds:.1f}")
        case stage:
            return str(getattr(texts, f"stage_{stage}"))
