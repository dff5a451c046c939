"""Results as people read them; with `--json` none of this is used."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TextIO

from studio.sentences import Language, size

# (English, 中文)
LABELS = {
    "id": ("model", "模型"),
    "kind": ("kind", "类型"),
    "installed": ("installed", "已安装"),
    "parameters": ("parameters", "参数量"),
    "context_length": ("context", "上下文"),
    "levels": ("levels", "量化级别"),
    "weights_bytes": ("weights", "权重"),
    "kv_cache_bytes": ("KV cache", "KV 缓存"),
    "overhead_bytes": ("overhead", "其他开销"),
    "total_bytes": ("in all", "合计"),
    "available_bytes": ("available", "可用"),
    "fit": ("fit", "能否容纳"),
    "load_seconds": ("loaded in", "加载用时"),
    "estimated_bytes": ("estimated", "估算"),
    "measured_bytes": ("measured", "实测"),
    "after_unload_bytes": ("after unload", "卸载后"),
    "tokens_per_second": ("tokens per second", "每秒 token 数"),
    "ttft_seconds": ("time to first token", "首个 token 用时"),
    "name": ("knowledge base", "知识库"),
    "documents": ("documents", "文档"),
    "chunks": ("chunks", "文本块"),
    "bytes": ("size", "大小"),
    "embedder": ("embedder", "向量模型"),
    "document": ("document", "文档"),
    "lexical": ("lexical index", "词语索引"),
    "vectors": ("vectors", "向量"),
    "agree": ("agree", "一致"),
    "peak_bytes": ("peak memory", "内存峰值"),
}
FITS = {"fits": "放得下", "tight": "勉强放下", "does not fit": "放不下"}


def show(command: str, value: Any, out: TextIO, language: Language, streamed: bool = False) -> None:
    """Write the result of `command`. `streamed`: the text of the answer stands there already."""
    lines = SHOWN[command](value, language) if command != "ask" else _answer(value, language, streamed)
    for line in lines:
        print(line, file=out)


def _label(name: str, language: Language) -> str:
    return LABELS[name][0 if language == "en" else 1]


def _words(name: str, value: Any, language: Language) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return ("yes" if value else "no") if language == "en" else ("是" if value else "否")
    if isinstance(value, list):
        return " ".join(value)
    if name == "bytes" or name.endswith("_bytes"):
        return size(value)
    if name.endswith("_seconds"):
        return f"{value:.2f} s" if language == "en" else f"{value:.2f} 秒"
    if name == "fit" and language == "zh":
        return FITS[value]
    if isinstance(value, float):
        return f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _table(rows: Sequence[dict[str, Any]], columns: Sequence[str], language: Language) -> Iterable[str]:
    cells = [[_label(name, language) for name in columns]]
    cells += [[_words(name, row[name], language) for name in columns] for row in rows]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(columns))]
    for row in cells:
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()


def _facts(value: dict[str, Any], language: Language) -> Iterable[str]:
    known = {name: fact for name, fact in value.items() if name in LABELS}
    width = max(_width(_label(name, language)) for name in known)
    for name, fact in known.items():
        label = _label(name, language)
        yield f"{label}{' ' * (width - _width(label))}  {_words(name, fact, language)}"


def _estimate(value: dict[str, Any], language: Language) -> Iterable[str]:
    yield from _facts(value, language)
    yield value["reason"]


def _models(value: list[dict[str, Any]], language: Language) -> Iterable[str]:
    return _table(value, ("id", "kind", "installed", "parameters", "context_length", "levels"), language)


def _bases(value: list[dict[str, Any]], language: Language) -> Iterable[str]:
    if not value:
        yield "There is no knowledge base yet." if language == "en" else "还没有知识库。"
        return
    yield from _table(value, ("name", "documents", "chunks", "bytes", "embedder"), language)


def _added(value: dict[str, Any], language: Language) -> Iterable[str]:
    counts: dict[str, int] = {}
    for file in value["files"]:
        counts[file["status"]] = counts.get(file["status"], 0) + 1
    chinese = {"indexed": "已索引", "unchanged": "没有变化", "failed": "失败", "cancelled": "已取消"}
    for file in value["files"]:
        if file["error"]:
            yield f"{file['path']}: {file['error']}"
    parts = [
        f"{count} {name}" if language == "en" else f"{chinese[name]} {count}"
        for name, count in counts.items()
    ]
    tail = f"{value['chunks']:,} chunks, {value['seconds']:.1f} s"
    tail_zh = f"{value['chunks']:,} 个文本块，{value['seconds']:.1f} 秒"
    yield ", ".join([*parts, tail]) if language == "en" else "，".join([*parts, tail_zh])


def _found(value: list[dict[str, Any]], language: Language) -> Iterable[str]:
    for result in value:
        if len(value) > 1:
            yield f"# {result['query']}"
        if not result["hits"]:
            yield "Nothing was found." if language == "en" else "没有找到相关内容。"
        for number, hit in enumerate(result["hits"], start=1):
            yield f"{number}. {_place(hit, language)}  ({hit['score']:.3f})"
            yield "   " + " ".join(hit["text"].split())


def _place(hit: dict[str, Any], language: Language) -> str:
    if hit["page"] is None:
        return str(hit["document"])
    return (
        f"{hit['document']}, page {hit['page']}"
        if language == "en"
        else f"{hit['document']}，第 {hit['page']} 页"
    )


def _answer(value: dict[str, Any], language: Language, streamed: bool) -> Iterable[str]:
    if not streamed and value["answer"]:
        yield value["answer"]
    if value["citations"]:
        yield ""
    for citation in value["citations"]:
        yield f"[{citation['n']}] {_place(citation, language)}"
    if value["usage"] and value["usage"]["completion_tokens"]:
        yield ""
        yield _figures(value["usage"], language)


def _figures(usage: dict[str, Any], language: Language) -> str:
    speed = usage["tokens_per_second"]
    first = usage["ttft_seconds"]
    count = usage["completion_tokens"]
    if language == "zh":
        parts = [f"{count} 个 token", f"首个 token {first:.2f} 秒" if first is not None else ""]
        return "，".join(part for part in [*parts, f"每秒 {speed:.1f} 个" if speed else ""] if part)
    parts = [f"{count} tokens", f"first after {first:.2f} s" if first is not None else ""]
    return ", ".join(part for part in [*parts, f"{speed:.1f} per second" if speed else ""] if part)


def _compared(value: list[dict[str, Any]], language: Language) -> Iterable[str]:
    for result in value:
        yield f"## {result['contestant']}"
        yield result["answer"]
        if result["error"]:
            yield result["error"]
        if result["usage"]:
            yield _figures(result["usage"], language)
        if result["peak_bytes"] is not None:
            yield f"{_label('peak_bytes', language)}: {size(result['peak_bytes'])}"
        yield ""


def _one_model(value: dict[str, Any], language: Language) -> Iterable[str]:
    return _models([value], language)


def _one_base(value: dict[str, Any], language: Language) -> Iterable[str]:
    return _bases([value], language)


SHOWN: dict[str, Callable[[Any, Language], Iterable[str]]] = {
    "models list": _models,
    "models estimate": _estimate,
    "models check": _facts,
    "models add": _one_model,
    "models remove": _one_model,
    "kb create": _one_base,
    "kb list": _bases,
    "kb delete": _one_base,
    "kb add": _added,
    "kb remove": _facts,
    "kb verify": _facts,
    "kb search": _found,
    "compare": _compared,
}
