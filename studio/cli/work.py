"""From parsed arguments to the name and keyword arguments of a command."""

import argparse
import json
from pathlib import Path
from typing import Any

from studio.cli.errors import OneQueryOrFile, QueriesUnreadable, QueryLineUnusable

# What steers the command line itself and not the command.
OWN = {"command", "action", "data_dir", "json"}


def work_of(parsed: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """(name, arguments) as `studio.commands.run` takes them, as JSON values, paths absolute.

    Raises `OneQueryOrFile`, `QueriesUnreadable` or `QueryLineUnusable`.
    """
    arguments = {name: value for name, value in vars(parsed).items() if name not in OWN and value is not None}
    name = " ".join(word for word in (parsed.command, getattr(parsed, "action", None)) if word)
    if name == "kb add":
        arguments["paths"] = [str(Path(path).absolute()) for path in arguments["paths"]]
    elif name == "kb search":
        arguments["queries"] = _queries(arguments.pop("query", None), arguments.pop("queries", None))
    elif name == "models add" and Path(arguments["location"]).expanduser().exists():
        arguments["location"] = str(Path(arguments["location"]).expanduser().absolute())
    return name, arguments


def _queries(query: str | None, file: str | None) -> list[str]:
    if (query is None) == (file is None):
        raise OneQueryOrFile()
    if file is None:
        assert query is not None
        return [query]
    try:
        lines = Path(file).read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QueriesUnreadable(file=file, reason=getattr(error, "strerror", None) or error) from error
    return [_query(line, number, file) for number, line in enumerate(lines, start=1) if line.strip()]


def _query(line: str, number: int, file: str) -> str:
    try:
        query = json.loads(line)["query"]
    except (ValueError, KeyError, TypeError) as error:
        raise QueryLineUnusable(file=file, line=number) from error
    if not isinstance(query, str):
        raise QueryLineUnusable(file=file, line=number)
    return query
