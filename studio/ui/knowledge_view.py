"""How knowledge bases, their documents and search results look."""

import time
from collections.abc import Sequence

from studio.knowledge.types import Document, Job, KnowledgeBase, SearchResult
from studio.ui.jobs import draw_jobs
from studio.ui.markup import button, escape, notices, size
from studio.ui.texts import Texts
from studio.ui.turns import draw_evidence

# A finished file is also in the list of documents; its row stays this long so that its result can be read.
SECONDS_DONE_IS_SHOWN = 15 * 60


def draw_bases(bases: Sequence[KnowledgeBase], chosen: str, texts: Texts) -> str:
    """The list of knowledge bases."""
    rows = "".join(_base(base, base.name == chosen, texts) for base in bases)
    rows = rows or f'<li class="none">{escape(texts.no_knowledge_bases)}</li>'
    return f'<nav aria-label="{escape(texts.knowledge_bases)}"><ul class="bases">{rows}</ul></nav>'


def _base(base: KnowledgeBase, chosen: bool, texts: Texts) -> str:
    here = ' aria-current="true"' if chosen else ""
    return (
        f'<li><button type="button" class="act open" data-do="open" data-name="{escape(base.name)}"{here}>'
        f"<strong>{escape(base.name)}</strong><span>{escape(_counts(base, texts))}</span></button></li>"
    )


def _counts(base: KnowledgeBase, texts: Texts) -> str:
    return texts.kb_counts.format(documents=base.documents, chunks=base.chunks, size=size(base.bytes))


def draw_base_head(base: KnowledgeBase | None, texts: Texts) -> str:
    """Name and numbers of the chosen knowledge base."""
    if base is None:
        return f'<p class="none">{escape(texts.pick_knowledge_base)}</p>'
    details = texts.kb_details.format(
        chunk_size=base.chunk_size, overlap=base.overlap, embedder=base.embedder
    )
    delete = button(
        texts.delete_knowledge_base,
        "delete-base",
        kind="quiet danger",
        name=base.name,
        sure=texts.really_delete_kb.format(name=base.name),
    )
    return (
        f'<div class="base-head"><div><h2>{escape(base.name)}</h2>'
        f"<p>{escape(_counts(base, texts))} · {escape(details)}</p></div>{delete}</div>"
    )


def shown_jobs(jobs: Sequence[Job]) -> list[Job]:
    """The newest job of each file, unless its row has become old news."""
    newest = {job.path: job for job in sorted(jobs, key=lambda job: job.created_at)}
    now = time.time()
    return [
        job
        for job in newest.values()
        if job.finished_at is None or job.stage != "done" or now - job.finished_at < SECONDS_DONE_IS_SHOWN
    ]


def draw_progress(base: str, jobs: Sequence[Job], texts: Texts) -> str:
    """Files on their way; `data-active` tells the page whether to keep asking."""
    rows = shown_jobs(jobs)
    active = any(job.finished_at is None for job in rows)
    heading = texts.in_progress if active else texts.just_added
    inside = f"<h3>{escape(heading)}</h3>{draw_jobs(rows, texts)}" if rows else ""
    return (
        f'<div class="progress" data-base="{escape(base)}" data-active="{str(active).lower()}"'
        f' aria-live="off">{inside}</div>'
    )


def draw_documents(documents: Sequence[Document], texts: Texts) -> str:
    """The documents of a knowledge base, each with what there is to know about it."""
    rows = "".join(_document(document, texts) for document in documents)
    rows = (
        f'<ul class="documents">{rows}</ul>' if rows else f'<p class="none">{escape(texts.no_documents)}</p>'
    )
    return f"<h3>{escape(texts.documents)}</h3>{rows}"


def _document(document: Document, texts: Texts) -> str:
    # A Word file has no pages.
    counts = texts.pages_chunks if document.pages else texts.chunks_only
    facts = f"{counts.format(pages=document.pages, chunks=document.chunks)} · {size(document.bytes)}"
    delete = button(
        texts.delete,
        "delete-document",
        kind="quiet",
        id=document.id,
        sure=texts.really_delete,
        title=texts.delete_document.format(name=document.path),
    )
    return (
        f'<li><span class="name">{escape(document.path)}</span>'
        f'<span class="facts">{escape(facts)}</span>{delete}'
        f"{notices(document.notices, texts.language)}</li>"
    )


def draw_search(result: SearchResult | None, texts: Texts) -> str:
    """What a search found, best first."""
    if result is None:
        return ""
    if not result.hits:
        return f'<p class="none">{escape(texts.nothing_found)}</p>{notices(result.notices, texts.language)}'
    took = texts.search_took.format(n=len(result.hits), seconds=f"{result.seconds:.2f}")
    hits = "".join(draw_evidence(n, hit.as_dict(), "", texts) for n, hit in enumerate(result.hits, 1))
    said = notices(result.notices, texts.language)
    return f'<p class="meta">{escape(took)}</p>{said}<div class="hits">{hits}</div>'
