"""A web server on a free loopback port, in a thread of its own."""

import contextlib
import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp

from studio.share.errors import GuestListenerFailed

START_SECONDS = 20.0
POLL_SECONDS = 0.02
END_SECONDS = 4.0


class Listener:
    """Listens from the end of the constructor until `close`."""

    def __init__(self, app: ASGIApp):
        """Returns when it answers. Raises `GuestListenerFailed`."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            # Open streams of guests must not hold up the end of the link.
            timeout_graceful_shutdown=1,
            proxy_headers=False,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="guest-listener", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.close()
                raise GuestListenerFailed(reason=f"no answer on port {self.port}")
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Cut off whoever is connected and give the port free. Idempotent."""
        self._server.should_exit = True
        self._thread.join(END_SECONDS)
        self._socket.close()

    def _run(self) -> None:
        # uvicorn ends a server that cannot start as if it were the whole process.
        with contextlib.suppress(SystemExit):
            self._server.run(sockets=[self._socket])
