"""`--auth`: a password before everything on the owner's listener, Gradio's own routes included."""

import base64
import binascii
import hmac
import json
from collections import OrderedDict
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from studio.share.throttle import Throttle

# Addresses whose wrong tries are remembered; beyond that the longest unheard one is forgotten.
REMEMBERED = 1000


class PasswordGate:
    """Browsers log in with Basic authentication, programs with `Authorization: Bearer PASSWORD`."""

    def __init__(
        self,
        app: ASGIApp,
        user: str,
        password: str,
        own_token: str,
        make_throttle: Callable[[], Throttle] = Throttle,
    ):
        """`own_token`: commands of this computer's owner pass with it; the route behind checks it again."""
        self.app = app
        self._basic = f"{user}:{password}".encode()
        self._password = password.encode()
        self._own_token = own_token.encode()
        self._make_throttle = make_throttle
        # One for each address: who guesses must not lock the owner out, nor be let off by the owner's visits.
        self._throttles: OrderedDict[str, Throttle] = OrderedDict()

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
        scheme, _, rest = shown.partition(" ")
        credentials = rest.strip().encode("utf-8", "replace")
        if scheme.lower() == "bearer" and hmac.compare_digest(credentials, self._own_token):
            return None
        throttle = self._throttle_of(scope)
        wait = throttle.wait_seconds()
        if wait > 0:
            return PlainTextResponse(
                "Too many wrong tries. Wait, then try again.", 429, {"Retry-After": str(int(wait) + 1)}
            )
        if self._accepts(scheme.lower(), credentials):
            throttle.succeeded()
            return None
        throttle.failed()
        return _ask(scope)

    def _throttle_of(self, scope: Scope) -> Throttle:
        address = (scope.get("client") or ("",))[0]
        throttle = self._throttles.setdefault(address, self._make_throttle())
        self._throttles.move_to_end(address)
        while len(self._throttles) > REMEMBERED:
            self._throttles.popitem(last=False)
        return throttle

    def _accepts(self, scheme: str, credentials: bytes) -> bool:
        if scheme == "bearer":
            return hmac.compare_digest(credentials, self._password)
        if scheme == "basic":
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
