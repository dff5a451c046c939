"""Passage-level recall of `studio kb search`: PASSAGES.jsonl (id, text), QUERIES.jsonl (query, passage)."""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.report import median, report
from tests.servers import RunningStudio, running_studio

MODES = ("hybrid", "lexical", "dense")
K = 5


def read_lines(path: Path) -> list[dict[str, Any]]:
    """One JSON object a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def add_passages(studio: RunningStudio, passages: list[dict[str, Any]], folder: Path) -> None:
    """Each passage becomes a text file, named by its id."""
    folder.mkdir()
    for passage in passages:
        (folder / f"{passage['id']}.txt").write_text(passage["text"], encoding="utf-8")
    studio.json("kb", "create", "passages")
    studio.json("kb", "add", "passages", str(folder), timeout=3600)


def measure(studio: RunningStudio, queries: list[dict[str, Any]], path: Path, mode: str) -> dict[str, Any]:
    """Recall@1 and @5, and the median seconds of a query."""
    # A passage may come as several chunks, so more hits are asked for than places are counted.
    options = ["--queries", str(path), "--k", str(3 * K), "--mode", mode]
    found = studio.json("kb", "search", "passages", *options, timeout=3600)
    ranks = [_rank(result, query["passage"]) for result, query in zip(found, queries, strict=True)]
    return {
        "mode": mode,
        "recall@1": sum(rank == 0 for rank in ranks) / len(ranks),
        f"recall@{K}": sum(rank is not None and rank < K for rank in ranks) / len(ranks),
        "median ms": median(result["seconds"] for result in found) * 1000,
    }


def _rank(result: dict[str, Any], passage: str) -> int | None:
    documents = list(dict.fromkeys(Path(hit["document"]).stem for hit in result["hits"]))
    return documents.index(passage) if passage in documents else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passages", type=Path)
    parser.add_argument("queries", type=Path)
    arguments = parser.parse_args()
    passages, queries = read_lines(arguments.passages), read_lines(arguments.queries)
    with tempfile.TemporaryDirectory() as folder, running_studio(Path(folder) / "data") as studio:
        add_passages(studio, passages, Path(folder) / "passages")
        asked = Path(folder) / "queries.jsonl"
        asked.write_text("".join(json.dumps({"query": query["query"]}) + "\n" for query in queries))
        rows = [measure(studio, queries, asked, mode) for mode in MODES]
    name = f"retrieval-{arguments.passages.name.partition('.')[0]}"
    report(name, {"passages": len(passages), "queries": len(queries), "modes": rows}, rows)


if __name__ == "__main__":
    main()
