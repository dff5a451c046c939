"""`studio ask` and `studio compare`."""

import uuid
from typing import Any

from studio.chat.conversation import OWNER
from studio.chat.errors import EmptyQuestion
from studio.chat.events import Event, Failed, Finished, Loading, ReplyOptions, Retrieved, Token
from studio.commands.choice import choose_chat_model
from studio.commands.models import STAGES, LoadingStep
from studio.commands.task import Outcome, Task, arguments
from studio.compare.comparison import Compared, Contestant, ContestantResult
from studio.engines.base import Sampling
from studio.knowledge.types import Mode
from studio.services import Studio


def sampling(
    studio: Studio, temperature: float | None, top_p: float | None, max_tokens: int | None, seed: int | None
) -> Sampling:
    """What is not given comes from the settings."""
    settings = studio.settings
    return Sampling(
        temperature=settings.temperature if temperature is None else temperature,
        top_p=settings.top_p if top_p is None else top_p,
        max_tokens=max_tokens or settings.max_tokens,
        seed=seed,
    )


def ask(
    studio: Studio,
    task: Task,
    question: str,
    kb: str | None = None,
    model: str | None = None,
    level: str | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    system_prompt: str = "",
    k: int | None = None,
    mode: Mode = "hybrid",
) -> Outcome:
    """One answer, with documents (`kb`: a knowledge base) or without. The conversation is not kept."""
    with arguments():
        if not question.strip():
            raise EmptyQuestion()
        card, level = choose_chat_model(studio, model, level)
        if kb is not None:
            studio.knowledge.get(kb)
    options = ReplyOptions(
        model=card.id,
        level=level,
        sampling=sampling(studio, temperature, top_p, max_tokens, seed),
        system_prompt=system_prompt,
        knowledge_base=kb,
        evidence_count=k or studio.settings.evidence_count,
        mode=mode,
    )
    conversation = studio.chat.create(OWNER).id
    last: Event | None = None
    try:
        with task.on_cancel(lambda: studio.chat.stop(conversation)):
            said: set[str] = set()
            for last in studio.chat.reply(conversation, question, options):
                _tell(task, last, said)
                if task.cancelled:
                    studio.chat.stop(conversation)
    finally:
        studio.chat.delete(conversation)
    return _answered(last)


def _tell(task: Task, event: Event, said: set[str]) -> None:
    if isinstance(event, Token):
        task.token(event.text)
    elif isinstance(event, Loading):
        step = f"{event.card.id} {event.progress.stage}"
        if step not in said:
            en, zh = STAGES[event.progress.stage]
            task.say(LoadingStep(model=event.card.id, stage=en, stage_zh=zh))
        said.add(step)
    elif isinstance(event, Retrieved | Finished):
        for notice in event.notices:
            if notice["code"] not in said:
                task.say(notice)
            said.add(notice["code"])


def _answered(event: Event | None) -> Outcome:
    if isinstance(event, Finished):
        value: dict[str, Any] = {
            "answer": event.answer,
            "citations": [citation.as_dict() for citation in event.citations],
            "evidence": [evidence.as_dict() for evidence in event.evidence],
            "context": event.context.as_dict(),
            "usage": event.usage.as_dict(),
        }
        return Outcome(value, int(event.reason == "cancelled"))
    if not isinstance(event, Failed):
        raise RuntimeError(f"the reply ended with {event!r}")
    value = {"answer": event.answer, "citations": [], "evidence": [], "context": None, "usage": None}
    return Outcome(value, 1, event.error.as_dict())


def compare(
    studio: Studio,
    task: Task,
    prompt: str,
    contestants: list[str],
    kb: str | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    system_prompt: str = "",
    k: int | None = None,
) -> Outcome:
    """One prompt to several contestants (`MODEL@LEVEL`). Exit code 1 when any of them failed."""
    with arguments():
        if not prompt.strip():
            raise EmptyQuestion()
        chosen = [Contestant.parse(text) for text in contestants]
        if kb is not None:
            studio.knowledge.get(kb)
    request = uuid.uuid4().hex
    said: set[str] = set()
    results: list[ContestantResult] = []
    with task.on_cancel(lambda: studio.comparison.stop(request)):
        for happened in studio.comparison.run(
            prompt,
            chosen,
            sampling(studio, temperature, top_p, max_tokens, seed),
            system_prompt=system_prompt,
            knowledge_base=kb,
            evidence_count=k,
            request=request,
        ):
            event = happened.event
            if isinstance(event, Compared):
                results = event.results
                for notice in event.notices:
                    task.say(notice)
            elif isinstance(event, Loading | Retrieved):
                _tell(task, event, said)
    value = [_compared(result, task) for result in results]
    return Outcome(value, int(task.cancelled or any(result.error for result in results)))


def _compared(result: ContestantResult, task: Task) -> dict[str, Any]:
    return result.as_dict() | {"error": result.error.say(task.language) if result.error else None}
