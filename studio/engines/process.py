"""A worker process and the calls that are under way in it."""

import contextlib
import itertools
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from studio.engines.errors import Unloaded, WorkerDied
from studio.engines.messages import Answer, Ask, Cancel, Failure, Order, Say

# A worker has nothing to finish when it is told to go; a device driver may still need a moment to let it.
TERMINATE_SECONDS = 5.0

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
# Progress goes over the pipe, not as bars to the terminal of the studio.
QUIET = {"TQDM_DISABLE": "1"}

# Threads that wait for each other sleep instead of spinning. Where the page, a browser or a second worker
# want a core too, spinning made decoding twenty times slower.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}

# glibc learns to keep ever larger freed pieces for itself: after one long prompt an int8 worker held 1.5 GB
# for 210 MB of model. A fixed limit gives large pieces back at once; below 4 MiB decoding became slower.
RELEASING = {"MALLOC_MMAP_THRESHOLD_": str(4 * 1024**2)}

# How NVML numbers GPUs, which the studio counts them with.
NUMBERING = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def physical_cores() -> int:
    """Physical cores that this process may run on; two hyperthreads of one core count once."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    siblings = set()
    for cpu in allowed:
        file = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        siblings.add(file.read_text() if file.exists() else str(cpu))
    return max(len(siblings), 1)


class Call:
    """One call that is under way. Iterate over its events; `result()` is what it ended with."""

    def __init__(self, worker: "WorkerProcess", number: int):
        self._worker = worker
        self._number = number
        self._said: queue.SimpleQueue[Say | Answer | Failure] = queue.SimpleQueue()
        self._value: Any = None
        self.ended = False

    def put(self, said: Say | Answer | Failure) -> None:
        self._said.put(said)

    def events(self) -> Iterator[Any]:
        """What the worker says until the call ends. Raises what it failed with."""
        while not self.ended:
            said = self._said.get()
            if isinstance(said, Say):
                yield said.event
                continue
            self.ended = True
            if isinstance(said, Failure):
                raise said.error
            self._value = said.value

    def result(self) -> Any:
        """Wait for the end; what the call returned."""
        for _ in self.events():
            pass
        return self._value

    def drop(self) -> None:
        """Nobody waits for the rest."""
        self._worker.forget(self._number)


class WorkerProcess:
    """A Python process of its own that imports torch, spoken to over a pipe. Thread-safe.

    Started as a program, not through `multiprocessing`: that would run the studio's main module again in the
    child (importing the page with it) and leave a resource tracker behind.
    """

    def __init__(self) -> None:
        """Start it. Returns at once; calls wait until it has imported what it needs."""
        self._connection, theirs = Pipe(duplex=True)
        self._process = _spawn(theirs)
        theirs.close()
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._numbers = itertools.count(1)
        self._calls: dict[int, Call] = {}
        self._dead = False
        self._closing = False
        self.model = "the model"
        self._reader = threading.Thread(target=self._read, name=f"worker-{self.pid}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._dead and not self._closing and self._process.poll() is None

    def call(self, order: Order) -> Call:
        """Send an order; its events and result arrive in the call. Raises `WorkerDied`."""
        with self._lock:
            if self._dead or self._closing:
                raise self._why()
            number = next(self._numbers)
            call = self._calls[number] = Call(self, number)
        self._send(Ask(number, order))
        return call

    def cancel(self, request: str) -> None:
        """End a generation; ignored where it is unknown or the worker gone."""
        self._send(Ask(0, Cancel(request)))

    def forget(self, number: int) -> None:
        with self._lock:
            self._calls.pop(number, None)

    def close(self) -> None:
        """End the process and wait until it is gone. Calls under way fail with `Unloaded`. Idempotent."""
        with self._lock:
            self._closing = True
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(TERMINATE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        # Its end of the pipe is closed now, so the reader ends by itself.
        if threading.current_thread() is not self._reader:
            self._reader.join()

    def _send(self, ask: Ask) -> None:
        # Where the worker is gone the reader sees it too, and fails every call.
        with self._sending, contextlib.suppress(OSError, ValueError):
            self._connection.send(ask)

    def _read(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._deliver(self._connection.recv())
        self._process.wait()
        with self._lock:
            self._dead = True
            waiting, self._calls = list(self._calls.items()), {}
        for number, call in waiting:
            call.put(Failure(number, self._why()))
        with self._sending:
            self._connection.close()

    def _deliver(self, said: Say | Answer | Failure) -> None:
        with self._lock:
            call = self._calls.get(said.call)
            if call is not None and not isinstance(said, Say):
                del self._calls[said.call]
        if call is not None:
            call.put(said)

    def _why(self) -> WorkerDied:
        if self._closing:
            return Unloaded(model=self.model)
        return WorkerDied(model=self.model, detail=_exit_status(self._process.poll()))


def _exit_status(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def _spawn(theirs: Connection) -> subprocess.Popen[bytes]:
    threads = str(physical_cores())
    environment = (
        os.environ | OFFLINE | QUIET | WAITING | RELEASING | NUMBERING | {"OMP_NUM_THREADS": threads}
    )
    handle = theirs.fileno()
    command = [sys.executable, "-m", "studio.engines.worker", str(handle)]
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, True)
        startup = subprocess.STARTUPINFO()
        startup.lpAttributeList = {"handle_list": [handle]}
        options = {"startupinfo": startup, "creationflags": subprocess.CREATE_NO_WINDOW, "close_fds": False}
    else:
        # A session of its own: Ctrl+C in the terminal is for the studio, which then ends its workers.
        options = {"pass_fds": [handle], "start_new_session": True}
    # What libraries print must not get between the JSON that a command writes to stdout.
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=2, env=environment, cwd=_package_root(), **options
    )


def _package_root() -> str:
    return str(Path(__file__).resolve().parents[2])
