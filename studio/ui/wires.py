"""How the pages listen: every event is private, quiet, and says what went wrong in the page's language."""

import functools
import html
import inspect
import logging
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from studio.sentences import StudioError
from studio.ui.texts import Texts

log = logging.getLogger(__name__)

# Buttons in our own HTML: `data-do` names what to do and the other `data-…` say with what. A button with
# `data-sure` asks once more, in place, before it does anything.
ACTIONS_JS = """
element.addEventListener('click', event => {
  const button = event.target.closest('[data-do]');
  if (button && element.contains(button) && studioSure(button)) trigger('act', {...button.dataset});
});
"""


def wire(
    listen: Callable[..., Any],
    texts: Texts,
    fn: Callable[..., Any] | None = None,
    inputs: Any = None,
    outputs: Any = None,
    **options: Any,
) -> Any:
    """Listen to an event. What `fn` raises becomes one sentence; nothing shows on Gradio's API page."""
    options = {
        "show_progress": "hidden",
        "api_visibility": "private",
        "concurrency_limit": None,
    } | options
    guarded = fn and _guard(fn, texts, _count(outputs))
    return listen(guarded, inputs=inputs, outputs=outputs, **options)


def warn(texts: Texts, sentence: str) -> None:
    """Show one calm sentence for a while."""
    gr.Warning(html.escape(sentence), title=texts.notice, duration=12)


def inform(texts: Texts, sentence: str) -> None:
    """Show that something worked."""
    gr.Info(html.escape(sentence), title=texts.studio, duration=6)


def say(error: BaseException, texts: Texts) -> str:
    """One sentence for `error`; what nobody expected is logged with its traceback."""
    if isinstance(error, StudioError):
        return error.say(texts.language)
    log.error("unexpected in a page", exc_info=error)
    return texts.unexpected


def _count(outputs: Any) -> int:
    if outputs is None:
        return 0
    return len(outputs) if isinstance(outputs, list | tuple) else 1


def _nothing(count: int) -> Any:
    return gr.skip() if count < 2 else [gr.skip()] * count


def _guard(fn: Callable[..., Any], texts: Texts, count: int) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(fn):

        @functools.wraps(fn)
        def stream(*args: Any) -> Iterator[Any]:
            try:
                yield from fn(*args)
            except Exception as error:
                warn(texts, say(error, texts))
                yield _nothing(count)

        return stream

    @functools.wraps(fn)
    def once(*args: Any) -> Any:
        try:
            return fn(*args)
        except Exception as error:
            warn(texts, say(error, texts))
            return _nothing(count)

    return once
