"""From the start of the process to a usable page in Chromium, and what the page process holds then."""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Page

from benchmarks.browser import browser_page, open_when_up
from benchmarks.report import median, report
from tests.servers import ROOT, end, find_free_port

TARGET_SECONDS = 4
TARGET_BYTES = 320 * 10**6
SETTLE_SECONDS = 10


def measure(page: Page, data_dir: Path) -> dict[str, float]:
    """One start on a data folder. `bytes`: resident memory of the page process, some seconds later."""
    port = find_free_port()
    command = [sys.executable, "launch.py", "--port", str(port), "--data-dir", str(data_dir)]
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        open_when_up(page, f"http://127.0.0.1:{port}/en/")
        usable = time.perf_counter() - begun
        time.sleep(SETTLE_SECONDS)
        resident = psutil.Process(process.pid).memory_info().rss
    finally:
        page.goto("about:blank")
        end(process)
    return {"seconds": usable, "bytes": resident}


def main() -> None:
    """A fresh data folder first, then the same folder again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder, browser_page() as page:
        found = [measure(page, Path(folder)) for _ in range(runs)]
    seconds, resident = [run["seconds"] for run in found], [run["bytes"] for run in found]
    rows = [
        {"figure": "first start, s", "measured": seconds[0], "target": TARGET_SECONDS},
        {
            "figure": "later starts, median, s",
            "measured": median(seconds[1:] or seconds),
            "target": TARGET_SECONDS,
        },
        {"figure": "page process, most, MB", "measured": max(resident) / 1e6, "target": TARGET_BYTES / 1e6},
    ]
    report("startup", {"seconds": seconds, "resident_bytes": resident}, rows)


if __name__ == "__main__":
    main()
