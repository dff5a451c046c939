"""HTML that is safe whatever a model or a document says."""

import pytest

from studio.ui.markup import bar, button, markdown, notices


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:alert(1))",
        "<a href='javascript:alert(1)'>x</a>",
        "```<script>\nalert(1)\n```",
        '[x](http://a.b/" onmouseover="alert(1))',
        "![x](http://a.b/c.png)",
    ],
)
def test_nothing_a_model_writes_becomes_active(text: str):
    html = markdown(text)
    tags = {part.split(">")[0].split()[0].strip("/") for part in html.split("<")[1:] if part}
    assert tags <= {"p", "a", "pre", "code"}
    assert 'href="javascript' not in html and 'href="data' not in html
    assert 'onmouseover="' not in html


def test_markers_with_evidence_become_buttons_and_others_stay_text():
    html = markdown("True [1], false [3], `[2]` and [2](http://a.b).", 2, ["one", "two"])
    assert html.count('class="cite"') == 1 and 'data-evidence="1" aria-label="one"' in html
    assert "[3]" in html and "<code>[2]</code>" in html


def test_chinese_and_neighbouring_markers():
    assert markdown("水位是八米[1][2]。", 2, ["一", "二"]).count("cite") == 2


def test_names_are_escaped_wherever_they_stand():
    evil = '"><script>alert(1)</script>'
    for html in (button(evil, "do", title=evil, sure=evil, name=evil), bar(0.5, evil), bar(None, evil)):
        assert "<script>" not in html
    assert "<script>" not in notices([{"code": "x", "en": evil, "zh": evil}], "en")


def test_the_same_sentence_is_said_once():
    said = {"code": "x", "en": "Careful.", "zh": "小心。"}
    assert notices([said, said], "zh").count("小心。") == 1
    assert notices([], "zh") == ""


def test_a_bar_says_how_far_it_is():
    assert 'aria-valuenow="50"' in bar(0.5, "x") and 'aria-valuenow="100"' in bar(7, "x")
    assert "aria-valuenow" not in bar(None, "x")
