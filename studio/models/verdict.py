"""Says why a model fits or not, with the numbers and with what would fit instead."""

from studio.models.card import ModelCard
from studio.sentences import Notice, size


class Fits(Notice):
    en = "{model} at {level} needs about {needed}; {available} are free on {place_en}."
    zh = "{model}（{level}）约需 {needed}，{place_zh}有 {available} 可用。"


class FitsTightly(Notice):
    en = (
        "{model} at {level} needs about {needed} of the {available} free on {place_en}: less than "
        "{reserve} would be left for everything else. {instead_en}"
    )
    zh = "{model}（{level}）约需 {needed}，{place_zh}有 {available} 可用，剩余将不足 {reserve}。{instead_zh}"


class TooLarge(Notice):
    en = "{model} at {level} needs about {needed}, but only {available} are free on {place_en}. {instead_en}"
    zh = "{model}（{level}）约需 {needed}，而{place_zh}只有 {available} 可用。{instead_zh}"


def verdict(
    card: ModelCard,
    level: str,
    context: int,
    device: str,
    totals: dict[str, int],
    with_short_context: int,
    available: int,
    reserve: int,
) -> Notice:
    """The sentence for an estimate. `totals`: bytes of every level the model can have; all sizes in bytes."""
    needed = totals[level]
    instead_en, instead_zh = _instead(level, context, totals, with_short_context, available - reserve)
    kind: type[Notice] = Fits
    if needed > available:
        kind = TooLarge
    elif needed > available - reserve:
        kind = FitsTightly
    gpu = device.partition(":")[2] or "0"
    return kind(
        model=card.name,
        level=level,
        needed=size(needed),
        available=size(available),
        reserve=size(reserve),
        place_en="this computer" if device == "cpu" else f"GPU {gpu}",
        place_zh="本机内存" if device == "cpu" else f"显卡 {gpu} ",
        instead_en=instead_en,
        instead_zh=instead_zh,
    )


def _instead(level: str, context: int, totals: dict[str, int], short: int, room: int) -> tuple[str, str]:
    """What would fit: the best level that does, else a shorter context, else another model."""
    smaller = [other for other in totals if totals[other] < totals[level] and totals[other] <= room]
    if smaller:
        best = max(smaller, key=lambda other: totals[other])
        return (
            f"At {best} it would need about {size(totals[best])}.",
            f"改用 {best} 约需 {size(totals[best])}。",
        )
    if context > 512 and short <= room:
        return (
            f"With a context of 512 tokens it would need about {size(short)}.",
            f"将上下文缩短到 512 个词元约需 {size(short)}。",
        )
    return (
        "Unload another model, close other programs, or choose a smaller model.",
        "请卸载其他模型、关闭其他程序，或选择更小的模型。",
    )
