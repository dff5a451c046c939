"""The grammar of the command line, with its help in both languages."""

import argparse
import re
from collections.abc import Callable
from typing import NoReturn, TypeAlias

from studio import __version__
from studio.cli.errors import CommandLineUnusable, NotANumber
from studio.sentences import Language

# What argparse complains about, in Chinese; its English stays as it is.
COMPLAINTS = (
    (r"the following arguments are required: (.+)", r"缺少参数 \1"),
    (r"unrecognized arguments: (.+)", r"无法识别的参数 \1"),
    (r"argument (.+?): invalid choice: (.+?) \(choose from (.+)\)", r"\1 不能是 \2，可选：\3"),
    (r"argument (.+?): expected (?:at least )?one argument", r"\1 后面缺少内容"),
    (r"ambiguous option: (.+?) could match (.+)", r"选项 \1 有歧义，可能是 \2"),
    (r"argument (.+?): not allowed with argument (.+)", r"\1 不能与 \2 同时使用"),
    (r"argument (.+?): ignored explicit argument (.+)", r"\1 不接受内容 \2"),
)


class Parser(argparse.ArgumentParser):
    """Raises `CommandLineUnusable`: one sentence instead of a wall of usage."""

    def error(self, message: str) -> NoReturn:
        chinese = message
        for pattern, replacement in COMPLAINTS:
            found = re.fullmatch(pattern, message, re.DOTALL)
            if found:
                chinese = found.expand(replacement)
                break
        raise CommandLineUnusable(command=self.prog, reason=message, reason_zh=chinese)


Subparsers: TypeAlias = "argparse._SubParsersAction[Parser]"
Number = Callable[[str], "int | float"]


def whole(option: str, lowest: int, highest: int | None = None) -> Number:
    """A whole number from `lowest` to `highest`, both included."""
    return _number(option, int, lowest, highest)


def fraction(option: str, lowest: float, highest: float) -> Number:
    """A number from `lowest` to `highest`, both included."""
    return _number(option, float, lowest, highest)


def _number(option: str, kind: type[int] | type[float], lowest: float, highest: float | None) -> Number:
    def read(text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not (lowest <= value and (highest is None or value <= highest)):
            english = f"from {lowest} to {highest}" if highest is not None else f"of {lowest} or more"
            chinese = f" {lowest} 到 {highest} 之间" if highest is not None else f"不小于 {lowest} "
            raise NotANumber(option=option, range=english, range_zh=chinese, text=text)
        return value

    return read


class _Grammar:
    """Builds the parsers; `say` picks the language of the help."""

    def __init__(self, language: Language):
        self.language = language
        self.everywhere = Parser(add_help=False, argument_default=argparse.SUPPRESS)
        self.everywhere.add_argument(
            "--data-dir",
            metavar="DIR",
            help=self.say("where the studio keeps its data", "工作室存放数据的文件夹"),
        )
        self.everywhere.add_argument(
            "--json", action="store_true", help=self.say("print the result as JSON", "以 JSON 输出结果")
        )

    def say(self, en: str, zh: str) -> str:
        return zh if self.language == "zh" else en

    def add(self, subparsers: Subparsers, name: str, en: str, zh: str) -> Parser:
        text = self.say(en, zh)
        return subparsers.add_parser(name, help=text, description=text, parents=[self.everywhere])

    def group(self, subparsers: Subparsers, name: str, en: str, zh: str) -> Subparsers:
        group = self.add(subparsers, name, en, zh)
        return group.add_subparsers(dest="action", required=True, metavar=self.say("COMMAND", "命令"))


def build_parser(language: Language = "en") -> argparse.ArgumentParser:
    """Everything that `studio` understands. Parsing raises `CommandLineUnusable` or `NotANumber`."""
    grammar = _Grammar(language)
    parser = Parser(
        prog="studio",
        parents=[grammar.everywhere],
        description=grammar.say(
            "Chat Studio: local language models and your own documents, on your own computer.",
            "Chat Studio：在自己的电脑上运行语言模型，与自己的文档对话。",
        ),
    )
    parser.add_argument("--version", action="version", version=f"studio {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar=grammar.say("COMMAND", "命令"))
    _serve(grammar, commands)
    _models(grammar, commands)
    _knowledge(grammar, commands)
    _ask(grammar, commands)
    _compare(grammar, commands)
    return parser


def _serve(grammar: _Grammar, commands: Subparsers) -> None:
    say = grammar.say
    serve = grammar.add(commands, "serve", "start the studio and its pages", "启动工作室及其页面")
    serve.add_argument("--host", help=say("address to listen on (127.0.0.1)", "监听地址（默认 127.0.0.1）"))
    serve.add_argument(
        "--port",
        type=whole("--port", 0, 65535),
        help=say("port to listen on (7860)", "监听端口（默认 7860）"),
    )
    serve.add_argument(
        "--share", action="store_true", help=say("open a public link for guests", "为访客开启公开链接")
    )
    serve.add_argument(
        "--auth",
        metavar="USER:PASSWORD",
        help=say("ask everybody for this password", "访问时要求此用户名和密码"),
    )
    serve.add_argument("--open", action="store_true", help=say("open the browser", "打开浏览器"))


def _models(grammar: _Grammar, commands: Subparsers) -> None:
    say = grammar.say
    models = grammar.group(commands, "models", "what can run", "可用的模型")
    grammar.add(models, "list", "every model the studio knows", "列出所有模型")
    estimate = grammar.add(models, "estimate", "what a model would take", "估算模型所需的内存")
    _model_and_level(grammar, estimate)
    estimate.add_argument(
        "--context",
        type=whole("--context", 1),
        metavar="N",
        help=say("tokens of context to reserve memory for", "为多少 token 的上下文预留内存"),
    )
    check = grammar.add(
        models, "check", "load a model, let it answer, unload it", "加载模型，回答一次，再卸载"
    )
    _model_and_level(grammar, check)
    add = grammar.add(models, "add", "add a folder or a hub id", "添加本地文件夹或 Hub 模型")
    add.add_argument(
        "location", metavar="LOCATION", help=say("folder, or OWNER/NAME", "文件夹，或 所有者/名称")
    )
    remove = grammar.add(models, "remove", "forget a model that was added", "移除已添加的模型")
    remove.add_argument("model", metavar="MODEL")


def _model_and_level(grammar: _Grammar, parser: Parser) -> None:
    parser.add_argument(
        "model", metavar="MODEL", help=grammar.say("id, as in “models list”", "模型 id，见 models list")
    )
    parser.add_argument("--level", help=grammar.say("quantization level", "量化级别"))


def _knowledge(grammar: _Grammar, commands: Subparsers) -> None:
    say = grammar.say
    kb = grammar.group(commands, "kb", "knowledge bases", "知识库")
    create = _named(grammar, kb, "create", "make a knowledge base", "新建知识库")
    create.add_argument(
        "--kind", choices=("text", "qa"), default="text", help=say("what it holds", "内容类型")
    )
    create.add_argument("--embedder", metavar="ID", help=say("embedding model", "向量模型"))
    create.add_argument(
        "--chunk-size",
        type=whole("--chunk-size", 8),
        metavar="N",
        help=say("tokens of a chunk", "每块的 token 数"),
    )
    create.add_argument(
        "--overlap",
        type=whole("--overlap", 0),
        metavar="N",
        help=say("tokens shared by neighbours", "相邻块重叠的 token 数"),
    )
    grammar.add(kb, "list", "every knowledge base", "列出所有知识库")
    _named(grammar, kb, "delete", "delete a knowledge base with its documents", "删除知识库及其文档")
    add = _named(grammar, kb, "add", "add documents", "添加文档")
    add.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        help=say("files, folders, zip archives", "文件、文件夹或 zip 压缩包"),
    )
    remove = _named(grammar, kb, "remove", "remove a document", "移除文档")
    remove.add_argument("document", metavar="DOCUMENT", help=say("its path or file name", "文档路径或文件名"))
    verify = _named(grammar, kb, "verify", "check that all indexes agree", "检查各索引是否一致")
    verify.add_argument("--rebuild", action="store_true", help=say("make the indexes anew", "重建索引"))
    search = _named(grammar, kb, "search", "find passages", "检索文档片段")
    search.add_argument("query", metavar="QUERY", nargs="?")
    search.add_argument(
        "--queries", metavar="FILE.jsonl", help=say('a {"query": …} a line', '每行一个 {"query": …}')
    )
    _evidence(grammar, search)


def _named(grammar: _Grammar, group: Subparsers, name: str, en: str, zh: str) -> Parser:
    parser = grammar.add(group, name, en, zh)
    parser.add_argument("name", metavar="NAME", help=grammar.say("the knowledge base", "知识库名称"))
    return parser


def _evidence(grammar: _Grammar, parser: Parser, with_mode: bool = True) -> None:
    say = grammar.say
    parser.add_argument("--k", type=whole("--k", 1), metavar="N", help=say("how many passages", "片段数量"))
    if with_mode:
        parser.add_argument(
            "--mode",
            choices=("hybrid", "dense", "lexical"),
            default="hybrid",
            help=say("how to search", "检索方式"),
        )


def _sampling(grammar: _Grammar, parser: Parser) -> None:
    say = grammar.say
    number = parser.add_argument
    number(
        "--temperature",
        type=fraction("--temperature", 0, 2),
        help=say("0 to 2; 0: always the likeliest", "0 到 2；0 表示总取最可能的词"),
    )
    number("--top-p", type=fraction("--top-p", 0, 1), help=say("0 to 1", "0 到 1"))
    number("--max-tokens", type=whole("--max-tokens", 1), help=say("longest answer", "回答的最大长度"))
    number(
        "--seed",
        type=whole("--seed", 0),
        help=say("the same number, the same answer", "相同的种子得到相同的回答"),
    )
    number(
        "--system-prompt",
        default="",
        metavar="TEXT",
        help=say("instructions for the model", "给模型的系统提示"),
    )


def _ask(grammar: _Grammar, commands: Subparsers) -> None:
    say = grammar.say
    ask = grammar.add(commands, "ask", "one question, one answer", "提一个问题，得到回答")
    ask.add_argument("question", metavar="QUESTION")
    ask.add_argument("--kb", metavar="NAME", help=say("answer from this knowledge base", "依据此知识库回答"))
    ask.add_argument("--model", metavar="ID")
    ask.add_argument("--level", help=say("quantization level", "量化级别"))
    _sampling(grammar, ask)
    _evidence(grammar, ask)


def _compare(grammar: _Grammar, commands: Subparsers) -> None:
    say = grammar.say
    compare = grammar.add(commands, "compare", "one prompt to several models", "同一个问题交给多个模型")
    compare.add_argument("prompt", metavar="PROMPT")
    compare.add_argument(
        "--contestant",
        dest="contestants",
        metavar="MODEL@LEVEL",
        nargs="+",
        action="extend",
        required=True,
        help=say("may be given several times", "可多次给出"),
    )
    compare.add_argument(
        "--kb", metavar="NAME", help=say("the same passages for all", "所有模型使用相同的文档片段")
    )
    _sampling(grammar, compare)
    _evidence(grammar, compare, with_mode=False)
