"""Decode speed through page and chain, divided by that of plain `model.generate`, alternating in one run."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from playwright.sync_api import Page

from benchmarks.browser import ask, browser_page, last_usage, open_when_up, wait_until_idle
from benchmarks.report import median, report
from studio.engines.process import WAITING
from studio.models.levels import full_bytes_per_weight
from studio.settings import Settings
from tests.servers import ROOT, RunningStudio, running_studio

TARGET = 0.9
PROMPT = "Write a long story about a lighthouse keeper and the sea, with as many details as you can."


@contextmanager
def plain_generate(model: Path) -> Iterator[Any]:
    """A process with the same weights in the same type; call it with a number of tokens."""
    dtype = "bfloat16" if full_bytes_per_weight("cpu") == 2 else "float32"
    command = [sys.executable, "-m", "benchmarks.plain_generate", str(model), dtype]
    pipes: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.DEVNULL,
    }
    # Threads wait as the worker's do: with torch's defaults, whatever else runs would slow the yardstick.
    environment = os.environ | WAITING
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes) as process:
        write, read = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        read.readline()

        def measure(tokens: int) -> float:
            write.write(json.dumps({"prompt": PROMPT, "tokens": tokens}) + "\n")
            write.flush()
            made = json.loads(read.readline())
            return made["tokens"] / made["seconds"]

        yield measure
        write.close()


def through_the_page(page: Page, studio: RunningStudio) -> tuple[float, float]:
    """Tokens per second on the screen, from first text to complete answer; and as the worker counts."""
    open_when_up(page, f"{studio.url}/en/")
    ask(page, PROMPT)
    clock = wait_until_idle(page)
    usage = last_usage(studio)
    return (usage["completion_tokens"] - 1) / (clock["complete"] - clock["first"]) * 1000, usage[
        "tokens_per_second"
    ]


def main() -> None:
    """One answer each to warm up, then in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=256)
    arguments = parser.parse_args()
    settings = {
        "STUDIO_TEMPERATURE": "0",
        "STUDIO_MAX_TOKENS": str(arguments.tokens),
        "STUDIO_SPARE_WORKER": "false",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        running_studio(Path(folder) / "data", environment=settings) as studio,
        browser_page() as page,
    ):
        through_the_page(page, studio)
        model = Settings(data_dir=studio.data_dir).models_dir / "smollm2-135m-instruct"
        with plain_generate(model) as plain:
            plain(arguments.tokens)
            rounds = [
                (*through_the_page(page, studio), plain(arguments.tokens)) for _ in range(arguments.rounds)
            ]
        page.goto("about:blank")
    seen, counted, direct = (median(values) for values in zip(*rounds, strict=True))
    ratio = median(one[0] / one[2] for one in rounds)
    rows = [
        {"figure": "page and chain ÷ plain generate", "measured": ratio, "target": TARGET},
        {"figure": "on the screen, tokens/s", "measured": seen},
        {"figure": "in the worker, tokens/s", "measured": counted},
        {"figure": "plain generate, tokens/s", "measured": direct},
    ]
    named = [dict(zip(("screen", "worker", "plain"), one, strict=True)) for one in rounds]
    report("decode", {"ratio": ratio, "rounds": named}, rows)


if __name__ == "__main__":
    main()
