"""The tunnel helper (frpc): fetched when a link is first wanted, started, watched and reaped.

Gradio's own `Tunnel` is not used: its reader spins for ever once the helper ends, its `kill` leaves a zombie,
it runs a download before checking it, and it writes a certificate into the working directory.
"""

import contextlib
import hashlib
import os
import re
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import httpx

from studio.settings import Settings
from studio.share import keeper
from studio.share.errors import (
    ShareServerUnreachable,
    ShareServerUnusable,
    TunnelHelperBlocked,
    TunnelHelperDamaged,
    TunnelHelperUnavailable,
    TunnelRefused,
)

# The helper gives up by itself only after minutes.
LINK_SECONDS = 30.0
CONNECT_SECONDS = 10.0
# The keeper's own patience with the helper is shorter.
END_SECONDS = 3.0
KEEPER = Path(keeper.__file__)
BLOCKED = keeper.BLOCKED
SUCCESS = re.compile(r"start proxy success: (\S+)")

# (settings, port of the guest listener) → the command line that opens the tunnel.
TunnelCommand = Callable[[Settings, int], list[str]]


def frpc_command(settings: Settings, port: int) -> list[str]:
    """The helper's command line; asks the share server for an address and fetches the helper where needed.

    Raises `ShareServerUnreachable`, `TunnelHelperUnavailable` or `TunnelHelperDamaged`.
    """
    server, certificate = _server(settings)
    options = ["--tls_enable", "--tls_trusted_ca_file", str(certificate)] if certificate else []
    name = secrets.token_urlsafe(32)
    local = ["-n", name, "-l", str(port), "-i", "127.0.0.1"]
    return [
        str(_helper()),
        "http",
        *local,
        "--uc",
        "--sd",
        "random",
        "--ue",
        "--server_addr",
        server,
        "--disable_log_color",
        *options,
    ]


def _server(settings: Settings) -> tuple[str, Path | None]:
    """(host:port, certificate of the public server)."""
    if settings.share_server:
        return _own_server(settings.share_server), None
    from gradio.networking import GRADIO_API_SERVER

    try:
        answer = httpx.get(GRADIO_API_SERVER, timeout=CONNECT_SECONDS)
        answer.raise_for_status()
        offer = answer.json()[0]
        server = f"{offer['host']}:{int(offer['port'])}"
        certificate = settings.data_dir / "share-server.pem"
        certificate.write_text(offer["root_ca"])
    except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError, OSError) as error:
        raise ShareServerUnreachable(server=GRADIO_API_SERVER, reason=_short(error)) from error
    return server, certificate


def _own_server(server: str) -> str:
    host, _, port = server.rpartition(":")
    if not host or not port.isdecimal():
        raise ShareServerUnusable(server=server)
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise ShareServerUnreachable(server=server, reason=_short(error)) from error
    return server


def _helper() -> Path:
    """The helper program, downloaded once, checked before it can be run."""
    from gradio import tunneling

    path = Path(tunneling.BINARY_PATH)
    expected = tunneling.CHECKSUMS.get(tunneling.BINARY_URL)
    if path.exists() and (expected is None or _sha256(path) == expected):
        return path
    try:
        answer = httpx.get(tunneling.BINARY_URL, timeout=LINK_SECONDS, follow_redirects=True)
        answer.raise_for_status()
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}.new")
        new.write_bytes(answer.content)
    except (httpx.HTTPError, OSError) as error:
        raise TunnelHelperUnavailable(address=tunneling.BINARY_URL, reason=_short(error)) from error
    if expected is None or _sha256(new) != expected:
        new.unlink()
        raise TunnelHelperDamaged(address=tunneling.BINARY_URL)
    new.chmod(0o700)
    new.replace(path)
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _short(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


class Tunnel:
    """One running helper process."""

    def __init__(self, command: list[str], on_end: Callable[[str], None]):
        """Start the helper. `on_end(its last words)` is called from another thread when it ends."""
        self._on_end = on_end
        self._link: str | None = None
        self._said: list[str] = []
        self._settled = threading.Event()
        self._helper = Path(command[0])
        # The pipe is never written to: it closes with the studio, and that is what the keeper waits for.
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(KEEPER), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._watch, name="tunnel", daemon=True).start()

    def link(self, seconds: float = LINK_SECONDS) -> str:
        """The public address, waited for.

        Raises `TunnelHelperBlocked` when the helper cannot be run, `TunnelRefused` when it ends or is silent.
        """
        self._settled.wait(seconds)
        if self._link is None and self.process.poll() == BLOCKED:
            raise TunnelHelperBlocked(reason=self.last_words(), folder=self._helper.parent)
        if self._link is None:
            raise TunnelRefused(reason=self.last_words() or f"no answer in {seconds:.0f} s")
        return self._link

    def last_words(self) -> str:
        """The last line that the helper wrote, without its time stamp and place in the source."""
        return re.sub(r"^[\d/ :.]+|\[[^]]*\] ?", "", self._said[-1]).strip() if self._said else ""

    def close(self) -> None:
        """End the helper and wait for it, so that nothing of it stays in the process table. Idempotent."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _watch(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for raw in lines:
                line = raw.decode("utf-8", "replace").strip()
                if not line:
                    continue
                self._said = [*self._said[-19:], line]
                found = SUCCESS.search(line)
                if found:
                    self._link = found.group(1)
                    self._settled.set()
                elif "login to server failed" in line:
                    self._settled.set()
        with contextlib.suppress(ChildProcessError):
            self.process.wait()
        self._settled.set()
        self._on_end(self.last_words())
