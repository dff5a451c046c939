"""One answer from one engine: retrieve, fit, prompt, generate, cite; for conversations and comparisons."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from studio.chat.citations import cite, without_markers
from studio.chat.context import Fit, fit_context
from studio.chat.errors import (
    AnswerCut,
    ContextFull,
    EvidenceDropped,
    HistoryDropped,
    ModelLanguage,
    NothingFound,
)
from studio.chat.events import ContextLedger, Event, Finished, Fitted, Retrieved, Token, Turn
from studio.chat.prompts import language_of, read_template
from studio.engines.base import Engine, Message, Sampling, Usage
from studio.knowledge.languages import can_read
from studio.knowledge.types import Evidence
from studio.models.card import ModelCard
from studio.sentences import Language, Notice

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_core.messages import BaseMessage
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import Runnable

    from studio.chat.chain import Values

LANGUAGE_NAMES = {"en": ("English", "英语"), "zh": ("Chinese", "中文")}


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked. `knowledge_base` is only the name to say; `retriever` None: plain chat."""

    question: str
    sampling: Sampling
    system_prompt: str = ""
    turns: Sequence[Turn] = ()
    knowledge_base: str | None = None
    retriever: Runnable[str, list[Document]] | None = None


class Answering:
    """One answer on its way. `tell` hears `Retrieved`, `Fitted` and `Token` as they happen."""

    def __init__(
        self,
        engine: Engine,
        task: Task,
        *,
        request: str,
        context_length: int,
        prompts: Path,
        tell: Callable[[Event], None],
        stopped: threading.Event,
    ):
        self._engine = engine
        self._task = task
        self._request = request
        self._context_length = context_length
        self._prompts = prompts
        self._tell = tell
        self._stopped = stopped
        self._language = language_for(engine.card, task.question)
        notice = language_notice(engine.card, task.question)
        self._notices = [notice.as_dict()] if notice else []
        self._fit = Fit([], [], ContextLedger([], []))

    def run(self) -> Finished:
        """Answer. Setting `stopped` ends it within a token, with reason `cancelled`. Raises `StudioError`."""
        from studio.chat.chain import EngineChatModel, answer_chain

        model = EngineChatModel(engine=self._engine, sampling=self._task.sampling, request=self._request)
        chain = answer_chain(model, self._fit_values, self._prompt, self._task.retriever)
        pieces: list[str] = []
        ending: dict[str, Any] = {}
        stream = cast("Generator[BaseMessage]", chain.stream({"question": self._task.question}))
        try:
            with contextlib.closing(stream):
                for chunk in stream:
                    if chunk.text:
                        pieces.append(chunk.text)
                        self._tell(Token(chunk.text))
                    if self._stopped.is_set():
                        self._engine.cancel(self._request)
                    ending = chunk.response_metadata or ending
        except _Stopped:
            pass
        return self._finished("".join(pieces), ending)

    def _fit_values(self, values: Values) -> Values:
        """The chain's middle step: what was found in, what the prompt holds out."""
        from studio.knowledge.retrieve import as_evidence

        documents: list[Document] | None = values.get("documents")
        evidence = [as_evidence(document) for document in documents or []]
        if documents is not None:
            self._note_search(evidence)
        self._stop_here()
        self._fit = fit_context(
            self._engine,
            self._context_length,
            self._task.sampling.max_tokens,
            self._answered_turns(),
            evidence,
            self._write,
        )
        self._note_dropped(len(evidence))
        self._tell(Fitted(self._fit.evidence, self._fit.ledger))
        self._stop_here()
        return self._prompt_values(self._fit.turns, self._fit.evidence)

    def _prompt_values(self, turns: Sequence[Turn], evidence: Sequence[Evidence]) -> Values:
        from studio.chat.chain import history_messages

        return {
            "system_prompt": self._system_prompt(documents=bool(evidence)),
            "history": history_messages([(turn.question, without_markers(turn.answer)) for turn in turns]),
            "evidence": passages(evidence, self._language),
            "question": self._task.question,
        }

    def _system_prompt(self, documents: bool) -> str:
        own = self._task.system_prompt
        if not documents:
            return own or read_template(self._prompts, "plain", self._language)
        rules = read_template(self._prompts, "documents_rules", self._language)
        return f"{own}\n\n{rules}" if own else rules

    def _prompt(self, values: Values) -> ChatPromptTemplate:
        from studio.chat.chain import chat_prompt

        if self._task.retriever is None:
            return chat_prompt(self._prompts, "plain", self._language)
        template = "answer_from_documents" if values["evidence"] else "nothing_found"
        return chat_prompt(self._prompts, template, self._language)

    def _write(self, turns: Sequence[Turn], evidence: Sequence[Evidence]) -> list[Message]:
        from studio.chat.chain import engine_messages

        values = self._prompt_values(turns, evidence)
        return engine_messages(self._prompt(values).format_messages(**values))

    def _answered_turns(self) -> list[Turn]:
        return [turn for turn in self._task.turns if turn.answer.strip()]

    def _stop_here(self) -> None:
        if self._stopped.is_set():
            raise _Stopped

    def _finished(self, text: str, ending: dict[str, Any]) -> Finished:
        reason = ending.get("finish_reason", "cancelled")
        usage = Usage(**ending["usage"]) if "usage" in ending else Usage(0, 0, None, None)
        if reason == "length":
            self._note_cut(usage)
        evidence = self._fit.evidence
        answer, citations = cite(text, evidence, self._task.question)
        return Finished(answer, citations, evidence, self._fit.ledger, usage, reason, self._notices)

    def _note_search(self, evidence: list[Evidence]) -> None:
        notices = list(getattr(self._task.retriever, "notices", ()))
        if not evidence:
            notices.append(NothingFound(knowledge_base=self._task.knowledge_base).as_dict())
        self._notices += notices
        self._tell(Retrieved(evidence, notices))

    def _note_dropped(self, found: int) -> None:
        dropped = [entry["what"] for entry in self._fit.ledger.dropped]
        if "turn" in dropped:
            self._note(HistoryDropped(kept=len(self._fit.turns), dropped=dropped.count("turn")))
        if "chunk" in dropped:
            self._note(EvidenceDropped(kept=len(self._fit.evidence), found=found))

    def _note_cut(self, usage: Usage) -> None:
        if usage.completion_tokens < self._task.sampling.max_tokens:
            self._note(ContextFull(tokens=self._task.sampling.max_tokens))
        else:
            self._note(AnswerCut(tokens=usage.completion_tokens))

    def _note(self, notice: Notice) -> None:
        self._notices.append(notice.as_dict())


class _Stopped(Exception):
    """The user stopped the answer before the model began."""


def passages(evidence: Sequence[Evidence], language: Language) -> str:
    """The evidence as the prompt holds it: `[n] document, page`, then the text.

    The best comes last, next to the question, where small models heed it most (compare Liu et al., "Lost in
    the Middle", 2023).
    """
    numbered = [
        f"[{n}] {_place(chunk, language)}\n{chunk.text.strip()}" for n, chunk in enumerate(evidence, start=1)
    ]
    return "\n\n".join(reversed(numbered))


def _place(chunk: Evidence, language: Language) -> str:
    comma, page = ("，", f"第 {chunk.page} 页") if language == "zh" else (", ", f"page {chunk.page}")
    where = page if chunk.page is not None else chunk.heading
    return f"{chunk.document}{comma}{where}" if where else chunk.document


def language_for(card: ModelCard, question: str) -> Language:
    """The language to address the model in: the question's, or English where it does not know that one."""
    return language_of(question) if can_read(card.languages, question) else "en"


def language_notice(card: ModelCard, question: str) -> Notice | None:
    """What to say when the question is in Chinese and the model is known not to know it."""
    if language_of(question) != "zh" or can_read(card.languages, question):
        return None
    names = [LANGUAGE_NAMES.get(code, (code, code)) for code in card.languages]
    return ModelLanguage(
        model=card.name,
        languages=", ".join(english for english, _ in names),
        languages_zh="、".join(chinese for _, chinese in names),
    )
