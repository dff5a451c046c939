"""The Gradio pages. Nothing here decides; everything asks `services.Studio`."""

from studio.ui.quick import import_gradio

import_gradio()
