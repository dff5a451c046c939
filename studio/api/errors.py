"""What goes wrong on the API, and how OpenAI's clients are told."""

from typing import Any

from studio.engines.errors import (
    DoesNotFit,
    NotAChatModel,
    OutOfMemory,
    PromptTooLong,
    TemplateRefused,
)
from studio.models.errors import LevelUnavailable, ModelNotInstalled, UnknownLevel, UnknownModel
from studio.sentences import StudioError


class NoModelLoaded(StudioError):
    en = (
        "No chat model is loaded. Load one on the Models page, or name one in “model” (GET /v1/models "
        "lists them)."
    )
    zh = "没有已加载的对话模型。请在“模型”页加载，或在 model 字段中指定（GET /v1/models 可列出全部）。"


class RequestUnusable(StudioError):
    en = "The field {place} cannot be used: {reason}. Correct it and send the request again."
    zh = "字段 {place} 无法使用：{reason}。请修改后重新发送请求。"


# Sentence → (HTTP status, OpenAI's code); everything else is 500.
STATUS: dict[type[StudioError], tuple[int, str]] = {
    RequestUnusable: (400, "invalid_request"),
    PromptTooLong: (400, "context_length_exceeded"),
    TemplateRefused: (400, "invalid_messages"),
    NotAChatModel: (400, "not_a_chat_model"),
    LevelUnavailable: (400, "level_unavailable"),
    UnknownLevel: (400, "level_unavailable"),
    UnknownModel: (404, "model_not_found"),
    ModelNotInstalled: (404, "model_not_installed"),
    NoModelLoaded: (503, "no_model_loaded"),
    DoesNotFit: (503, "insufficient_memory"),
    OutOfMemory: (503, "insufficient_memory"),
}


class ApiError(Exception):
    """An answer with `status` and OpenAI's error body."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None):
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param

    def body(self) -> dict[str, Any]:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def api_error(error: StudioError, param: str | None = None) -> ApiError:
    """The status and code that fit a sentence."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            status, code = STATUS[kind]
            return ApiError(status, error.say("en"), code, param)
    return ApiError(500, error.say("en"), error.code, param)
