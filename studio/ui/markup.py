"""HTML of our own, safe whatever a model or a document says."""

from collections.abc import Sequence
from functools import cache
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from studio.sentences import Language, size

__all__ = ["bar", "button", "escape", "markdown", "notices", "say", "size"]


def markdown(text: str, citations: int = 0, labels: Sequence[str] = ()) -> str:
    """Markdown as HTML. Raw HTML in it stays text, images become links, scripts cannot come in.

    Markers `[1]` to `[citations]` become buttons that open the evidence, named by `labels`.
    """
    return _parser().render(text, {"citations": citations, "labels": labels})


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("link", "citation", _citation)
    # An image would be fetched from wherever the model says.
    parser.disable("image")
    parser.add_render_rule("citation", _render_citation)
    parser.add_render_rule("link_open", _render_link)
    return parser


def _citation(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "[":
        return False
    end = state.src.find("]", state.pos, state.pos + 5)
    number = state.src[state.pos + 1 : end] if end > 0 else ""
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= state.env["citations"]):
        return False
    if state.src[end + 1 : end + 2] == "(":
        return False
    if not silent:
        state.push("citation", "", 0).content = str(int(number))
    state.pos = end + 1
    return True


def _render_citation(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    number = int(tokens[index].content)
    label = env["labels"][number - 1] if number <= len(env["labels"]) else str(number)
    return (
        f'<button type="button" class="cite" data-evidence="{number}" aria-label="{escape(label)}">'
        f"{number}</button>"
    )


def _render_link(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("target", "_blank")
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return self.renderToken(tokens, index, options, env)


def say(sentence: dict[str, str] | None, language: Language) -> str:
    """A stored sentence (`{"code", "en", "zh"}`) in `language`, not yet escaped."""
    return sentence.get(language) or sentence.get("en", "") if sentence else ""


def notices(sentences: Sequence[dict[str, str]], language: Language) -> str:
    """Stored sentences as a quiet list; empty when there is nothing to say."""
    spoken = dict.fromkeys(say(sentence, language) for sentence in sentences)
    rows = "".join(f"<li>{escape(text)}</li>" for text in spoken if text)
    return f'<ul class="notices">{rows}</ul>' if rows else ""


def button(label: str, do: str, *, kind: str = "", title: str = "", sure: str = "", **data: str) -> str:
    """A button that `wires.ACTIONS_JS` understands. `sure`: what it asks before it acts."""
    attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    attributes += f' data-sure="{escape(sure)}"' if sure else ""
    attributes += f' aria-label="{escape(title)}" title="{escape(title)}"' if title else ""
    return f'<button type="button" class="act {kind}" data-do="{do}"{attributes}>{escape(label)}</button>'


def bar(fraction: float | None, label: str) -> str:
    """A progress bar; without a fraction it only says that something moves."""
    if fraction is None:
        return f'<div class="bar moving" role="progressbar" aria-label="{escape(label)}"><i></i></div>'
    percent = round(100 * min(max(fraction, 0.0), 1.0))
    return (
        f'<div class="bar" role="progressbar" aria-label="{escape(label)}" aria-valuenow="{percent}"'
        f' aria-valuemin="0" aria-valuemax="100"><i style="width:{percent}%"></i></div>'
    )
