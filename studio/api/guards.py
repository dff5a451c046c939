"""What every request to the owner's listener has to pass, whoever answers. Pure ASGI: no stream is held."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WRONG_HOST = "This address is not one of the studio. Open it at 127.0.0.1 or localhost."
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

# The page can be shown and used, and nothing in it can reach another server, whatever a model or document
# says. Gradio's page is built from inline scripts and evaluates the expressions of its own events.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityHeaders:
    """Adds the headers that keep a browser from loading anything from elsewhere."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class OwnSiteOnly:
    """Refuses what another web site makes the browser send: foreign `Host` (DNS rebinding), foreign `Origin`.

    Programs that are no browsers send neither an `Origin` nor a made-up `Host`.
    """

    def __init__(self, app: ASGIApp, any_host: bool = False):
        """`any_host`: reached under names that we cannot know, as the user opened it to others."""
        self.app = app
        self.any_host = any_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self.any_host and not is_loopback(_host_name(headers.get("host", ""))):
            await _refuse(scope, receive, send, WRONG_HOST)
        elif _foreign(scope, headers):
            await _refuse(scope, receive, send, "Another site may not use the studio.")
        else:
            await self.app(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Whether a host name or address always means this computer; most names can be pointed anywhere."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _foreign(scope: Scope, headers: Headers) -> bool:
    if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
        return False
    if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


async def _refuse(scope: Scope, receive: Receive, send: Send, reason: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await PlainTextResponse(reason, 403)(scope, receive, send)


def media_type(headers: Headers) -> str:
    """The content type without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()
