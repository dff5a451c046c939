"""`studio kb add` against a naive LangChain pipeline: the same PDFs, chunks of the same mean length.

The naive pipeline is a program of its own (`--naive`), called as `PROGRAM ingest FOLDER --model DIR`; it
prints JSON with `seconds`, `chunks` and `pages`. It gets an environment of its own (`--environment`).
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.report import median, report
from studio.engines.process import WAITING
from studio.settings import Settings
from studio.store import Store
from tests.servers import ROOT, running_studio

TARGET = 2
NAIVE_NEEDS = ("langchain-community", "langchain-huggingface", "langchain-chroma", "langchain-text-splitters")
# The same versions as the studio's, since they do the work that is compared
SHARED = ("torch", "transformers", "tokenizers", "sentence-transformers", "pypdf", "chromadb")
# The mean length of the naive pipeline's chunks, in tokens of the embedder: it splits by characters.
NAIVE_MEAN = """
import sys
from pathlib import Path
from langchain_community.document_loaders import PyPDFLoader
from langchain_text_splitters import RecursiveCharacterTextSplitter
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file(sys.argv[2] + "/tokenizer.json")
tokenizer.no_truncation()
tokenizer.no_padding()
pages = [page for pdf in sorted(Path(sys.argv[1]).glob("*.pdf")) for page in PyPDFLoader(str(pdf)).load()]
chunks = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200).split_documents(pages)
counts = [len(tokenizer.encode(chunk.page_content, add_special_tokens=False)) for chunk in chunks]
print(sum(counts) / len(counts))
"""


def naive_environment(folder: Path) -> Path:
    """The Python of the naive pipeline's environment; made on the first call."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet"]
        pinned = [f"{name}=={version(name)}" for name in SHARED]
        subprocess.run([*install, *NAIVE_NEEDS, *pinned], check=True, stdout=sys.stderr)
        (folder / "complete").touch()
    return python


def run_naive(python: Path, program: Path, folder: Path, model: Path) -> dict[str, Any]:
    """One ingest of the naive pipeline; what it says."""
    command = list(map(str, [python, program, "ingest", folder, "--model", model]))
    # Threads wait as the worker's do, so that a busy machine slows both alike.
    environment = os.environ | WAITING
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def run_studio(folder: Path, chunk_size: int, overlap: int) -> dict[str, Any]:
    """One ingest into a new data folder, by a running studio with a loaded embedder, as the naive one has."""
    with tempfile.TemporaryDirectory() as data, running_studio(Path(data) / "data") as studio:
        size = ["--chunk-size", str(chunk_size), "--overlap", str(overlap)]
        studio.json("kb", "create", "warm-up")
        studio.json("kb", "add", "warm-up", str(ROOT / "prompts" / "README.md"))
        studio.json("kb", "create", "papers", *size)
        begun = time.perf_counter()
        added = studio.json("kb", "add", "papers", str(folder), timeout=3600)
        wall = time.perf_counter() - begun
        mean, chunks = _chunks(studio.data_dir)
    pages = sum(file["pages"] for file in added["files"])
    failed = [file["path"] for file in added["files"] if file["status"] != "indexed"]
    return {
        "seconds": added["seconds"],
        "wall": wall,
        "pages": pages,
        "chunks": chunks,
        "mean": mean,
        "failed": failed,
    }


def _chunks(data_dir: Path) -> tuple[float, int]:
    database = sqlite3.connect(f"file:{data_dir / 'studio.sqlite'}?mode=ro", uri=True)
    try:
        return database.execute(
            "SELECT avg(tokens), count(*) FROM chunks "
            "JOIN knowledge_bases ON knowledge_bases.id = knowledge_base WHERE name = 'papers'"
        ).fetchone()
    finally:
        database.close()


def embedder_folder() -> Path:
    """Where the weights of the starter embedder are."""
    from studio.models.catalogue import Catalogue

    with tempfile.TemporaryDirectory() as data:
        settings = Settings(data_dir=Path(data))
        store = Store(settings.database)
        try:
            path = Catalogue(settings, store).get(settings.embedder).path
        finally:
            store.close()
    assert path is not None, "the starter models are not installed: make starters"
    return path


def main() -> None:
    """One run to find the chunk size, then in turn."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder with PDFs")
    parser.add_argument("--naive", type=Path, required=True, help="the naive pipeline's program")
    parser.add_argument("--environment", type=Path, default=ROOT / ".venv" / "naive")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder, model = arguments.folder.resolve(), embedder_folder()
    python = naive_environment(arguments.environment)
    measured = subprocess.run(
        [python, "-c", NAIVE_MEAN, folder, model], check=True, capture_output=True, text=True
    )
    naive_mean = float(measured.stdout)

    size = 256
    trial = run_studio(folder, size, size // 5)
    size = min(round(size * naive_mean / trial["mean"]), 512)
    rounds = []
    for _ in range(arguments.rounds):
        naive = run_naive(python, arguments.naive.resolve(), folder, model)
        rounds.append((naive, run_studio(folder, size, size // 5)))
    ratio = median(naive["seconds"] / ours["seconds"] for naive, ours in rounds)
    for naive, _ in rounds:
        naive["mean"] = naive_mean
    rows = [
        {"pipeline": name, "seconds": median(one["seconds"] for one in runs)}
        | {key: runs[-1][key] for key in ("pages", "chunks", "mean")}
        for name, runs in (
            ("naive", [one for one, _ in rounds]),
            ("studio kb add", [one for _, one in rounds]),
        )
    ]
    rows.append({"pipeline": f"naive ÷ studio (target {TARGET})", "seconds": ratio})
    report("ingest", {"ratio": ratio, "chunk_size": size, "rounds": rounds}, rows)


if __name__ == "__main__":
    main()
