"""How every benchmark says what it found: a table for people, JSON for programs, the machine beside both."""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

RESULTS = Path(__file__).resolve().parent / "results"


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "transformers": version("transformers"),
        # Others at work on the same machine make every figure worse.
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def report(name: str, result: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print `rows` as a table and `result` as JSON; keep the JSON in benchmarks/results/NAME.json."""
    whole = {
        "benchmark": name,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
    }
    whole |= result
    print(f"\n{name}\n{table(rows)}\n", file=sys.stderr)
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: the columns of the first row, numbers to three figures."""
    head = list(rows[0])
    lines = [head, ["---"] * len(head), *([_cell(row.get(name)) for name in head] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)


def median(values: Iterable[float]) -> float:
    """The median: one disturbed run of several does not count."""
    return statistics.median(values)


def wait_for(what: str, happened: Any, seconds: float = 120) -> Any:
    """Poll until `happened()` is true and return it. Raises TimeoutError naming `what`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := happened():
            return value
        time.sleep(0.02)
    raise TimeoutError(what)
