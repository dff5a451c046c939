"""Between the browser and Gradio: lets through what our pages use, and finishes the page's HTML."""

import re
from collections.abc import Iterable

from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.sentences import Language
from studio.ui.frame import HTML_LANGUAGE, head

# Everything else that Gradio serves is closed: its API pages, the proxy and `file=` routes (which fetch any
# address on the internet for whoever asks), run history, monitoring, code generation.
PAGE = (
    "/assets/",
    "/static/",
    "/svelte/",
    "/theme.css",
    "/config",
    "/favicon.ico",
    "/gradio_api/info",
    "/gradio_api/queue/join",
    "/gradio_api/queue/data",
    "/gradio_api/heartbeat/",
    "/gradio_api/component_server",
    "/gradio_api/cancel",
    "/gradio_api/reset",
    "/gradio_api/startup-events",
)
UPLOADS = ("/gradio_api/upload", "/gradio_api/upload_progress")

# Social media cards that name addresses elsewhere, and a manifest that is not there.
UNWANTED = re.compile(r'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>|\s*<link rel="manifest"[^>]*>')


class PageGate:
    """ASGI middleware around one mounted page. Streams pass through it untouched."""

    def __init__(self, app: ASGIApp, language: Language, *, uploads: bool):
        self._app = app
        self._language = language
        self._open = PAGE + (UPLOADS if uploads else ())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path in ("", "/"):
            await self._page(scope, receive, send)
        elif _is_open(path, self._open):
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse("Not found", status_code=404)(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The page itself, with our language, style and script in it."""
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        status = 200
        body = b""

        async def collect(message: Message) -> None:
            nonlocal status, body
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")

        # Gradio reads `page` and `deep_link` from the query; ours is read by the pages themselves.
        await self._app({**scope, "headers": headers, "query_string": b""}, receive, collect)
        page = finish(body.decode(), self._language) if status == 200 else body.decode()
        await HTMLResponse(page, status, {"cache-control": "no-store"})(scope, receive, send)


def _is_open(path: str, allowed: Iterable[str]) -> bool:
    return any(
        path.startswith(prefix) if prefix.endswith("/") else path.rstrip("/") == prefix for prefix in allowed
    )


def finish(page: str, language: Language) -> str:
    """Gradio's HTML in our language, with our style and script, and without links to elsewhere."""
    page = UNWANTED.sub("", page)
    page = page.replace('lang="en"', f'lang="{HTML_LANGUAGE[language]}"', 1)
    return page.replace("<head>", f"<head>{head()}", 1)
