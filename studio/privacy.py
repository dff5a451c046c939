"""Keeps every library that we load from reporting to anyone."""

import os

# Read by Gradio, Chroma, the hub client and LangSmith, most of them at import time. An inherited LangSmith
# key or switch would send every question and chunk to a server, so these are set, not only defaulted.
SILENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "ANONYMIZED_TELEMETRY": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "DO_NOT_TRACK": "1",
    "LANGSMITH_TRACING": "false",
    "LANGSMITH_TRACING_V2": "false",
    "LANGCHAIN_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "OTEL_SDK_DISABLED": "true",
}
FORGOTTEN = (
    "LANGSMITH_API_KEY",
    "LANGCHAIN_API_KEY",
    "LANGSMITH_ENDPOINT",
    "LANGCHAIN_ENDPOINT",
    "LANGSMITH_RUNS_ENDPOINTS",
    "LANGCHAIN_RUNS_ENDPOINTS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
)


def stay_private() -> None:
    """Set the environment so that no library reports use, questions or documents. Children inherit it."""
    os.environ.update(SILENT)
    for name in FORGOTTEN:
        os.environ.pop(name, None)
