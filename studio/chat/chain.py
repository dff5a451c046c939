"""The LangChain part: retriever, fit, prompt and chat model joined with LCEL.

Imported with the first question, not at start-up: LangChain takes half a second and 50 MB.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

from langchain.messages import AIMessage, AIMessageChunk, AnyMessage, HumanMessage
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough

from studio.chat.prompts import read_template
from studio.engines.base import Done, Engine, Message, Role, Sampling, Text, Usage
from studio.sentences import Language

ROLES: dict[str, Role] = {"system": "system", "human": "user", "ai": "assistant"}
SAMPLING = ("temperature", "top_p", "max_tokens", "seed")

Values = dict[str, Any]


def answer_chain(
    model: BaseChatModel,
    fit: Callable[[Values], Values],
    prompt: Callable[[Values], ChatPromptTemplate],
    retriever: Runnable[str, list[Document]] | None = None,
) -> Runnable[Values, BaseMessage]:
    """question → retriever → fit → prompt → model.

    Takes `{"question": str, "history": turns}`. `fit` adds what the prompt needs, cut to the model's context;
    `prompt` picks the template for it. Without a retriever it is plain chat.
    """
    fitted: Runnable[Values, Values] = RunnableLambda(fit)
    if retriever is not None:
        fitted = RunnablePassthrough.assign(documents=itemgetter("question") | retriever) | fitted
    return cast("Runnable[Values, BaseMessage]", fitted | RunnableLambda(prompt) | model)


def chat_prompt(folder: Path, template: str, language: Language) -> ChatPromptTemplate:
    """System prompt, earlier turns, then the user's message in the words of `template` (`plain`: as is)."""
    question = "{question}" if template == "plain" else read_template(folder, template, language)
    return ChatPromptTemplate(
        [("system", "{system_prompt}"), MessagesPlaceholder("history"), ("human", question)]
    )


def history_messages(turns: Sequence[tuple[str, str]]) -> list[AnyMessage]:
    """(question, answer) pairs as LangChain messages."""
    return [
        message
        for question, answer in turns
        for message in (HumanMessage(content=question), AIMessage(content=answer))
    ]


def engine_messages(messages: Sequence[BaseMessage]) -> list[Message]:
    """LangChain messages as the engine contract takes them."""
    return [Message(ROLES[message.type], message.text) for message in messages]


class EngineChatModel(BaseChatModel):
    """A loaded engine as a LangChain chat model.

    `request` names the generation, for `Engine.cancel`. Sampling can be bound per call:
    `model.bind(temperature=0)`. The last chunk carries `usage_metadata`, and in `response_metadata` the
    `finish_reason` (`stop`, `length`, `cancelled`) and `usage` (the fields of `engines.base.Usage`).
    """

    engine: Engine
    sampling: Sampling = Sampling()
    request: str

    @property
    def _llm_type(self) -> str:
        return "chat-studio"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.engine.card.id, "level": self.engine.level}

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        asked = {name: kwargs[name] for name in SAMPLING if name in kwargs}
        sampling = replace(self.sampling, stop=(*self.sampling.stop, *(stop or ())), **asked)
        stream = self.engine.generate(self.request, engine_messages(messages), sampling)
        with contextlib.closing(cast("Any", stream)):
            for event in stream:
                yield _chunk(event)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chunks = list(self._stream(messages, stop, run_manager, **kwargs))
        last = chunks[-1].message
        message = AIMessage(
            content="".join(chunk.text for chunk in chunks),
            response_metadata=last.response_metadata,
            usage_metadata=cast("AIMessageChunk", last).usage_metadata,
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def _chunk(event: Text | Done) -> ChatGenerationChunk:
    if isinstance(event, Text):
        return ChatGenerationChunk(message=AIMessageChunk(content=event.text))
    return ChatGenerationChunk(
        message=AIMessageChunk(
            content="",
            chunk_position="last",
            usage_metadata=_usage_metadata(event.usage),
            response_metadata={"finish_reason": event.reason, "usage": event.usage.as_dict()},
        )
    )


def _usage_metadata(usage: Usage) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
    )
