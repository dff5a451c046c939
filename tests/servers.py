"""The real studio in a process of its own, for tests and benchmarks."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
STOP_SECONDS = 20


class NotStarted(Exception):
    """The studio ended or stayed silent; carries what it wrote."""


@dataclass(frozen=True)
class RunningStudio:
    """A studio that answers at `url`. `pid`: the page process; `log`: what it wrote on stdout and stderr."""

    url: str
    pid: int
    data_dir: Path
    log: Path
    environment: Mapping[str, str]

    def command(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a `studio` command on the same data folder; it forwards its work to this studio."""
        return subprocess.run(
            [sys.executable, "-m", "studio", *arguments, "--data-dir", str(self.data_dir)],
            cwd=ROOT,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def json(self, *arguments: str, timeout: float = 300) -> Any:
        """Run a command with `--json` and return its result. Raises AssertionError when it fails."""
        done = self.command(*arguments, "--json", timeout=timeout)
        assert done.returncode == 0, f"studio {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}"
        return json.loads(done.stdout)


def find_free_port() -> int:
    """A TCP port of this computer that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_studio(
    data_dir: Path, *arguments: str, environment: Mapping[str, str] | None = None, python: Sequence[str] = ()
) -> Iterator[RunningStudio]:
    """Start `python -m studio serve` on a free port and yield it once `/health` answers; end it afterwards.

    `environment` is added to this process's; `python` are options of the interpreter. Raises `NotStarted`.
    """
    port = find_free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {**os.environ, **(environment or {})}
    data_dir.mkdir(parents=True, exist_ok=True)
    log = data_dir.parent / f"{data_dir.name}-studio-{port}.log"
    serve = ["-m", "studio", "serve", "--port", str(port), "--data-dir", str(data_dir)]
    command = [sys.executable, *python, *serve, *arguments]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=output, stderr=output)
    try:
        wait_until_healthy(url, process, log)
        yield RunningStudio(url, process.pid, data_dir, log, environ)
    finally:
        end(process)


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when `/health` answers. Raises `NotStarted` when the process ended or a minute has passed."""
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise NotStarted(f"exit {process.returncode}\n{log.read_text()}")
            with contextlib.suppress(httpx.TransportError):
                if client.get(f"{url}/health", timeout=1).is_success:
                    return
            time.sleep(0.05)
    raise NotStarted(f"no answer from {url}/health in {START_SECONDS} s\n{log.read_text()}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end as Ctrl-C would; make it end if it does not."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
