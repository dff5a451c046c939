"""What can go wrong with a loaded model, in both languages."""

from typing import Any, ClassVar

from studio.sentences import StudioError, size


class LoadFailed(StudioError):
    """Facts: model, detail."""

    en = "{model} could not be loaded: {detail}. Pick another quantization level or add the model again."
    zh = "无法加载 {model}：{detail}。请换一个量化级别，或重新添加该模型。"


class NotAChatModel(StudioError):
    """Facts: model."""

    en = "{model} turns text into vectors and cannot answer questions. Pick a chat model."
    zh = "{model} 只能把文本变成向量，不能回答问题。请选择一个对话模型。"


class NotAnEmbedder(StudioError):
    """Facts: model."""

    en = "{model} cannot turn texts into vectors. Pick an embedding model for the knowledge base."
    zh = "{model} 不能把文本变成向量。请为知识库选择一个嵌入模型。"


class NotAble(StudioError):
    """Facts: model, ability."""

    en = "{model} cannot do this ({ability}). Pick a model that can."
    zh = "{model} 不支持此功能（{ability}）。请选择支持它的模型。"


class TemplateRefused(StudioError):
    """Facts: model, detail."""

    en = "The chat template of {model} does not accept this conversation: {detail}. Start a new conversation."
    zh = "{model} 的对话模板不接受这段对话：{detail}。请新建一个对话。"


class PromptTooLong(StudioError):
    """Facts: model, tokens, limit."""

    en = (
        "This is too long for {model}: {tokens} tokens, and it reads at most {limit}. "
        "Shorten it or pick another model."
    )
    zh = "内容对 {model} 来说太长：共 {tokens} 个词元，而它最多只能读 {limit} 个。请缩短内容，或换一个模型。"


class OutOfMemory(StudioError):
    """Facts: model, device."""

    en = (
        "{model} ran out of memory on {device}. The model is still loaded: ask something shorter, "
        "unload another model, or pick a smaller quantization level."
    )
    zh = "{model} 在 {device} 上内存不足。模型仍已加载：请把问题缩短、卸载其他模型，或选择更小的量化级别。"


class OutOfMemoryWhileLoading(OutOfMemory):
    """Facts: model, device."""

    en = (
        "There was not enough memory on {device} to load {model}. Unload another model, "
        "or pick a smaller quantization level."
    )
    zh = "{device} 内存不足，无法加载 {model}。请卸载其他模型，或选择更小的量化级别。"


class GenerationFailed(StudioError):
    """Facts: model, detail."""

    en = "{model} failed while it was working: {detail}. Ask again; if it happens again, load the model anew."
    zh = "{model} 在工作时出错：{detail}。请再试一次；如果再次出错，请重新加载该模型。"


class WorkerDied(StudioError):
    """The worker process ended by itself. Facts: model, detail (an exit status, in words)."""

    en = (
        "The process that ran {model} ended unexpectedly ({detail}). Nothing else is affected: "
        "ask again and it is started anew. If it happens again, pick a smaller quantization level."
    )
    zh = (
        "运行 {model} 的进程意外结束（{detail}）。其他部分不受影响：再问一次，它会自动重新启动。"
        "若再次发生，请选择更小的量化级别。"
    )


class Unloaded(WorkerDied):
    """The user unloaded the model while it was working. Facts: model."""

    en = "{model} was unloaded while it was working. Ask again to load it anew."
    zh = "{model} 在工作时被卸载了。再问一次即可重新加载。"


class NotLoaded(StudioError):
    """Facts: model."""

    en = "{model} is not loaded any more, so there is nothing to unload."
    zh = "{model} 已经不在内存中，无需卸载。"


class ConversionFailed(StudioError):
    """Facts: model, detail."""

    en = "The file of {model} could not be converted: {detail}. Free some disk space or add the model again."
    zh = "无法转换 {model} 的文件：{detail}。请腾出磁盘空间，或重新添加该模型。"


class DoesNotFit(StudioError):
    """Not enough memory for a load; nothing was unloaded that the caller did not agree to.

    Facts: model, level, needed, available (bytes), device, listing: ledger keys that could go, the longest
    unused first; empty when unloading would not help.
    """

    en = (
        "{model} at level {level} needs about {needed_text}, and only {available_text} are free on {device}. "
        "{advice}"
    )
    zh = "{model}（{level}）约需 {needed_text}，而 {device} 上只剩 {available_text}。{advice}"

    _advice: ClassVar[dict[str, tuple[str, str]]] = {
        "en": (
            "Unload {listing}, or pick a smaller quantization level.",
            "Pick a smaller quantization level or model.",
        ),
        "zh": ("请卸载 {listing}，或选择更小的量化级别。", "请选择更小的量化级别或更小的模型。"),
    }

    def __init__(self, **facts: Any):
        super().__init__(**facts)
        self.listing: list[str] = list(facts.get("listing", ()))

    def say(self, language: Any = "en") -> str:
        with_others, alone = self._advice[language]
        joined = ("、" if language == "zh" else ", ").join(self.listing)
        return getattr(type(self), language).format(
            **self.facts,
            needed_text=size(self.facts["needed"]),
            available_text=size(max(self.facts["available"], 0)),
            advice=with_others.format(listing=joined) if self.listing else alone,
        )
