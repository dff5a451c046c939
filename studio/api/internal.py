"""`POST /internal/command`: a command of this computer's owner, run by the studio that owns the data folder.

Answers in lines of JSON: what the command says on the way, an empty line now and then so that both sides
notice when the other is gone, and at last `{"outcome": {"value", "exit_code", "error"}}`.
"""

import asyncio
import contextlib
import hmac
import json
import threading
from collections.abc import AsyncIterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from studio.api.guards import is_loopback, media_type
from studio.commands import COMMANDS, Task, run
from studio.services import Studio

HEARTBEAT_SECONDS = 1.0
PATH = "/internal/command"


class CommandRequest(BaseModel):
    """`arguments`: keyword arguments of the command, paths absolute."""

    command: Literal[tuple(COMMANDS)]  # type: ignore[valid-type]
    arguments: dict[str, Any] = {}
    language: Literal["en", "zh"] = "en"


def routes(studio: Studio, token: str) -> APIRouter:
    router = APIRouter()

    @router.post(PATH)
    async def command(request: Request) -> Response:
        shown = request.headers.get("authorization", "")
        if not _from_here(request) or not hmac.compare_digest(shown.encode(), f"Bearer {token}".encode()):
            return PlainTextResponse("Not Found", 404)
        if media_type(request.headers) != "application/json":
            return PlainTextResponse("Send JSON.", 415)
        try:
            asked = CommandRequest.model_validate_json(await request.body())
        except ValidationError as error:
            return PlainTextResponse(str(error), 400)
        return StreamingResponse(_lines(studio, asked), media_type="application/x-ndjson")

    return router


def _from_here(request: Request) -> bool:
    """Whether the caller is on this computer: its loopback, or the address that it is listening on itself."""
    client = request.client.host if request.client else ""
    server = request.scope.get("server") or ("", None)
    return is_loopback(client) or client == server[0]


async def _lines(studio: Studio, asked: CommandRequest) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def report(said: dict[str, Any]) -> None:
        # The loop is closed when the studio ends while a command is at work.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(queue.put_nowait, said)

    task = Task(report, asked.language)

    def work() -> None:
        report({"outcome": run(studio, asked.command, asked.arguments, task).as_dict()})

    # A thread of its own: commands take as long as they take, and the pool of the loop is for short work.
    threading.Thread(target=work, name=f"studio {asked.command}", daemon=True).start()
    try:
        while True:
            try:
                said = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield "\n"
                continue
            yield json.dumps(said, ensure_ascii=False) + "\n"
            if "outcome" in said:
                return
    finally:
        # Nobody listens any more, or it is over: cancelling what is over does nothing.
        task.cancel()
