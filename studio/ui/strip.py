"""The memory strip: devices and loaded models, on every page, refreshed each second while somebody looks."""

from typing import Any

import gradio as gr

from studio.engines.pool import LedgerEntry
from studio.hardware import Gpu, Memory
from studio.services import MemoryReport, Studio
from studio.ui.markup import escape, size
from studio.ui.texts import Texts

# Asks once a second, not from hidden tabs, never twice at once, and draws only what changed: `read` answers
# null when the strip still shows the truth.
POLL_JS = """
let shown = '', failures = 0;
const read = async () => {
  if (document.hidden) return;
  // Gradio's call answers undefined, or throws, when the studio cannot be reached.
  const strip = await server.read(shown).catch(() => undefined);
  if (strip === undefined) {
    if (++failures === 3) { shown = ''; props.value = props.lost; }
    return;
  }
  failures = 0;
  if (strip !== null) { shown = strip; props.value = strip; }
};
const again = async () => { await read(); setTimeout(again, 1000); };
document.addEventListener('visibilitychange', read);
again();
"""


def create_strip(studio: Studio, texts: Texts) -> gr.HTML:
    """The strip at the foot of the page."""

    def read(shown: Any) -> str | None:
        strip = draw_strip(studio.memory_report(), texts)
        return None if strip == shown else strip

    return gr.HTML(
        value="",
        elem_id="strip",
        js_on_load=POLL_JS,
        server_functions=[read],
        apply_default_css=False,
        lost=f'<p class="lost">{escape(texts.memory_unknown)}</p>',
    )


def draw_strip(report: MemoryReport, texts: Texts) -> str:
    """The strip as HTML."""
    devices = "".join(_gpu(gpu, texts) for gpu in report.gpus) or _computer(report.memory, texts)
    models = "".join(_model(entry, texts) for entry in report.ledger)
    models = models or f'<span class="none">{escape(texts.nothing_loaded)}</span>'
    return (
        f'<div class="strip" role="group" aria-label="{escape(texts.memory_strip)}">'
        f'<div class="devices">{devices}</div><div class="loaded">{models}</div></div>'
    )


def _meter(used: int, ours: int, total: int) -> str:
    share = 100 / max(total, 1)
    return (
        f'<span class="meter" aria-hidden="true"><i style="width:{used * share:.0f}%"></i>'
        f'<b style="width:{min(ours, used) * share:.0f}%"></b></span>'
    )


def _computer(memory: Memory, texts: Texts) -> str:
    used = memory.total_bytes - memory.available_bytes
    full = texts.memory_use.format(
        used=_coarse(used), total=_coarse(memory.total_bytes), ours=_coarse(memory.ours_bytes)
    )
    short = texts.memory_short.format(used=_coarse(used), total=_coarse(memory.total_bytes))
    return (
        f'<span class="device" title="{escape(texts.no_gpu)}"><strong>{escape(texts.memory)}</strong>'
        f'{_meter(used, memory.ours_bytes, memory.total_bytes)}<span class="full">{escape(full)}</span>'
        f'<span class="short">{escape(short)}</span>'
        f'<span class="aside">{escape(texts.no_gpu)}</span></span>'
    )


def _gpu(gpu: Gpu, texts: Texts) -> str:
    full = texts.gpu_use.format(
        used=_coarse(gpu.used_bytes),
        total=_coarse(gpu.total_bytes),
        ours=_coarse(gpu.ours_bytes),
        free=_coarse(gpu.free_bytes),
    )
    facts = [full]
    if gpu.utilisation is not None:
        facts.append(texts.utilisation.format(n=gpu.utilisation))
    if gpu.power_watts is not None:
        facts.append(f"{gpu.power_watts:.0f} W")
    if gpu.temperature is not None:
        facts.append(f"{gpu.temperature} °C")
    return (
        f'<span class="device"><strong>{escape(gpu.name)}</strong>'
        f"{_meter(gpu.used_bytes, gpu.ours_bytes, gpu.total_bytes)}"
        f"<span>{escape(' · '.join(facts))}</span></span>"
    )


def _model(entry: LedgerEntry, texts: Texts) -> str:
    state = getattr(texts, f"state_{entry.state}")
    if entry.state == "loading" and entry.progress and entry.progress.fraction is not None:
        state = f"{state} {entry.progress.fraction:.0%}"
    estimated = texts.strip_estimated.format(size=size(entry.estimated.total_bytes))
    measured = texts.strip_measured.format(size=_coarse(entry.probe.measured_bytes)) if entry.probe else ""
    both = " · ".join(filter(None, (measured, estimated)))
    busy = " busy" if entry.busy else ""
    return (
        f'<span class="model {entry.state}{busy}" title="{escape(both)}">'
        f'<i class="dot" aria-hidden="true"></i><strong>{escape(entry.card.name)}</strong>'
        f" @ {escape(entry.level)}"
        f'<span class="state">{escape(state)}</span>'
        f'<span class="bytes">{escape(measured)}<span class="est"> {escape(estimated)}</span></span></span>'
    )


def _coarse(count: int) -> str:
    """Two or three digits only: the last ones change each second and nobody reads them."""
    return size(round(count, -7)) if count >= 10**8 else size(round(count, -6))
