"""Why a command line cannot be used."""

from studio.sentences import Notice, StudioError


class CommandLineUnusable(StudioError):
    en = "{command}: {reason}. See “{command} --help”."
    zh = "{command}：{reason_zh}。用法请见“{command} --help”。"


class NotANumber(StudioError):
    en = "{option} takes a number {range}, and “{text}” is not one."
    zh = "{option} 应为{range_zh}的数字，而“{text}”不是。"


class OneQueryOrFile(StudioError):
    en = "Give either one question or --queries FILE.jsonl."
    zh = "请给出一个问题，或用 --queries 指定 FILE.jsonl，二者选一。"


class QueriesUnreadable(StudioError):
    en = "The file {file} cannot be read ({reason})."
    zh = "文件 {file} 无法读取（{reason}）。"


class QueryLineUnusable(StudioError):
    en = 'Line {line} of {file} is not {{"query": "…"}}. Correct it and run the command again.'
    zh = '{file} 第 {line} 行不是 {{"query": "…"}} 的格式。请修改后重新运行。'


class SettingsUnusable(StudioError):
    en = "The setting {name} cannot be used: {reason}. Correct it in settings.toml or in the environment."
    zh = "设置项 {name} 无法使用：{reason}。请在 settings.toml 或环境变量中修改。"


class SettingsUnreadable(StudioError):
    en = "The file {file} cannot be read ({reason}). Correct it, or delete it to use the defaults."
    zh = "文件 {file} 无法读取（{reason}）。请修改它，或删除它以使用默认设置。"


class StudioGone(StudioError):
    en = "The running studio ended before the command was done ({reason}). Run the command again."
    zh = "命令完成之前，正在运行的工作室已退出（{reason}）。请重新运行该命令。"


class Cancelling(Notice):
    en = "Cancelling. Press Ctrl-C again to stop at once."
    zh = "正在取消。再按一次 Ctrl-C 可立即停止。"


class Cancelled(Notice):
    en = "Cancelled. What was finished is kept."
    zh = "已取消。已完成的部分都保留着。"
