"""The routes for other programs: health, OpenAI-compatible chat, and commands of this computer's owner."""

from fastapi import FastAPI

from studio.api import health, internal, openai
from studio.api.errors import ApiError
from studio.api.guards import OwnSiteOnly, SecurityHeaders
from studio.services import Studio

__all__ = ["OwnSiteOnly", "SecurityHeaders", "create_app"]


def create_app(studio: Studio, token: str) -> FastAPI:
    """The application of the owner's listener; the pages are mounted into it afterwards.

    `token`: what a command of this computer's owner has to show. Guards are wrapped around the whole
    application by whoever listens, so that they hold for mounted pages too.
    """
    # No generated documentation: its page loads scripts from another server.
    app = FastAPI(title="Chat Studio", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(health.routes(studio))
    app.include_router(openai.routes(studio))
    app.include_router(internal.routes(studio, token))
    app.add_exception_handler(ApiError, openai.show_error)
    return app
