"""The documents say what the program does: settings, commands, options, and the same in both languages."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.cli.arguments import build_parser
from studio.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
README_ZH = ROOT / "README.zh.md"
EVERYWHERE = {"-h", "--help", "--json", "--data-dir"}


def read(path: str | Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def commands(parser: argparse.ArgumentParser, name: str = "studio") -> Iterator[tuple[str, set[str]]]:
    """Every command that does something, with its own options."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield name, {option for action in parser._actions for option in action.option_strings} - EVERYWHERE
    for group in groups:
        for word, inner in group.choices.items():
            yield from commands(inner, f"{name} {word}")


COMMANDS = dict(commands(build_parser()))
SECTIONS = dict(
    re.findall(r"^## (studio .+)\n((?:(?!## ).*\n?)*)", read("docs/command-line.md"), re.MULTILINE)
)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_explained(name: str) -> None:
    line = next(
        (line for line in read("docs/settings.md").splitlines() if line.startswith(f"| `{name}`")), ""
    )
    assert f"`STUDIO_{name.upper()}`" in line


def test_no_setting_is_explained_that_is_not_there() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| `STUDIO_", read("docs/settings.md"), re.MULTILINE)) == set(
        Settings.model_fields
    )


@pytest.mark.parametrize("name", ["port", "chat_model", "chat_level", "embedder", "chunk_size", "max_tokens"])
def test_the_default_of_a_setting_is_the_one_explained(name: str, settings: Settings) -> None:
    assert re.search(
        rf"^\| `{name}` .*\| `{getattr(settings, name)}` \|", read("docs/settings.md"), re.MULTILINE
    )


def test_every_command_has_a_section() -> None:
    assert set(SECTIONS) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained_and_none_that_is_not_there(name: str) -> None:
    explained = set(re.findall(r"^- (.*?):", SECTIONS[name], re.MULTILINE))
    options = {option for line in explained for option in re.findall(r"--[\w-]+", line)}
    assert options == COMMANDS[name]


def code(path: Path) -> list[str]:
    """The lines of the code blocks, without their comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", read(path), re.MULTILINE | re.DOTALL)
    return [re.sub(r"\s+#.*", "", line) for block in blocks for line in block.splitlines()]


def inline(path: Path) -> set[str]:
    """What stands between backquotes outside the blocks: commands, files, names."""
    return set(
        re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", read(path), flags=re.MULTILINE | re.DOTALL))
    )


def test_both_languages_show_the_same_commands() -> None:
    assert code(README) == code(README_ZH)
    assert inline(README) == inline(README_ZH)


def test_both_languages_lead_to_the_same_places() -> None:
    links = [
        set(re.findall(r"\]\(([^)]+)\)", read(path))) - {path.name for path in (README, README_ZH)}
        for path in (README, README_ZH)
    ]
    assert links[0] == links[1]


def shown_commands() -> list[str]:
    lines = [*code(README), *inline(README)]
    return sorted({line for line in lines if line.startswith("studio ") and "…" not in line and " -" in line})


@pytest.mark.parametrize("line", shown_commands())
def test_the_commands_shown_can_be_given(line: str) -> None:
    build_parser().parse_args(shlex.split(re.sub(r"\bN\b", "1", line))[1:])


@pytest.mark.parametrize("line", [line for line in code(README) if line.startswith("make ")])
def test_the_make_targets_shown_are_there(line: str) -> None:
    assert re.search(rf"^{line.split()[1]}:", read("Makefile"), re.MULTILINE)


@pytest.mark.parametrize(
    "path", [README, README_ZH, *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda path: path.name
)
def test_links_inside_the_project_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", read(path))
    missing = [target for target in targets if "://" not in target and not (path.parent / target).exists()]
    assert missing == []
