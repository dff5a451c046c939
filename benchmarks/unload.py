"""What unload gives back: the worker's process, and the memory of the page process."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import psutil

from benchmarks.report import report, wait_for
from tests.servers import RunningStudio, running_studio

TARGET_GROWTH = 0.05
MODEL = "smollm2-135m-instruct"


def measure(studio: RunningStudio, level: str) -> dict[str, Any]:
    """Load, one answer, unload; resident memory of the page process before and after, and who is left."""
    page = psutil.Process(studio.pid)
    before, workers = page.memory_info().rss, _workers(page)
    checked = studio.json("models", "check", MODEL, "--level", level)
    wait_for("the worker to end", lambda: _workers(page) <= workers)
    after = page.memory_info().rss
    return {
        "level": level,
        "estimated_bytes": checked["estimated_bytes"],
        "measured_bytes": checked["measured_bytes"],
        "after_unload_bytes": checked["after_unload_bytes"],
        "page_before_bytes": before,
        "page_after_bytes": after,
        "growth": after / before - 1,
        "zombies": sum(child.status() == psutil.STATUS_ZOMBIE for child in page.children(recursive=True)),
    }


def _workers(page: psutil.Process) -> set[int]:
    """Processes of the studio that hold a model or could: those with torch mapped."""
    holding = set()
    for child in page.children(recursive=True):
        try:
            mapped = child.memory_maps()
        except psutil.Error:
            continue
        if any("libtorch" in library.path for library in mapped):
            holding.add(child.pid)
    return holding


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    # Without a spare worker, so that every process with torch is one that a model was loaded into.
    environment = {"STUDIO_SPARE_WORKER": "false"}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_studio(Path(folder) / "data", environment=environment) as studio,
    ):
        found = [measure(studio, level) for _ in range(rounds) for level in ("full", "int8", "nf4")]
    names = (
        "estimated_bytes",
        "measured_bytes",
        "after_unload_bytes",
        "page_before_bytes",
        "page_after_bytes",
    )
    rows = [
        {"level": one["level"]}
        | {name.replace("_bytes", ", MB").replace("_", " "): one[name] / 1e6 for name in names}
        | {"growth, %": one["growth"] * 100, "target": TARGET_GROWTH * 100, "zombies": one["zombies"]}
        for one in found
    ]
    report("unload", {"rounds": found}, rows)


if __name__ == "__main__":
    main()
