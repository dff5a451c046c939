"""Scripts tell what an embedder can read."""

import pytest

from studio.knowledge.languages import can_read, script_shares


@pytest.mark.parametrize(
    ("languages", "text", "expected"),
    [
        (("en",), "How large is the flag?", True),
        (("en",), "国旗的尺寸是多少？", False),
        (("en",), "什么是 Docker？", False),
        (("en",), "Docker image 是什么", True),
        (("en",), "请问如何安装并配置 Docker 的镜像？", False),
        (("en",), "Что это такое?", False),
        (("en",), "12 + 30 = ?", True),
        (("en",), "", True),
        (("zh",), "国旗的尺寸", True),
        (("zh",), "How large is the flag?", False),
        (("zh-Hans", "en"), "How large is 国旗?", True),
        (("ja",), "これは日本語の文章です", True),
        (("zh",), "これはとてもいいものですよね", False),
        (("multilingual",), "国旗 and flags", True),
        ((), "国旗", True),
    ],
)
def test_can_read(languages: tuple[str, ...], text: str, expected: bool) -> None:
    assert can_read(languages, text) is expected


def test_shares_count_words_not_characters() -> None:
    shares = script_shares("internationalisation 国旗")
    assert shares == {"latin": 0.5, "han": 0.5}
