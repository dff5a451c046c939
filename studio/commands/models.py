"""`studio models …`."""

import time
import uuid
from typing import Any

from studio.commands.choice import choose_level
from studio.commands.task import Outcome, Task, arguments
from studio.engines.base import Done, Engine, Message, Progress, Sampling
from studio.engines.errors import NotLoaded
from studio.engines.pool import LedgerEntry
from studio.models.card import ModelCard
from studio.sentences import Notice, size
from studio.services import Studio

CHECK_QUESTION = "In one sentence: why is the sky blue?"
CHECK_TOKENS = 48


class LoadingStep(Notice):
    en = "{model}: {stage}"
    zh = "{model}：{stage_zh}"


class AlreadyLoaded(Notice):
    en = (
        "{key} was loaded already and stays loaded: load_seconds is of that load, "
        "measured_bytes is of now, and after_unload_bytes is unknown."
    )
    zh = (
        "{key} 早已加载，并将继续保持加载：load_seconds 为当时的加载时间，"
        "measured_bytes 为现在的占用，after_unload_bytes 未知。"
    )


class Downloading(Notice):
    en = "{location}: {done} of {total} downloaded"
    zh = "{location}：已下载 {done}，共 {total}"


STAGES = {
    "worker": ("starting a worker", "正在启动工作进程"),
    "weights": ("loading weights", "正在加载权重"),
    "quantize": ("quantizing", "正在量化"),
    "warm-up": ("warming up", "正在预热"),
    "ready": ("ready", "已就绪"),
}


def list_models(studio: Studio, task: Task) -> Outcome:
    return Outcome([card.as_dict() for card in studio.catalogue.cards()])


def estimate(
    studio: Studio, task: Task, model: str, level: str | None = None, context: int | None = None
) -> Outcome:
    """What a model at a level would take, without loading it. `context`: tokens of KV cache."""
    with arguments():
        card, level = choose_level(studio, model, level)
        found = studio.estimate(card.id, level, context)
    return Outcome(found.as_dict() | {"reason": found.reason.get(task.language, "")})


def check(studio: Studio, task: Task, model: str, level: str | None = None) -> Outcome:
    """Load a model, let it answer once, unload it. One that is loaded already is measured and left alone."""
    with arguments():
        card, level = choose_level(studio, model, level)
    key = f"{card.id}@{level}"
    # Also one that is on its way: whoever loads it wants to keep it.
    resident = _entry(studio, key) is not None
    if resident:
        task.say(AlreadyLoaded(key=key))
    stages: set[str] = set()

    def progress(step: Progress) -> None:
        if step.stage not in stages:
            stages.add(step.stage)
            en, zh = STAGES[step.stage]
            task.say(LoadingStep(model=card.id, stage=en, stage_zh=zh))

    started = time.perf_counter()
    left = None
    try:
        with studio.pool.use(card, level, progress=progress) as engine:
            seconds = time.perf_counter() - started
            entry = _entry(studio, key)
            if resident and entry is not None and entry.loaded is not None:
                seconds = entry.loaded.seconds
            answered = _answer_once(engine, card, task)
            measured = engine.probe().measured_bytes
    finally:
        if not resident:
            left = _unload_unless_used(studio, key)
    return Outcome(
        {
            "load_seconds": round(seconds, 3),
            "estimated_bytes": entry.estimated.total_bytes if entry else None,
            "measured_bytes": measured,
            "after_unload_bytes": left,
            **answered,
        }
    )


def _entry(studio: Studio, key: str) -> LedgerEntry | None:
    return next((entry for entry in studio.pool.ledger() if entry.key == key), None)


def _unload_unless_used(studio: Studio, key: str) -> int | None:
    """The bytes that are left after the unload; None where somebody uses the model now, or it is gone."""
    entry = _entry(studio, key)
    if entry is None or entry.busy:
        return None
    try:
        return studio.unload(key).after_bytes
    except NotLoaded:
        # Somebody else was quicker.
        return None


def _answer_once(engine: Engine, card: ModelCard, task: Task) -> dict[str, Any]:
    """`tokens_per_second` and `ttft_seconds` of one answer; for an embedder the time to one vector."""
    if "chat" not in engine.abilities:
        started = time.perf_counter()
        engine.embed([CHECK_QUESTION], "query")
        return {"tokens_per_second": None, "ttft_seconds": round(time.perf_counter() - started, 4)}
    request = uuid.uuid4().hex
    sampling = Sampling(temperature=0, max_tokens=CHECK_TOKENS)
    with task.on_cancel(lambda: engine.cancel(request)):
        for event in engine.generate(request, [Message("user", CHECK_QUESTION)], sampling):
            if isinstance(event, Done):
                usage = event.usage
                return {"tokens_per_second": usage.tokens_per_second, "ttft_seconds": usage.ttft_seconds}
    raise NotLoaded(model=card.name)


def add(studio: Studio, task: Task, location: str) -> Outcome:
    """Add a local folder, or download a hub id; its model card."""
    shown = -1.0

    def progress(done: int, total: int) -> None:
        nonlocal shown
        share = done / total if total else 0.0
        if share - shown >= 0.05 or (done == total and shown < 1):
            shown = share
            task.say(Downloading(location=location, done=size(done), total=size(total)))

    card = studio.catalogue.add(location, progress=progress)
    return Outcome(card.as_dict())


def remove(studio: Studio, task: Task, model: str) -> Outcome:
    """Forget an added model; its model card as it was. A loaded one is unloaded first."""
    with arguments():
        card = studio.catalogue.get(model)
    for entry in studio.pool.ledger():
        if entry.card.id == card.id:
            studio.unload(entry.key)
    with arguments():
        studio.catalogue.remove(card.id)
    return Outcome(card.as_dict())
