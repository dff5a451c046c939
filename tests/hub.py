"""A model hub on this computer: the part of the hub's HTTP interface that a download uses."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the hub offers, how it misbehaves, and what was asked of it."""

    address: str = ""
    # {"owner/name": {file: content}}
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    # {"owner/name": (status, the hub's error code)}
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    # Close the connection after this many bytes of a file, once
    dropped: dict[str, int] = field(default_factory=dict)
    # Answer 500 for a file, until removed from here
    failing: set[str] = field(default_factory=set)
    # (file, range header) of every file that was asked for
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    # Set when a file that is not failing has been sent whole
    sent: threading.Event = field(default_factory=threading.Event)

    def offer(self, hub_id: str, folder: Path) -> None:
        """Offer every file of a folder."""
        files = (path for path in folder.rglob("*") if path.is_file())
        self.repositories[hub_id] = {str(path.relative_to(folder)): path.read_bytes() for path in files}


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub that answers on a free port until the block ends."""
    hub = Hub()

    class Handler(_Handler):
        state = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._describe("/".join(parts[2:4]), tree=parts[4:5] == ["tree"])
        elif parts[2:3] == ["resolve"]:
            self._file("/".join(parts[:2]), "/".join(parts[4:]), body)
        else:
            self._refuse(404, "EntryNotFound")

    def _describe(self, hub_id: str, tree: bool) -> None:
        if hub_id in self.state.refused:
            self._refuse(*self.state.refused[hub_id])
            return
        files = self.state.repositories.get(hub_id)
        if files is None:
            self._refuse(404, "RepoNotFound")
            return
        if tree:
            answer: object = [
                {"type": "file", "path": name, "size": len(content), "oid": _blob_id(content)}
                for name, content in files.items()
            ]
        else:
            siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
            answer = {"id": hub_id, "modelId": hub_id, "sha": COMMIT, "siblings": siblings}
        self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _file(self, hub_id: str, name: str, body: bool) -> None:
        content = self.state.repositories.get(hub_id, {}).get(name)
        if content is None:
            self._refuse(404, "EntryNotFound")
            return
        headers = {"ETag": f'"{_blob_id(content)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if not body:
            self._send(200, content, headers, body=False)
            return
        wanted = self.headers.get("Range")
        self.state.asked.append((name, wanted))
        if name in self.state.failing:
            # Not before another file is there: a test wants to see it kept
            self.state.sent.wait(5)
            self._refuse(500, "ServerError")
            return
        start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
        if wanted:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = self.state.dropped.pop(name, None)
        self._send(206 if wanted else 200, content[start:], headers, cut=cut)
        if cut is None:
            self.state.sent.set()

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code})

    def _send(
        self, status: int, content: bytes, headers: dict[str, str], body: bool = True, cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content[:cut])
        if cut is not None:
            self.close_connection = True


def _blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
