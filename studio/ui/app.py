"""The pages mounted beside the other routes: one set per language, at /en and /zh."""

import os
import shutil
from typing import Any

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from starlette.routing import Mount

from studio.sentences import Language
from studio.services import Studio
from studio.settings import Settings
from studio.ui.answers import Answers
from studio.ui.chat import create_chat
from studio.ui.compare import create_compare
from studio.ui.frame import create_header
from studio.ui.gate import PageGate
from studio.ui.knowledge import create_knowledge
from studio.ui.models import create_models
from studio.ui.share import create_share
from studio.ui.strip import create_strip
from studio.ui.texts import Texts
from studio.ui.theme import theme

LANGUAGES: tuple[Language, ...] = ("en", "zh")


def mount_pages(app: FastAPI, studio: Studio, share: Any, settings: Settings) -> None:
    """Mount the owner's pages at /en and /zh; / leads to one of them. `share`: a `studio.share.Share`."""
    _keep_uploads_at_home(settings)
    answers = Answers(studio)
    for language in LANGUAGES:
        _mount(app, owner_page(studio, answers, share, language), language, guest=False)
    _redirect(app)


def guest_pages(app: FastAPI, studio: Studio) -> None:
    """Mount what guests of a shared link see: chat with what is loaded and opened to them, nothing else."""
    _keep_uploads_at_home(studio.settings)
    answers = Answers(studio)
    for language in LANGUAGES:
        _mount(app, guest_page(studio, answers, language), language, guest=True)
    _redirect(app)


def owner_page(studio: Studio, answers: Answers, share: Any, language: Language) -> gr.Blocks:
    """All pages of one language."""
    texts = Texts(language)
    with gr.Blocks(title=texts.studio, analytics_enabled=False, fill_width=True) as page:
        create_header(texts)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab(texts.chat, id="chat", elem_id="page-chat") as tab:
                create_chat(studio, answers, texts, page, tab)
            with gr.Tab(texts.knowledge, id="knowledge", elem_id="page-knowledge") as tab:
                create_knowledge(studio, texts, tab)
            with gr.Tab(texts.compare, id="compare", elem_id="page-compare") as tab:
                create_compare(studio, texts, tab, page)
            with gr.Tab(texts.models, id="models", elem_id="page-models") as tab:
                create_models(studio, texts, tab)
            with gr.Tab(texts.share, id="share", elem_id="page-share") as tab:
                create_share(studio, share, texts, tab)
        create_strip(studio, texts)
    page.queue(default_concurrency_limit=None, api_open=False)
    return page


def guest_page(studio: Studio, answers: Answers, language: Language) -> gr.Blocks:
    """The chat page for guests."""
    texts = Texts(language)
    with gr.Blocks(title=texts.guest_title, analytics_enabled=False, fill_width=True) as page:
        create_header(texts)
        with gr.Column(elem_id="guest"):
            create_chat(studio, answers, texts, page, None)
    page.queue(default_concurrency_limit=None, api_open=False)
    return page


def _mount(app: FastAPI, page: gr.Blocks, language: Language, *, guest: bool) -> None:
    path = f"/{language}"
    gr.mount_gradio_app(
        app,
        page,
        path=path,
        theme=theme(),
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
    )
    mount = app.router.routes[-1]
    assert isinstance(mount, Mount)
    mount.app = PageGate(mount.app, language, uploads=not guest)


def _redirect(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def choose_language(request: Request) -> RedirectResponse:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/{preferred_language(request)}/{query}", status_code=307)


def preferred_language(request: Request) -> Language:
    """The language chosen before, else the first of ours that the browser asks for, else English."""
    chosen = request.cookies.get("studio_language")
    if chosen in LANGUAGES:
        return chosen
    for wish in request.headers.get("accept-language", "").split(","):
        for language in LANGUAGES:
            if wish.strip().lower().startswith(language):
                return language
    return "en"


def _keep_uploads_at_home(settings: Settings) -> None:
    """Uploads belong into the data folder, not into the temporary folder that all users share.

    What a studio that was killed left there is cleared away.
    """
    uploads = settings.data_dir / "uploads"
    shutil.rmtree(uploads, ignore_errors=True)
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
