"""Where the studio listens."""

import errno
import os
import socket

from studio.server.errors import AuthUnusable, HostUnusable, PasswordNeeded, PortTaken

# How far to look for a free port when the usual one is taken.
NEXT_PORTS = 50
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


def split_auth(auth: str | None) -> tuple[str, str] | None:
    """(user, password) of `USER:PASSWORD`. Raises `AuthUnusable`."""
    if auth is None:
        return None
    user, _, password = auth.partition(":")
    if not user or not password:
        raise AuthUnusable()
    return user, password


def bind(host: str, port: int, explicit: bool) -> socket.socket:
    """A bound socket. `explicit`: the user asked for this very port; otherwise the next free one will do.

    Port 0 is any free one. Raises `PortTaken` or `HostUnusable`.
    """
    ports = [port] if explicit or port == 0 else range(port, min(port + NEXT_PORTS, 65536))
    for candidate in ports:
        try:
            return _bound(host, candidate)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise HostUnusable(host=host, reason=error.strerror or error) from error
    raise PortTaken(port=port)


def _bound(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # A port that was ours a moment ago is free at once. On Windows the same option steals a live one.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except BaseException:
        bound.close()
        raise
    return bound


def own_url(host: str, port: int) -> str:
    """The address under which this computer reaches a listener on `host`."""
    name = WILDCARDS.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def check_reach(host: str, loopback: bool, auth: tuple[str, str] | None) -> None:
    """Raises `PasswordNeeded` where other computers could come in without one."""
    if not loopback and auth is None:
        raise PasswordNeeded(host=host)
