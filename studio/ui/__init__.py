"""The Gradio pages. Nothing here decides; everything asks `services.Studio`."""
