"""`--auth`: a password before everything on the owner's listener, Gradio's own routes included."""

import base64
import binascii
import hmac
import json

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from studio.share.throttle import Throttle


class PasswordGate:
    """Browsers log in with Basic authentication, programs with `Authorization: Bearer PASSWORD`."""

    def __init__(
        self, app: ASGIApp, user: str, password: str, own_token: str, throttle: Throttle | None = None
    ):
        """`own_token`: commands of this computer's owner pass with it; the route behind checks it again."""
        self.app = app
        self._basic = f"{user}:{password}".encode()
        self._bearers = (password.encode(), own_token.encode())
        self._throttle = throttle or Throttle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        shown = Headers(scope=scope).get("authorization")
        if shown is None:
            return _health() if scope.get("path") == "/health" else _ask(scope)
        wait = self._throttle.wait_seconds()
        if wait > 0:
            return PlainTextResponse(
                "Too many wrong tries. Wait, then try again.", 429, {"Retry-After": str(int(wait) + 1)}
            )
        if self._accepts(shown):
            self._throttle.succeeded()
            return None
        self._throttle.failed()
        return _ask(scope)

    def _accepts(self, shown: str) -> bool:
        scheme, _, rest = shown.partition(" ")
        credentials = rest.strip().encode("utf-8", "replace")
        if scheme.lower() == "bearer":
            matches = [hmac.compare_digest(credentials, bearer) for bearer in self._bearers]
            return any(matches)
        if scheme.lower() == "basic":
            try:
                return hmac.compare_digest(base64.b64decode(credentials, validate=True), self._basic)
            except binascii.Error:
                return False
        return False


def _health() -> Response:
    # Whether it runs may be seen without a password, what it runs may not.
    return JSONResponse({"status": "ok"})


def _ask(scope: Scope) -> Response:
    challenge = {"WWW-Authenticate": 'Basic realm="Chat Studio", charset="UTF-8"'}
    if scope.get("path", "").startswith("/v1/"):
        error = {
            "message": "Send the password as the API key (Authorization: Bearer PASSWORD).",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_api_key",
        }
        return Response(json.dumps({"error": error}), 401, challenge, "application/json")
    return PlainTextResponse("This studio needs a password.", 401, challenge)
