"""Messages to prompt: the model's own chat template, or a plain transcript where it has none."""

from collections.abc import Sequence
from typing import Any

import jinja2

from studio.engines.base import Message
from studio.engines.errors import TemplateRefused

SPEAKERS = {"system": "System", "user": "User", "assistant": "Assistant"}
# A model that writes on in a transcript would go on with the next question; these end its turn.
TRANSCRIPT_STOPS = ("\nUser:", "\nSystem:")


def render(tokenizer: Any, messages: Sequence[Message], name: str, instructs: bool) -> str:
    """The prompt, up to where the answer begins. `instructs`: an encoder-decoder, which is given bare text.

    Raises `TemplateRefused`.
    """
    if tokenizer.chat_template is None:
        return _bare(messages) if instructs else _transcript(messages)
    try:
        return _by_template(tokenizer, messages)
    except jinja2.TemplateError:
        # Gemma and some Mistral templates know no system role: the instruction goes before the question.
        try:
            return _by_template(tokenizer, _system_in_question(messages))
        except jinja2.TemplateError as error:
            raise TemplateRefused(model=name, detail=str(error)) from error


def _by_template(tokenizer: Any, messages: Sequence[Message]) -> str:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)


def _system_in_question(messages: Sequence[Message]) -> list[Message]:
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    others = [message for message in messages if message.role != "system"]
    if system and others and others[0].role == "user":
        others[0] = Message("user", f"{system}\n\n{others[0].content}")
    return others


def _transcript(messages: Sequence[Message]) -> str:
    lines = [f"{SPEAKERS[message.role]}: {message.content}" for message in messages]
    return "\n".join([*lines, "Assistant:"])


def _bare(messages: Sequence[Message]) -> str:
    return "\n".join(message.content for message in messages)
