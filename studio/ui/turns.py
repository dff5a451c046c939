"""How questions, answers and their evidence look."""

import re
import time
from collections.abc import Sequence
from typing import Any

from studio.chat.events import Conversation, Turn
from studio.ui.markup import button, escape, markdown, notices, say
from studio.ui.texts import Texts


def draw_turns(turns: Sequence[Turn], conversation: str, texts: Texts) -> str:
    """A conversation as it is stored."""
    return _transcript("".join(draw_turn(turn, texts) for turn in turns), conversation)


def draw_nothing(inside: str, conversation: str) -> str:
    """A conversation without turns; `inside` says what to do next."""
    return _transcript(inside, conversation)


def _transcript(inside: str, conversation: str) -> str:
    return f'<div class="turns" data-conversation="{escape(conversation)}">{inside}</div>'


def draw_turn(turn: Turn, texts: Texts) -> str:
    """One stored question and answer."""
    details = turn.details
    evidence = details.get("evidence") or []
    citations = details.get("citations") or []
    error = details.get("error")
    below = [notices(details.get("notices") or [], texts.language)]
    if error:
        below.append(f'<p class="error" role="alert">{escape(say(error, texts.language))}</p>')
    elif turn.status == "stopped":
        below.append(f'<p class="stopped">{escape(texts.answer_stopped)}</p>')
    elif turn.status == "running":
        below.append(f'<p class="stopped">{escape(texts.answer_running)}</p>')
    below.append(draw_sources(evidence, citations, texts))
    below.append(_meta(turn, texts))
    answer = markdown(turn.answer, len(evidence), evidence_labels(evidence, texts))
    return (
        f'<article class="turn" data-turn="{escape(turn.id)}">{draw_question(turn.question, texts)}'
        f'<div class="answer">{answer}</div>{"".join(below)}</article>'
    )


def draw_question(question: str, texts: Texts) -> str:
    """The bubble with what was asked."""
    return f'<div class="question"><span class="unseen">{escape(texts.you)}: </span>{escape(question)}</div>'


def _meta(turn: Turn, texts: Texts) -> str:
    facts = [texts.with_model.format(model=turn.model, level=turn.level)]
    usage = turn.details.get("usage") or {}
    if usage.get("ttft_seconds") is not None:
        facts.append(texts.ttft.format(seconds=f"{usage['ttft_seconds']:.2f}"))
    if usage.get("tokens_per_second") is not None:
        facts.append(texts.speed.format(n=f"{usage['tokens_per_second']:.1f}"))
    if usage:
        facts.append(
            texts.tokens.format(prompt=usage["prompt_tokens"], completion=usage["completion_tokens"])
        )
    dropped = len((turn.details.get("context") or {}).get("dropped") or [])
    if dropped:
        facts.append(texts.dropped.format(n=dropped))
    return f'<footer class="meta">{"".join(f"<span>{escape(fact)}</span>" for fact in facts)}</footer>'


def place(item: dict[str, Any], texts: Texts) -> str:
    """Where evidence stands: document, then page or heading."""
    if item.get("page"):
        return f"{item['document']}, {texts.page_n.format(n=item['page'])}"
    return f"{item['document']}, {item['heading']}" if item.get("heading") else str(item["document"])


def _source_label(number: int, item: dict[str, Any], texts: Texts) -> str:
    return texts.source_n.format(n=number, place=place(item, texts))


def evidence_labels(evidence: Sequence[dict[str, Any]], texts: Texts) -> list[str]:
    """How a screen reader names the marker of each piece of evidence."""
    return [_source_label(n, item, texts) for n, item in enumerate(evidence, 1)]


def draw_sources(
    evidence: Sequence[dict[str, Any]], citations: Sequence[dict[str, Any]], texts: Texts
) -> str:
    """The cited evidence as buttons, the rest folded away behind it, and the texts that they open."""
    if not evidence:
        return ""
    passages = {citation["n"]: citation["text"] for citation in citations}
    cited = "".join(_source(n, evidence[n - 1], texts) for n in sorted(passages) if n <= len(evidence))
    other = "".join(_source(n, item, texts) for n, item in enumerate(evidence, 1) if n not in passages)
    shown = f'<div class="sources"><span>{escape(texts.sources)}</span>{cited}</div>' if cited else ""
    if other:
        # Without a citation the passages are all that the user has to check the answer by.
        summary, opened = (texts.other_evidence, "") if cited else (texts.uncited_evidence, " open")
        shown += f'<details class="sources"{opened}><summary>{escape(summary)}</summary>{other}</details>'
    cards = "".join(draw_evidence(n, item, passages.get(n, ""), texts) for n, item in enumerate(evidence, 1))
    return f'{shown}<div class="evidence-store" hidden>{cards}</div>'


def _source(number: int, item: dict[str, Any], texts: Texts) -> str:
    label = escape(_source_label(number, item, texts))
    return (
        f'<button type="button" class="source" data-evidence="{number}" aria-label="{label}">'
        f"<b>{number}</b>{escape(place(item, texts))}</button>"
    )


def draw_evidence(number: int, item: dict[str, Any], passage: str, texts: Texts) -> str:
    """One piece of evidence, the cited passage marked in its text."""
    page = texts.page_n.format(n=item["page"]) if item.get("page") else ""
    where = " · ".join(part for part in (page, item.get("heading") or "") if part)
    score = texts.score.format(n=f"{item['score']:.3f}")
    return (
        f'<section class="evidence" data-n="{number}">'
        f"<h3><b>{number}</b> {escape(str(item['document']))}</h3>"
        f'<p class="where">{escape(where)}{" · " if where else ""}<span class="score">{escape(score)}</span>'
        f"</p>"
        f"<blockquote>{_marked(str(item['text']), passage, texts)}</blockquote></section>"
    )


def _marked(text: str, passage: str, texts: Texts) -> str:
    """The text with the passages that support the answer marked; `passage` joins several by an ellipsis."""
    marks = [re.escape(part).replace(r"\ ", r"\s+") for part in passage.split(" … ") if part.strip()]
    if not marks:
        return escape(text)
    pieces = re.split(f"({'|'.join(marks)})", text)
    title = escape(texts.supporting_passage)
    # Every second piece is what the pattern matched.
    return "".join(
        f'<mark title="{title}">{escape(piece)}</mark>' if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )


def draw_conversations(conversations: Sequence[Conversation], current: str, title: str, texts: Texts) -> str:
    """The list of conversations; `current` is open, and called `title` while it has none."""
    new = button(texts.new_conversation, "new", kind="wide")
    rows = "".join(_conversation(item, item.id == current, title, texts) for item in conversations)
    rows = rows or f'<li class="none">{escape(texts.no_conversations)}</li>'
    return f'{new}<nav aria-label="{escape(texts.conversations)}"><ul class="conversations">{rows}</ul></nav>'


def _conversation(item: Conversation, current: bool, title: str, texts: Texts) -> str:
    title = item.title or (title if current else "") or texts.untitled
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(item.updated_at))
    here = ' aria-current="true"' if current else ""
    delete = button(
        "×", "delete", kind="quiet", id=item.id, sure=texts.really_delete,
        title=texts.delete_conversation.format(title=title),
    )  # fmt: skip
    return (
        f'<li><button type="button" class="act open" data-do="open" data-id="{escape(item.id)}"{here}'
        f' title="{when}">{escape(title)}</button>{delete}</li>'
    )
