"""Devices and their memory: NVIDIA GPUs through NVML, the computer's own memory through psutil."""

import contextlib
import functools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pynvml


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA GPU now. Bytes, percent, watts, degrees Celsius; None where the driver does not say."""

    index: int
    name: str
    total_bytes: int
    used_bytes: int
    ours_bytes: int
    free_bytes: int
    utilisation: int | None
    power_watts: float | None
    temperature: int | None


@dataclass(frozen=True, slots=True)
class Memory:
    """The computer's ordinary memory now, in bytes. `ours_bytes`: this process and its workers."""

    total_bytes: int
    available_bytes: int
    ours_bytes: int


@functools.cache
def _nvml() -> bool:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return False
    return True


def gpus() -> list[Gpu]:
    """Every NVIDIA GPU, in NVML's order; empty without a driver."""
    if not _nvml():
        return []
    ours = {os.getpid(), *(child.pid for child in _children())}
    return [_read_gpu(index, ours) for index in range(pynvml.nvmlDeviceGetCount())]


def _read_gpu(index: int, ours: set[int]) -> Gpu:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    name = pynvml.nvmlDeviceGetName(handle)
    by_us = 0
    with contextlib.suppress(pynvml.NVMLError):
        running = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
        by_us = sum(process.usedGpuMemory or 0 for process in running if process.pid in ours)
    utilisation = power = temperature = None
    with contextlib.suppress(pynvml.NVMLError):
        utilisation = pynvml.nvmlDeviceGetUtilizationRates(handle).gpu
    with contextlib.suppress(pynvml.NVMLError):
        power = pynvml.nvmlDeviceGetPowerUsage(handle) / 1000
    with contextlib.suppress(pynvml.NVMLError):
        temperature = pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
    return Gpu(
        index=index,
        name=name.decode() if isinstance(name, bytes) else name,
        total_bytes=int(memory.total),
        used_bytes=int(memory.used),
        ours_bytes=by_us,
        free_bytes=int(memory.free),
        utilisation=utilisation,
        power_watts=power,
        temperature=temperature,
    )


def memory() -> Memory:
    """The computer's memory. Inside a container its limit counts, not the host's size."""
    host = psutil.virtual_memory()
    total, available = host.total, host.available
    limit = _container_limit()
    if limit is not None:
        total = min(total, limit[0])
        available = min(available, limit[0] - limit[1])
    ours = sum(_resident(process) for process in (psutil.Process(), *_children()))
    return Memory(total_bytes=total, available_bytes=max(available, 0), ours_bytes=ours)


def available_bytes(device: str) -> int:
    """Bytes free now on `device`: `cpu`, `cuda` or `cuda:N`."""
    if device == "cpu":
        return memory().available_bytes
    index = int(device.partition(":")[2] or 0)
    return gpus()[index].free_bytes


def best_device() -> str:
    """Where a model goes by default: the NVIDIA GPU with the most free memory, else `cpu`."""
    found = gpus()
    return f"cuda:{max(found, key=lambda gpu: gpu.free_bytes).index}" if found else "cpu"


def unique_bytes(pid: int) -> int:
    """Unique set size of a process: what the computer gets back when it ends. 0 when it is gone."""
    try:
        return psutil.Process(pid).memory_full_info().uss
    except psutil.Error:
        return 0


def resident_bytes(pid: int) -> int:
    """Resident set size of a process. 0 when it is gone."""
    try:
        return _resident(psutil.Process(pid))
    except psutil.Error:
        return 0


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _children() -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        yield from psutil.Process().children(recursive=True)


def _container_limit() -> tuple[int, int] | None:
    """(limit, current use) of the control group of this process, cgroup v2; None where there is no limit."""
    if sys.platform != "linux":
        return None
    try:
        group = Path("/proc/self/cgroup").read_text().strip().rpartition(":")[2].lstrip("/")
        folder = Path("/sys/fs/cgroup") / group
        return int((folder / "memory.max").read_text()), int((folder / "memory.current").read_text())
    except (OSError, ValueError):
        return None
