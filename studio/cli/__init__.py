"""The command line (DESIGN section 5): `studio …`, `python -m studio …`, and what `launch.py` calls.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 something in it failed, 2 unusable
arguments.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from studio.cli.arguments import build_parser
from studio.cli.errors import Cancelled, SettingsUnreadable, SettingsUnusable, StudioGone
from studio.sentences import Language, StudioError

if TYPE_CHECKING:
    from studio.settings import Settings

__all__ = ["build_parser", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process's); the exit code. Nothing a user can do wrong raises."""
    language = language_of(os.environ)
    try:
        parsed = build_parser(language).parse_args(arguments)
        if parsed.command == "serve":
            return _serve(parsed, language)
        return _command(parsed, language)
    except StudioError as error:
        _note(error.say(language))
        return _exit_code(error)
    except KeyboardInterrupt:
        _note(Cancelled().say(language))
        return 1
    except BrokenPipeError:
        # Whoever read our output has enough; the interpreter must not complain about it at its end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1


def language_of(environment: Mapping[str, str]) -> Language:
    """中文 where the locale of messages is Chinese, else English."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return "zh" if environment[name].lower().startswith("zh") else "en"
    return "en"


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _exit_code(error: StudioError) -> int:
    from studio.owner import DataFolderInUse
    from studio.server.errors import AlreadyRunning

    return 1 if isinstance(error, DataFolderInUse | AlreadyRunning | StudioGone) else 2


def _serve(parsed: argparse.Namespace, language: Language) -> int:
    from studio.server import ServeOptions, serve

    options = ServeOptions(parsed.host, parsed.port, parsed.share, parsed.auth, parsed.open, language)
    return serve(_settings(parsed), options)


def _settings(parsed: argparse.Namespace) -> "Settings":
    import tomllib

    from pydantic import ValidationError

    from studio.settings import Settings, default_data_dir

    folder = Path(getattr(parsed, "data_dir", None) or default_data_dir()).expanduser().absolute()
    try:
        return Settings(data_dir=folder)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsUnusable(name=name, reason=first["msg"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsUnreadable(file=folder / "settings.toml", reason=error) from error


def _command(parsed: argparse.Namespace, language: Language) -> int:
    from studio.cli.here import clean_stdout
    from studio.cli.work import work_of

    name, arguments = work_of(parsed)
    as_json = getattr(parsed, "json", False)
    with (
        clean_stdout() as out,
        contextlib.closing(_reports(_settings(parsed), name, arguments, language)) as reports,
    ):
        streamed = False
        for report in reports:
            if "say" in report:
                _note(report["say"][language])
            elif "token" in report and not as_json and out.isatty():
                streamed = True
                print(report["token"], end="", file=out, flush=True)
            elif "outcome" in report:
                if streamed:
                    print(file=out)
                return _finish(name, report["outcome"], out, language, as_json, streamed)
    raise StudioGone(reason="no outcome")


def _reports(
    settings: "Settings", name: str, arguments: dict[str, Any], language: Language
) -> Generator[dict[str, Any], None, None]:
    """What the command reports, wherever it runs: in the studio that owns the data folder, or here."""
    from studio import owner

    address = owner.running(settings.data_dir)
    if address is not None:
        from studio.cli.forward import forward

        yield from forward(address, name, arguments, language)
    else:
        from studio.cli.here import run_here

        yield from run_here(settings, name, arguments, language)


def _finish(
    name: str, outcome: dict[str, Any], out: TextIO, language: Language, as_json: bool, streamed: bool
) -> int:
    """Print the outcome; the exit code."""
    value, error, code = outcome["value"], outcome["error"], outcome["exit_code"]
    if error is not None:
        _note(error[language])
    if as_json and code != 2:
        if error is not None:
            value = (value or {}) | {"error": {"code": error["code"], "message": error[language]}}
        print(json.dumps(value, ensure_ascii=False), file=out)
    elif value is not None:
        from studio.cli.output import show

        show(name, value, out, language, streamed)
    return int(code)
