"""How much memory this worker takes (`measured_bytes` and `peak_bytes` of DESIGN section 4)."""

import contextlib
import ctypes
import ctypes.util
import gc
import os
import sys
from pathlib import Path

import psutil
import pynvml
import torch

from studio.engines.base import Probe


class Meter:
    """Memory above the idle worker, from the moment it is made: libraries imported, no weights yet.

    CPU: the unique set size without pages of files. Weights are copied out of their file, so they count in
    full; the code of torch is left out, because it moves between "unique" and "shared" whenever another
    worker comes or goes, and the measure would move with it. GPU: what the driver says that this process
    holds on the device, its context included; where the driver does not say (containers), torch's reserved
    memory and the context as it was measured when it was made.
    """

    def __init__(self, device: str):
        self.device = device
        self._idle = anonymous_bytes()
        self._peak = 0
        self._context = _make_context(device) if device != "cpu" else 0

    def loaded(self) -> Probe:
        """The load is done: return what it left behind to the system, and watch the peak from here on."""
        release_unused()
        self._reset_peak()
        return self.probe()

    def probe(self) -> Probe:
        """Memory now, and at its highest since the load."""
        if self.device == "cpu":
            now = max(anonymous_bytes() - self._idle, 0)
            self._peak = max(self._peak, now, _anonymous_peak() - self._idle)
        else:
            now = self._on_device()
            self._peak = max(self._peak, now, torch.cuda.max_memory_reserved(self.device) + self._context)
        return Probe(measured_bytes=now, peak_bytes=self._peak, device=self.device, pid=os.getpid())

    def _reset_peak(self) -> None:
        self._peak = 0
        if self.device != "cpu":
            torch.cuda.reset_peak_memory_stats(self.device)
        # Linux: 5 resets the high-water mark of the resident set. Elsewhere the peak is the highest probe.
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")

    def _on_device(self) -> int:
        driver = _driver_bytes(self.device)
        return driver if driver else torch.cuda.memory_reserved(self.device) + self._context


def anonymous_bytes() -> int:
    """Resident memory of this process that no file backs; its USS where the system cannot tell."""
    if sys.platform == "linux":
        return _status("RssAnon")
    return int(psutil.Process().memory_full_info().uss)


def _anonymous_peak() -> int:
    # The high-water mark counts pages of files too; those hardly shrink: they were what they are now.
    return _status("VmHWM") - _status("RssFile") if sys.platform == "linux" else 0


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def release_unused() -> None:
    """Give freed memory back to the system, so that what is measured is what is held."""
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    trim()


def trim() -> None:
    """Give freed pages of the C heap back to the system; a matter of milliseconds. Only glibc knows how."""
    name = ctypes.util.find_library("c")
    if name and hasattr(library := ctypes.CDLL(name), "malloc_trim"):
        library.malloc_trim(0)


def _make_context(device: str) -> int:
    """Create this process's context on the GPU; the device memory that it took."""
    before = _driver_free(device)
    torch.zeros(1, device=device)
    taken = before - _driver_free(device) - torch.cuda.memory_reserved(device)
    return max(taken, 0)


def _handle(device: str):
    pynvml.nvmlInit()
    properties = torch.cuda.get_device_properties(device)
    return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{properties.uuid}")


def _driver_free(device: str) -> int:
    try:
        return int(pynvml.nvmlDeviceGetMemoryInfo(_handle(device)).free)
    except pynvml.NVMLError:
        return torch.cuda.mem_get_info(device)[0]


def _driver_bytes(device: str) -> int:
    """What the driver says this process holds on the device; 0 where it does not say."""
    try:
        running = pynvml.nvmlDeviceGetComputeRunningProcesses(_handle(device))
    except pynvml.NVMLError:
        return 0
    return next((process.usedGpuMemory or 0 for process in running if process.pid == os.getpid()), 0)
