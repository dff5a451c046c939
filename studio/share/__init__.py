"""The public link: a loopback listener of its own on which everybody is a guest, and a tunnel to it."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from starlette.types import ASGIApp

from studio.sentences import StudioError
from studio.share.errors import GuestListenerFailed, LoginNeeded, TunnelClosed
from studio.share.gate import GuestGate, Login
from studio.share.listener import Listener
from studio.share.tunnel import Tunnel, TunnelCommand, frpc_command

if TYPE_CHECKING:
    from studio.services import Studio

__all__ = ["Share", "ShareStatus"]

log = logging.getLogger(__name__)

PASSWORD_LENGTH = 8


@dataclass(frozen=True, slots=True)
class ShareStatus:
    """How it stands with the public link. `error`: a sentence as `{"code", "en", "zh"}` when `failed`.

    `local_url`: the guest listener on this computer, as soon as it answers.
    """

    state: Literal["off", "starting", "on", "failed"] = "off"
    url: str | None = None
    user: str | None = None
    password: str | None = None
    error: dict[str, str] | None = None
    local_url: str | None = None


class _Attempt:
    """One start of sharing and all that hangs on it. Ended once, by whoever comes first."""

    def __init__(self, user: str, password: str):
        self.login = Login(user, password)
        self.ended = False
        self.listener: Listener | None = None
        self.tunnel: Tunnel | None = None


class Share:
    """Starts and stops the public link while the studio runs. Thread-safe."""

    def __init__(
        self,
        studio: "Studio",
        guest_app_factory: Callable[[], ASGIApp],
        tunnel_command: TunnelCommand = frpc_command,
    ):
        """Starts nothing. `guest_app_factory` builds the application with the guest pages, without a gate."""
        self._settings = studio.settings
        self._make_app = guest_app_factory
        self._command = tunnel_command
        self._lock = threading.Lock()
        self._status = ShareStatus()
        self._attempt: _Attempt | None = None

    def status(self) -> ShareStatus:
        return self._status

    def start(self, user: str, password: str) -> None:
        """Open the link in the background; `status` tells how far it is. Nothing happens while one is open.

        Raises `LoginNeeded`.
        """
        if not user.strip() or len(password) < PASSWORD_LENGTH:
            raise LoginNeeded(length=PASSWORD_LENGTH)
        with self._lock:
            if self._attempt is not None:
                return
            attempt = self._attempt = _Attempt(user.strip(), password)
            self._status = ShareStatus("starting", user=attempt.login.user, password=password)
        threading.Thread(target=self._open, args=(attempt,), name="share", daemon=True).start()

    def stop(self) -> None:
        """Close the link and the guest listener; guests are cut off. Idempotent."""
        with self._lock:
            attempt, self._attempt = self._attempt, None
            self._status = ShareStatus()
        if attempt is not None:
            self._end(attempt)

    close = stop

    def _open(self, attempt: _Attempt) -> None:
        try:
            listener = Listener(GuestGate(self._make_app(), attempt.login))
            self._keep(attempt, listener=listener)
            self._update(attempt, local_url=listener.url)
            command = self._command(self._settings, listener.port)
            tunnel = Tunnel(command, on_end=lambda words: self._tunnel_ended(attempt, words))
            self._keep(attempt, tunnel=tunnel)
            url = tunnel.link()
            self._update(attempt, state="on", url=url)
        except _Stopped:
            self._end(attempt)
        except StudioError as error:
            self._fail(attempt, error)
        except Exception as error:
            log.exception("the public link could not be opened")
            self._fail(attempt, GuestListenerFailed(reason=f"{type(error).__name__}: {error}"))

    def _keep(
        self, attempt: _Attempt, listener: Listener | None = None, tunnel: Tunnel | None = None
    ) -> None:
        with self._lock:
            attempt.listener = listener or attempt.listener
            attempt.tunnel = tunnel or attempt.tunnel
            if self._attempt is not attempt:
                raise _Stopped

    def _update(self, attempt: _Attempt, **changes: object) -> None:
        with self._lock:
            if self._attempt is not attempt:
                raise _Stopped
            self._status = replace(self._status, **changes)  # type: ignore[arg-type]

    def _tunnel_ended(self, attempt: _Attempt, last_words: str) -> None:
        # Before there is a link, `_open` finds out by itself.
        if self._attempt is attempt and self._status.state == "on":
            self._fail(attempt, TunnelClosed(reason=last_words or "the helper program ended"))

    def _fail(self, attempt: _Attempt, error: StudioError) -> None:
        with self._lock:
            if self._attempt is attempt:
                self._attempt = None
                self._status = ShareStatus("failed", user=attempt.login.user, error=error.as_dict())
        self._end(attempt)

    @staticmethod
    def _end(attempt: _Attempt) -> None:
        if attempt.tunnel is not None:
            attempt.tunnel.close()
        if attempt.listener is not None:
            attempt.listener.close()


class _Stopped(Exception):
    """Somebody stopped sharing while it was starting."""
