"""`/v1/models` and `/v1/chat/completions`: the loaded model for other programs, in OpenAI's format."""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import ValidationError
from starlette.responses import Response

from studio.api.errors import ApiError, NoModelLoaded, RequestUnusable, api_error
from studio.api.guards import media_type
from studio.api.schema import ChatRequest, usage_as_dict
from studio.api.stream import Pump
from studio.engines.base import Done, Sampling, Text
from studio.engines.errors import NotAChatModel
from studio.models.levels import check_level
from studio.sentences import StudioError
from studio.services import Studio

log = logging.getLogger(__name__)

Result = TypeVar("Result")

REQUEST_BYTES = 8 * 1000**2
# Nobody is there to read it.
CLIENT_GONE = Response(status_code=499)
FINISH = {"stop": "stop", "length": "length", "cancelled": "stop"}


@dataclass(frozen=True, slots=True)
class Answering:
    """One answer on its way."""

    id: str
    created: int
    model: str
    level: str
    request: ChatRequest

    @property
    def name(self) -> str:
        return f"{self.model}@{self.level}"


def routes(studio: Studio) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/models")
    def models() -> dict[str, Any]:
        """Every chat model on this computer; the loaded ones once more as `ID@LEVEL`, first."""
        loaded = [f"{card.id}@{level}" for card, level in studio.loaded_chat_models()]
        chat = [
            card.id for card in studio.catalogue.cards() if card.kind in ("chat", "base") and card.installed
        ]
        return {"object": "list", "data": [_model_entry(name) for name in [*loaded, *chat]]}

    @router.get("/models/{name:path}")
    def model(name: str) -> dict[str, Any]:
        try:
            resolve_model(studio, name)
        except StudioError as error:
            raise api_error(error) from error
        return _model_entry(name)

    @router.post("/chat/completions")
    async def chat_completions(request: Request) -> Response:
        asked = await read_request(request)
        try:
            model, level = resolve_model(studio, asked.model)
        except StudioError as error:
            raise api_error(error) from error
        answering = Answering(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), model, level, asked)
        pump = Pump(lambda: _generate(studio, answering))
        if asked.stream:
            return await _streamed(answering, pump, request)
        return await _whole(answering, pump, request)

    return router


async def show_error(_: Request, error: Exception) -> Response:
    """An `ApiError` in OpenAI's shape."""
    assert isinstance(error, ApiError)
    return JSONResponse(error.body(), error.status)


def _model_entry(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "chat-studio"}


async def read_request(request: Request) -> ChatRequest:
    """The parsed body. Raises `ApiError` (400, 413, 415)."""
    if media_type(request.headers) != "application/json":
        raise ApiError(415, "Send the request as JSON, with the header Content-Type: application/json.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > REQUEST_BYTES:
            raise ApiError(
                413, f"The request is larger than {REQUEST_BYTES} bytes. Send fewer or shorter messages."
            )
    try:
        return ChatRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise api_error(
            RequestUnusable(place=place or "body", reason=first["msg"]), param=place or None
        ) from error


def resolve_model(studio: Studio, name: str | None) -> tuple[str, str]:
    """(model id, level) that `ID`, `ID@LEVEL` or nothing means.

    Nothing: the loaded model that was used last. `ID`: as it is loaded, else the level of the settings.
    Raises `NoModelLoaded`, `UnknownModel`, `NotAChatModel`, `LevelUnavailable`.
    """
    loaded = [(card.id, level) for card, level in studio.loaded_chat_models()]
    if not name:
        if not loaded:
            raise NoModelLoaded()
        return loaded[0]
    model, _, level = name.rpartition("@") if "@" in name else (name, "", "")
    card = studio.catalogue.get(model)
    if card.kind in ("embedding", "reranker", "encoder"):
        raise NotAChatModel(model=card.name)
    if not level:
        usual = studio.settings.chat_level
        fallback = usual if usual in card.levels or not card.levels else card.levels[0]
        level = next((at for id, at in loaded if id == card.id), fallback)
    check_level(card, level)
    return card.id, level


def _generate(studio: Studio, answering: Answering) -> Iterator[Text | Done]:
    asked, settings = answering.request, studio.settings
    sampling = Sampling(
        temperature=settings.temperature if asked.temperature is None else asked.temperature,
        top_p=settings.top_p if asked.top_p is None else asked.top_p,
        max_tokens=asked.max_completion_tokens or asked.max_tokens or settings.max_tokens,
        seed=asked.seed,
        stop=asked.stops(),
    )
    messages = [message.as_message() for message in asked.messages]
    yield from studio.complete(answering.model, answering.level, answering.id, messages, sampling)


async def _whole(answering: Answering, pump: Pump[Text | Done], request: Request) -> Response:
    """The answer in one piece; a client that goes away stops it."""

    async def collect() -> tuple[str, Done]:
        text: list[str] = []
        async for event in pump:
            if isinstance(event, Done):
                return "".join(text), event
            text.append(event.text)
        raise RuntimeError("the answer has no end")

    answer = await _unless_gone(request, collect(), pump)
    if answer is None:
        return CLIENT_GONE
    text, done = answer
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": FINISH[done.reason],
        "logprobs": None,
    }
    body = {"choices": [choice], "usage": usage_as_dict(done.usage)}
    return JSONResponse(_frame(answering, "chat.completion") | body)


async def _streamed(answering: Answering, pump: Pump[Text | Done], request: Request) -> Response:
    """Server-sent events. What fails before the first token is an ordinary error response."""
    events = aiter(pump)
    first = await _unless_gone(request, anext(events), pump)
    if first is None:
        return CLIENT_GONE
    return StreamingResponse(
        _chunks(answering, first, events),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


async def _unless_gone(request: Request, work: Awaitable[Result], pump: Pump[Text | Done]) -> Result | None:
    """What `work` gives; None, and the answer stopped, when the client goes away first. Raises `ApiError`."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            return None
        return working.result()
    except Exception as error:
        raise _failure(error) from error
    finally:
        leaving.cancel()
        if not working.done():
            pump.stop()
            working.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _chunks(
    answering: Answering, first: Text | Done, rest: AsyncIterator[Text | Done]
) -> AsyncIterator[str]:
    include_usage = bool(answering.request.stream_options and answering.request.stream_options.include_usage)
    frame = _frame(answering, "chat.completion.chunk") | ({"usage": None} if include_usage else {})

    def chunk(delta: dict[str, str], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return _event(frame | {"choices": [choice]})

    yield chunk({"role": "assistant", "content": ""})
    try:
        event: Text | Done | None = first
        while event is not None:
            if isinstance(event, Text):
                yield chunk({"content": event.text})
            else:
                yield chunk({}, FINISH[event.reason])
                if include_usage:
                    yield _event(frame | {"choices": [], "usage": usage_as_dict(event.usage)})
            event = await anext(rest, None)
        yield "data: [DONE]\n\n"
    except Exception as error:
        yield _event(_failure(error).body())
    finally:
        await rest.aclose()  # type: ignore[attr-defined]


def _failure(error: Exception) -> ApiError:
    if isinstance(error, StudioError):
        return api_error(error)
    log.error("an answer failed", exc_info=error)
    return ApiError(500, f"The studio failed ({type(error).__name__}). Try again.", "server_error")


def _frame(answering: Answering, kind: str) -> dict[str, Any]:
    return {"id": answering.id, "object": kind, "created": answering.created, "model": answering.name}


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
