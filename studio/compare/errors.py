"""What can go wrong with a comparison, and what to know when reading its figures."""

from studio.sentences import Notice, StudioError


class NotAContestant(StudioError):
    en = "“{text}” does not name a contestant. Write MODEL@LEVEL, for example smollm2-135m-instruct@nf4."
    zh = "“{text}” 不是有效的参赛者。请写成 模型@级别，例如 smollm2-135m-instruct@nf4。"


class NoContestants(StudioError):
    en = "There is nothing to compare yet. Pick at least one model and level."
    zh = "还没有可比较的对象。请至少选择一个模型和量化级别。"


class OneAfterTheOther(Notice):
    en = (
        "The contestants answered one after the other: on a processor two models at once would slow "
        "each other down, and neither figure would be true."
    )
    zh = "参赛者是依次回答的：在处理器上同时运行两个模型会互相拖慢，测得的速度都不准确。"


class NoRoomSideBySide(Notice):
    en = "There was not enough memory for all contestants at once; some answered after the others were done."
    zh = "内存不足以同时容纳所有参赛者，部分参赛者在其他参赛者答完后才回答。"
