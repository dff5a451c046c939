"""Every label in both languages, and colours that can be read."""

import re
import string

import pytest

from studio.settings import ASSETS
from studio.ui.texts import Label, Texts

LABELS = {name: label for name, label in vars(Texts).items() if isinstance(label, Label)}
# Names and units that are the same in both languages, and the switch, which speaks the other one.
SAME = {"top_p", "with_model", "memory_short", "other_language", "switch_language"}


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("name", LABELS)
def test_a_label_says_the_same_in_both_languages(name: str):
    label = LABELS[name]
    assert label.en.strip() and label.zh.strip()
    assert fields(label.en) == fields(label.zh)
    if name not in SAME:
        assert re.search(r"[\u4e00-\u9fff]", label.zh), label.zh
        assert not re.search(r"[\u4e00-\u9fff]", label.en), label.en


def test_labels_read_in_the_language_of_the_page():
    assert (Texts("en").send, Texts("zh").send) == ("Send", "发送")


def colours(block: str) -> dict[str, str]:
    css = (ASSETS / "studio.css").read_text(encoding="utf-8")
    body = re.search(re.escape(block) + r" \{(.*?)\}", css, re.DOTALL)
    assert body
    return dict(re.findall(r"--studio-([\w-]+): (#[0-9a-f]{6})", body[1]))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("block", [":root", ":root.dark"])
def test_text_has_the_contrast_of_wcag_aa(block: str):
    palette = colours(block)
    for ground in ("ground", "surface", "field", "hover", "accent-soft"):
        for ink in ("ink", "quiet", "accent"):
            assert contrast(palette[ink], palette[ground]) >= 4.5, (ink, ground)
    for ground in ("ground", "surface"):
        for ink in ("good", "warn", "bad"):
            assert contrast(palette[ink], palette[ground]) >= 4.5, (ink, ground)
        assert contrast(palette["line-strong"], palette[ground]) >= 3, ground
    assert contrast(palette["bad"], palette["bad-soft"]) >= 4.5
    assert contrast(palette["warn"], palette["warn-soft"]) >= 4.5
    assert contrast(palette["ink"], palette["mark"]) >= 4.5
    for fill in ("accent-fill", "accent-fill-hover"):
        assert contrast("#ffffff", palette[fill]) >= 4.5
