"""What the studio says when something goes wrong or needs saying: one sentence, in English and 中文.

A room keeps its own sentences beside its code (`knowledge/errors.py`, …) as subclasses, so that the class
name is the stable code and both languages stand together. Page labels live in `ui/texts.py`.
"""

from typing import Any, ClassVar, Literal

Language = Literal["en", "zh"]


class Sentence:
    """One thing to say. Subclasses give `en` and `zh` templates; `facts` fill them (`str.format`)."""

    en: ClassVar[str]
    zh: ClassVar[str]

    def __init__(self, **facts: Any):
        self.facts = facts

    @property
    def code(self) -> str:
        """The stable name of this sentence, for programs."""
        return type(self).__name__

    def say(self, language: Language = "en") -> str:
        """The sentence in `language`."""
        return getattr(type(self), language).format(**self.facts)

    def as_dict(self) -> dict[str, str]:
        """`{"code", "en", "zh"}`: how a sentence is stored, to be read in either language later."""
        return {"code": self.code, "en": self.say("en"), "zh": self.say("zh")}

    def __str__(self) -> str:
        return self.say("en")

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.facts)


class Notice(Sentence):
    """Something the user should know beside a result."""


class StudioError(Sentence, Exception):
    """Something that went wrong, said so that the user knows what happened and what to do.

    Crosses process borders: it pickles as class and facts.
    """


def _restore(kind: type[Sentence], facts: dict[str, Any]) -> Sentence:
    return kind(**facts)


def size(count: float) -> str:
    """A number of bytes as people read it, in decimal units: `269 MB`, `1.2 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit in ("B", "kB", "MB") else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
