"""Sends a command to the studio that owns the data folder, over its authenticated loopback address."""

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from studio.cli.errors import StudioGone
from studio.owner import Address
from studio.sentences import Language

PATH = "/internal/command"
# The studio writes a line each second, so silence means that it is gone.
SILENCE_SECONDS = 60


def forward(
    address: Address, command: str, arguments: dict[str, Any], language: Language
) -> Iterator[dict[str, Any]]:
    """What the command reports on the way, and at last `{"outcome": …}`.

    Closing the iterator cancels the command. Raises `StudioGone`.
    """
    parts = urlsplit(address.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SILENCE_SECONDS)
    body = json.dumps({"command": command, "arguments": arguments, "language": language})
    headers = {"Authorization": f"Bearer {address.token}", "Content-Type": "application/json"}
    try:
        connection.request("POST", PATH, body.encode(), headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise StudioGone(reason=f"HTTP {answer.status}: {answer.read(300).decode('utf-8', 'replace')}")
        for line in answer:
            if line.strip():
                said = json.loads(line)
                yield said
                if "outcome" in said:
                    return
        raise StudioGone(reason="it closed the connection")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise StudioGone(reason=str(error) or type(error).__name__) from error
    finally:
        connection.close()
