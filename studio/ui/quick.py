"""Imports Gradio without the type stubs that it writes for each of its component classes at every start."""

import inspect
from typing import Any


def import_gradio() -> None:
    """Import Gradio in about half the time.

    While it is imported, Gradio parses the source of each of its 80 component classes to keep a `.pyi` file
    beside it up to date (`gradio.component_meta.create_or_modify_pyi`); it skips a class whose file it cannot
    find. Nobody reads those files here, and they take about a second of every start.
    """
    find_file = inspect.getfile

    def find_other_files(thing: Any) -> str:
        if isinstance(thing, type) and thing.__module__.startswith("gradio."):
            raise OSError("no stub wanted")
        return find_file(thing)

    inspect.getfile = find_other_files  # type: ignore[assignment]
    try:
        import gradio  # noqa: F401
    finally:
        inspect.getfile = find_file
