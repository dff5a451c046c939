"""The drop zone for documents."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData


def create_upload(label: str) -> gr.File:
    """A drop zone whose handlers get paths, with the names that the files have on the user's computer.

    Gradio's own names lose brackets and other characters.
    """
    upload = gr.File(label=label, file_count="multiple", elem_id="upload", height=130)
    # Not a subclass: for each of those Gradio writes a stub file beside the module when it is imported.
    upload.preprocess = _named_files  # type: ignore[method-assign, assignment]
    return upload


def _named_files(payload: Any) -> list[Path]:
    return [_named(file) for file in payload.root] if payload is not None else []


def _named(file: FileData) -> Path:
    path = Path(file.path)
    name = Path((file.orig_name or "").replace("\\", "/")).name
    if not name or name == path.name:
        return path
    return path.rename(path.with_name(name))
