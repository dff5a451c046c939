"""How far transformers is with loading, taken from the bars it would draw."""

from collections.abc import Callable
from typing import Any

from transformers.utils import logging

# How often a load says how far it is.
STEPS = 20


class progress_of_loading:
    """While entered, the bars that transformers draws while it loads are told to `tell` (0–1) instead."""

    def __init__(self, tell: Callable[[float], None]):
        self._tell = tell

    def __enter__(self) -> None:
        logging.set_tqdm_hook(self._bar)

    def __exit__(self, *_: object) -> None:
        logging.set_tqdm_hook(None)

    def _bar(self, factory: Any, args: Any, options: dict[str, Any]) -> Any:
        return _Bar(args[0] if args else options.get("iterable"), options.get("total"), self._tell)


class _Bar:
    """As much of tqdm as transformers uses."""

    def __init__(self, items: Any, total: int | None, tell: Callable[[float], None]):
        self._items = items
        self._total = total or (len(items) if hasattr(items, "__len__") else 0)
        self._tell = tell
        self._done = 0
        self._told = 0

    def __iter__(self) -> Any:
        for item in self._items:
            yield item
            self.update(1)

    def update(self, count: int = 1) -> None:
        self._done += count
        step = STEPS * self._done // self._total if self._total else 0
        if step > self._told:
            self._told = step
            self._tell(min(step, STEPS) / STEPS)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None
