"""Notes every place that this Python process asks the network for. `outgoing.py` puts it into PYTHONPATH.

Python imports it at start, so every process that the watched one starts is watched too.
"""

import json
import os
import sys
import threading
from typing import Any

NOTEBOOK = os.environ.get("WATCHED_CONNECTIONS")
# Event of Python's audit hooks → where its arguments name the place
EVENTS = {
    "socket.connect": lambda arguments: arguments[1],
    "socket.sendto": lambda arguments: arguments[1],
    "socket.sendmsg": lambda arguments: arguments[1],
    "socket.getaddrinfo": lambda arguments: arguments[0],
    "socket.gethostbyname": lambda arguments: arguments[0],
    "socket.gethostbyaddr": lambda arguments: arguments[0],
    "socket.getnameinfo": lambda arguments: arguments[0],
}


def _note(event: str, place: Any) -> None:
    host = place[0] if isinstance(place, tuple) else place
    line = {"pid": os.getpid(), "event": event, "host": str(host) if host is not None else None}
    line["unix"] = isinstance(place, str | bytes) and event in ("socket.connect", "socket.sendto")
    with open(str(NOTEBOOK), "a", encoding="utf-8") as notebook:  # noqa: PTH123 - pathlib may not be imported yet
        notebook.write(json.dumps(line) + "\n")


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    place_of = EVENTS.get(event)
    if place_of is not None and not getattr(_busy, "noting", False):
        _busy.noting = True
        try:
            _note(event, place_of(arguments))
        finally:
            _busy.noting = False


if NOTEBOOK:
    _busy = threading.local()
    _note("start", None)
    sys.addaudithook(_watch)
