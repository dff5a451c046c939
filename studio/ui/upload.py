"""The drop zone for documents."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData


class Upload(gr.File):
    """Files under the names they have on the user's computer; Gradio's own drops brackets and other characters."""

    def get_block_name(self) -> str:
        return "file"

    def preprocess(self, payload: Any) -> list[Path]:
        """Paths of the uploaded files, in the order they were dropped."""
        files = payload.root if payload is not None else []
        return [_named(file) for file in files]


def _named(file: FileData) -> Path:
    path = Path(file.path)
    name = Path((file.orig_name or "").replace("\\", "/")).name
    if not name or name == path.name:
        return path
    return path.rename(path.with_name(name))
