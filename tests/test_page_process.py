"""torch never reaches the page process: seen in its mapped libraries, after real work."""

from pathlib import Path

import psutil
from servers import ROOT, RunningStudio

SAMPLE = ROOT / "assets/samples/skerrow-tidal-observatory.pdf"
HEAVY = ("libtorch", "libc10", "libbitsandbytes")


def heavy_libraries(pid: int) -> set[str]:
    """Names of mapped files of a process that belong to torch or bitsandbytes."""
    paths = {Path(mapped.path) for mapped in psutil.Process(pid).memory_maps()}
    return {path.name for path in paths if path.name.startswith(HEAVY)}


def test_torch_stays_in_the_workers(studio_server: RunningStudio) -> None:
    studio_server.json("kb", "create", "samples")
    added = studio_server.json("kb", "add", "samples", str(SAMPLE))
    assert [file["status"] for file in added["files"]] == ["indexed"]
    answer = studio_server.json(
        "ask", "Who founded the observatory?", "--kb", "samples", "--max-tokens", "16"
    )
    assert answer["answer"]

    assert heavy_libraries(studio_server.pid) == set()
    workers = psutil.Process(studio_server.pid).children(recursive=True)
    assert any("libtorch_cpu.so" in heavy_libraries(worker.pid) for worker in workers)
