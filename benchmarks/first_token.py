"""From Enter in the page to the first text of the answer: on a fresh start, and once the model is loaded."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from benchmarks.browser import ask, browser_page, open_when_up, wait_for_first_text, wait_until_idle
from benchmarks.report import median, report
from tests.servers import running_studio

QUESTION = "Name three colours."
SETTINGS = {"STUDIO_TEMPERATURE": "0", "STUDIO_MAX_TOKENS": "16"}


def measure(page: Page, data_dir: Path, again: int) -> dict[str, Any]:
    """Seconds to the first text: of the first question after a start, then of `again` new conversations."""
    with running_studio(data_dir, environment=SETTINGS) as studio:
        open_when_up(page, f"{studio.url}/en/")
        ask(page, QUESTION)
        first = wait_for_first_text(page)
        wait_until_idle(page)
        loaded = []
        for _ in range(again):
            open_when_up(page, f"{studio.url}/en/")
            ask(page, QUESTION)
            loaded.append(wait_for_first_text(page))
            wait_until_idle(page)
        page.goto("about:blank")
    return {"first": first, "loaded": loaded}


def main() -> None:
    """A fresh data folder (the starter is converted first), then starts on the same folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder, browser_page() as page:
        fresh = [measure(page, Path(folder) / f"fresh-{number}", 0)["first"] for number in range(runs)]
        again = [measure(page, Path(folder) / "fresh-0", 3) for _ in range(runs)]
    started, loaded = [run["first"] for run in again], [value for run in again for value in run["loaded"]]
    rows = [
        {
            "figure": "fresh data folder, median, s",
            "measured": median(fresh),
            "worst": max(fresh),
            "target": 8,
        },
        {"figure": "fresh start, median, s", "measured": median(started), "worst": max(started), "target": 8},
        {"figure": "model loaded, median, s", "measured": median(loaded), "worst": max(loaded), "target": 1},
    ]
    result = {"fresh_data_folder_seconds": fresh, "fresh_start_seconds": started, "loaded_seconds": loaded}
    report("first_token", result, rows)


if __name__ == "__main__":
    main()
