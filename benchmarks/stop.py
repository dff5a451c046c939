"""How much the worker still computes after Stop: in tokens, through the engine and through the page."""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page

from benchmarks.browser import (
    ask,
    browser_page,
    last_usage,
    open_when_up,
    wait_for_first_text,
    wait_until_idle,
)
from benchmarks.report import median, report
from studio.engines.base import Done, Message, Sampling, Text
from studio.services import Studio
from studio.settings import Settings
from tests.servers import RunningStudio, running_studio

TARGET_TOKENS = 1
PROMPT = "Write a long story about a lighthouse keeper and the sea."
STOP_AFTER_TEXTS = 20
WATCH_SECONDS = 0.5


def through_the_engine(data_dir: Path, runs: int) -> list[int]:
    """Tokens generated beyond those received when `cancel` was called."""
    studio = Studio(Settings(data_dir=data_dir))
    try:
        card = studio.catalogue.get(studio.settings.chat_model)
        with studio.pool.use(card, "full") as engine:
            return [_cancel_one(engine, f"stop-{number}") for number in range(runs)]
    finally:
        studio.close()


def _cancel_one(engine: Any, request: str) -> int:
    received, at_stop, made = "", 0, 0
    for event in engine.generate(request, [Message("user", PROMPT)], Sampling(temperature=0, max_tokens=512)):
        if isinstance(event, Text):
            received += event.text
            at_stop += 1
            if at_stop == STOP_AFTER_TEXTS:
                tokens = engine.count([received])[0]
                engine.cancel(request)
        elif isinstance(event, Done):
            made = event.usage.completion_tokens
    return made - tokens


def through_the_page(page: Page, studio: RunningStudio) -> float:
    """Processor time that the workers use after the click on Stop, in tokens."""
    open_when_up(page, f"{studio.url}/en/")
    ask(page, PROMPT)
    wait_for_first_text(page)
    workers = psutil.Process(studio.pid).children(recursive=True)
    before, begun = _processor_seconds(workers), time.perf_counter()
    page.wait_for_timeout(2000)
    rate = (_processor_seconds(workers) - before) / (time.perf_counter() - begun)
    page.evaluate("document.querySelector('#stop').click()")
    at_click = _processor_seconds(workers)
    time.sleep(WATCH_SECONDS)
    used = _processor_seconds(workers) - at_click
    wait_until_idle(page)
    return used / rate * last_usage(studio)["tokens_per_second"]


def _processor_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes if process.is_running())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        beyond = through_the_engine(Path(folder) / "engine", runs)
        environment = {"STUDIO_SPARE_WORKER": "false"}
        with running_studio(Path(folder) / "page", environment=environment) as studio, browser_page() as page:
            after = [through_the_page(page, studio) for _ in range(runs)]
            page.goto("about:blank")
    measured: dict[str, Sequence[float]] = {
        "engine, tokens after cancel": beyond,
        "page, worker's time after the click, in tokens": after,
    }
    rows = [
        {"figure": figure, "median": median(values), "most": max(values), "target": TARGET_TOKENS}
        for figure, values in measured.items()
    ]
    report("stop", {"engine_tokens": beyond, "page_tokens": after}, rows)


if __name__ == "__main__":
    main()
