"""The gate before the guest pages: nothing is reached without a login, and every guest has their own id.

Traffic from the tunnel looks like loopback, so neither addresses nor Gradio's login can tell guests apart.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.share.login import login_page
from studio.share.throttle import Throttle

COOKIE = "studio_guest"
LANGUAGE_COOKIE = "studio_language"
LANGUAGES = ("en", "zh")
LOGIN_BYTES = 4096
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
# The owner's doors do not exist here, whatever the mounted application would answer.
ABSENT = {"v1", "internal", "docs", "redoc", "openapi.json", "health", "metrics"}
# Of Gradio's routes only what its page needs to show itself and to run its own events.
GRADIO_ABSENT = {
    "api",
    "call",
    "component_server",
    "deep_link",
    "dev",
    "file",
    "info",
    "mcp",
    "openapi.json",
    "process_recording",
    "run",
    "run-history",
    "runs",
    "stream",
    "upload",
    "upload_progress",
    "vibe-code",
    "vibe-editor",
    "vibe-starter-queries",
}


@dataclass
class Login:
    """What a guest has to know, and the key that signs who they are. A new key each time sharing starts."""

    user: str
    password: str
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def accepts(self, user: str, password: str) -> bool:
        """Compared in constant time; both halves always."""
        same_user = hmac.compare_digest(user.encode(), self.user.encode())
        same_password = hmac.compare_digest(password.encode(), self.password.encode())
        return same_user and same_password

    def sign(self, guest: str) -> str:
        """The cookie of a guest."""
        return f"{guest}.{self._signature(guest)}"

    def guest(self, cookie: str) -> str | None:
        """The guest that a cookie names, or None when it was not made here."""
        guest, _, signature = cookie.rpartition(".")
        return guest if guest and hmac.compare_digest(signature, self._signature(guest)) else None

    def _signature(self, guest: str) -> str:
        return hmac.new(self.key, guest.encode(), hashlib.sha256).hexdigest()


class GuestGate:
    """ASGI application around the guest pages. Does not touch or buffer what passes."""

    def __init__(self, app: ASGIApp, login: Login, throttle: Throttle | None = None):
        self.app = app
        self.login = login
        # One for all: whoever guesses comes from the same address as everybody else.
        self.throttle = throttle or Throttle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        guest = self._guest(scope)
        if scope["type"] == "websocket":
            if guest is None:
                await send({"type": "websocket.close", "code": 1008})
                return
            await self.app(_as_guest(scope, guest), receive, send)
            return
        if _is_absent(scope["path"]):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
        elif scope["path"] == "/login":
            await (await self._login(scope, receive))(scope, receive, send)
        elif guest is None:
            await _to_login(scope)(scope, receive, send)
        elif _comes_from_elsewhere(scope):
            await PlainTextResponse("Forbidden", 403)(scope, receive, send)
        else:
            await self.app(_as_guest(scope, guest), receive, send)

    def _guest(self, scope: Scope) -> str | None:
        cookie = _cookies(scope).get(COOKIE)
        return self.login.guest(cookie) if cookie else None

    async def _login(self, scope: Scope, receive: Receive) -> Response:
        if scope["method"] != "POST":
            return _page(scope, 200)
        if _comes_from_elsewhere(scope):
            return PlainTextResponse("Forbidden", 403)
        body = await _body(receive, LOGIN_BYTES)
        if body is None:
            return _page(scope, 413, "wrong")
        wait = self.throttle.wait_seconds()
        if wait > 0:
            response = _page(scope, 429, "wait", seconds=int(wait) + 1)
            response.headers["Retry-After"] = str(int(wait) + 1)
            return response
        sent = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        if not self.login.accepts(sent.get("user", [""])[0], sent.get("password", [""])[0]):
            self.throttle.failed()
            return _page(scope, 401, "wrong")
        self.throttle.succeeded()
        return self._welcome(scope)

    def _welcome(self, scope: Scope) -> Response:
        response = RedirectResponse("/", 303, headers={"Cache-Control": "no-store"})
        response.set_cookie(
            COOKIE,
            self.login.sign(secrets.token_urlsafe(16)),
            httponly=True,
            samesite="lax",
            secure=Headers(scope=scope).get("x-forwarded-proto", "").startswith("https"),
        )
        return response


def _is_absent(path: str) -> bool:
    parts = path.strip("/").split("/")
    if parts[0] in ABSENT:
        return True
    if "gradio_api" in parts:
        inside = parts[parts.index("gradio_api") + 1 :]
        return bool(inside) and (inside[0] in GRADIO_ABSENT or inside[0].startswith(("proxy=", "file=")))
    return "monitoring" in parts


def _comes_from_elsewhere(scope: Scope) -> bool:
    """Whether a browser says that another site asks. Links of one share server are the same site to it."""
    if scope["method"] in SAFE_METHODS:
        return False
    return Headers(scope=scope).get("sec-fetch-site", "none") in ("cross-site", "same-site")


def _to_login(scope: Scope) -> Response:
    if scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", ""):
        return RedirectResponse("/login", 303, headers={"Cache-Control": "no-store"})
    return PlainTextResponse("Log in first.", 401)


def _page(scope: Scope, status: int, problem: str | None = None, seconds: int = 0) -> HTMLResponse:
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("language", [""])[0]
    preferred = Headers(scope=scope).get("accept-language", "")
    language = asked or ("zh" if preferred.lower().startswith("zh") else "en")
    html = login_page("zh" if language == "zh" else "en", problem, seconds)
    return HTMLResponse(
        html,
        status,
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": (
                "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                "form-action 'self'; frame-ancestors 'none'"
            ),
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _cookies(scope: Scope) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load("; ".join(Headers(scope=scope).getlist("cookie")))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


def _as_guest(scope: Scope, guest: str) -> Scope:
    """The request as the pages see it: the guest's verified id in place of the signed cookie.

    Other cookies stay outside: a value that decodes to `; studio_guest=…` would name somebody else.
    """
    cookies = [f"{COOKIE}={guest}"]
    language = _cookies(scope).get(LANGUAGE_COOKIE)
    if language in LANGUAGES:
        cookies.append(f"{LANGUAGE_COOKIE}={language}")
    inner = {**scope, "headers": list(scope["headers"])}
    MutableHeaders(scope=inner)["cookie"] = "; ".join(cookies)
    return inner


async def _body(receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None when it is longer than `limit` bytes or never ends."""
    body = b""
    while True:
        message: Message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return body
