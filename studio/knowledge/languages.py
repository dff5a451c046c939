"""Which languages a text is in, as far as its script tells, and whether an embedder reads them."""

import re
from collections import Counter
from collections.abc import Sequence

# One "unit" is about a word: a run of letters, or two characters of a script that writes without spaces.
_SCRIPTS = {
    "han": "㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff",
    "kana": "぀-ヿㇰ-ㇿｦ-ﾟ",
    "hangul": "ᄀ-ᇿ가-힣",
    "latin": "A-Za-zªºÀ-ÖØ-öø-ɏḀ-ỿＡ-Ｚａ-ｚ",
    "cyrillic": "Ѐ-ԯ",
    "greek": "Ͱ-Ͽἀ-῿",
    "arabic": "ؠ-ي٫-ۓݐ-ݿ",
    "hebrew": "א-ת",
    "devanagari": "ऀ-ॿ",
    "thai": "ก-๎",
}
_RUNS = re.compile("|".join(f"(?P<{script}>[{characters}]+)" for script, characters in _SCRIPTS.items()))
_CHARACTERS_PER_UNIT = {"han": 2.0, "kana": 2.0, "hangul": 3.0, "thai": 4.0}

_SCRIPTS_OF = {
    "zh": {"han"},
    "ja": {"han", "kana"},
    "ko": {"hangul"},
    "ru": {"cyrillic"},
    "uk": {"cyrillic"},
    "bg": {"cyrillic"},
    "sr": {"cyrillic", "latin"},
    "el": {"greek"},
    "ar": {"arabic"},
    "fa": {"arabic"},
    "ur": {"arabic"},
    "he": {"hebrew"},
    "hi": {"devanagari"},
    "mr": {"devanagari"},
    "ne": {"devanagari"},
    "th": {"thai"},
}
# Enough to tell what a document is written in, quick on a long one.
_SAMPLE = 20_000


def script_shares(text: str) -> dict[str, float]:
    """The share (0–1) of each script among the words of `text`; empty when it holds no letters."""
    units: Counter[str] = Counter()
    for run in _RUNS.finditer(text[:_SAMPLE]):
        script = run.lastgroup or ""
        length = run.end() - run.start()
        units[script] += max(1, round(length / _CHARACTERS_PER_UNIT.get(script, length)))
    total = sum(units.values())
    return {script: count / total for script, count in units.items()}


def readable_scripts(languages: Sequence[str]) -> frozenset[str] | None:
    """The scripts of an embedder's languages (`en`, `zh-Hant`, …); None: all of them, or nobody knows."""
    codes = [language.lower().replace("_", "-").split("-")[0] for language in languages]
    if not codes or {"multilingual", "mul", "multi"} & set(codes):
        return None
    return frozenset(script for code in codes for script in _SCRIPTS_OF.get(code, {"latin"}))


def can_read(languages: Sequence[str], text: str) -> bool:
    """Whether an embedder of these languages reads at least half of `text`.

    By script only: an English embedder is taken to read French. A text without letters is read by all.
    """
    scripts = readable_scripts(languages)
    shares = script_shares(text)
    if scripts is None or not shares:
        return True
    return sum(share for script, share in shares.items() if script in scripts) >= 0.5
