"""`studio serve`: owns the data folder, builds the studio and its pages, listens, and ends cleanly."""

import contextlib
import gc
import logging
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

from studio import owner
from studio.sentences import Language, Sentence
from studio.server.address import bind, check_reach, own_url, split_auth
from studio.server.errors import AlreadyRunning, Ending, Listening, NextPort, Shared
from studio.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from studio.services import Studio
    from studio.share import Share

# A clean end takes less; whatever hangs then is cut off.
END_SECONDS = 4.5
SHARE_SECONDS = 90.0
GUEST = "guest"


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the command line asked for. `host`, `port` None: as in the settings; `auth`: `USER:PASSWORD`."""

    host: str | None = None
    port: int | None = None
    share: bool = False
    auth: str | None = None
    open: bool = False
    language: Language = "en"


def serve(settings: Settings, options: ServeOptions) -> int:
    """Run the studio until it is told to stop; the exit code.

    Raises `PortTaken`, `HostUnusable`, `PasswordNeeded`, `AuthUnusable`, `DataFolderInUse` or
    `DataFolderUnusable`.
    """
    from studio.api.guards import is_loopback

    host = settings.host if options.host is None else options.host
    port = settings.port if options.port is None else options.port
    auth = split_auth(options.auth)
    check_reach(host, is_loopback(host), auth)
    already = owner.running(settings.data_dir)
    if already is not None:
        say(AlreadyRunning(url=already.url), options.language)
        return 0 if options.open and _open_browser(already.url) else 1
    with contextlib.ExitStack() as cleanup:
        ownership = owner.take(settings.data_dir)
        cleanup.callback(ownership.release)
        listening = bind(host, port, explicit=options.port is not None or "port" in settings.model_fields_set)
        cleanup.callback(listening.close)
        found = listening.getsockname()[1]
        if port not in (0, found):
            say(NextPort(taken=port, port=found), options.language)
        url, token = own_url(host, found), secrets.token_urlsafe(32)
        with _no_garbage_collection():
            studio, share, app = _build(settings, token, auth, any_host=not is_loopback(host))
        cleanup.callback(studio.close)
        cleanup.callback(share.stop)

        def started() -> None:
            ownership.announce(url, token)
            say(Listening(url=url), options.language)
            threading.Thread(target=studio.warm_up, name="warm-up", daemon=True).start()
            if options.open:
                threading.Thread(target=_open_browser, args=(url,), daemon=True).start()
            if options.share:
                share.start(GUEST, secrets.token_urlsafe(9))
                threading.Thread(target=_tell_share, args=(share, options.language), daemon=True).start()

        with _ending_on_signals(options.language) as ending:
            _run(app, listening, started, ending)
    return 0


def say(sentence: Sentence, language: Language) -> None:
    print(sentence.say(language), file=sys.stderr, flush=True)


def _build(
    settings: Settings, token: str, auth: tuple[str, str] | None, any_host: bool
) -> "tuple[Studio, Share, ASGIApp]":
    """The studio, its public link, and everything that answers on the owner's listener."""
    from studio.api import OwnSiteOnly, SecurityHeaders, create_app
    from studio.services import Studio
    from studio.share import Share
    from studio.ui.app import mount_pages

    studio = Studio(settings)

    share = Share(studio, lambda: guest_app(studio))
    pages = create_app(studio, token)
    mount_pages(pages, studio, share, settings)
    app: ASGIApp = OwnSiteOnly(pages, any_host=any_host)
    if auth is not None:
        from studio.server.password import PasswordGate

        app = PasswordGate(app, *auth, own_token=token)
    return studio, share, SecurityHeaders(app)


def guest_app(studio: "Studio") -> "ASGIApp":
    """What guests see, without the gate that `Share` puts before it; no other route is there."""
    from fastapi import FastAPI

    from studio.api import SecurityHeaders
    from studio.ui.app import guest_pages

    guests = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    guest_pages(guests, studio)
    return SecurityHeaders(guests)


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Imports make a million objects that stay; looking through them again and again takes a quarter."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class _Ending:
    """Whether the studio was told to end."""

    def __init__(self, language: Language):
        self.language = language
        self.told = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.told:
            # Workers notice by themselves that the studio is gone.
            os._exit(128 + number)
        self.told = True
        say(Ending(), self.language)
        last = threading.Timer(END_SECONDS, os._exit, args=(1,))
        last.daemon = True
        last.start()


@contextlib.contextmanager
def _ending_on_signals(language: Language) -> Iterator[_Ending]:
    ending = _Ending(language)
    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    for number in numbers:
        signal.signal(number, ending)
    yield ending


def _run(app: "ASGIApp", listening: object, started: Callable[[], None], ending: _Ending) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        """uvicorn, ended by our own signals: it would raise them again before we can clean up."""

        async def startup(self, sockets: object = None) -> None:
            await super().startup(sockets=sockets)  # type: ignore[arg-type]
            started()

        async def on_tick(self, counter: int) -> bool:
            if ending.told and not self.should_exit:
                self.should_exit = True
                # That open pages are cut off at the end is no news.
                logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            return await super().on_tick(counter)

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        # The page's streams never end by themselves.
        timeout_graceful_shutdown=1,
        proxy_headers=False,
        server_header=False,
        # Gradio's page speaks server-sent events.
        ws="none",
    )
    Server(config).run(sockets=[listening])  # type: ignore[list-item]


def _open_browser(url: str) -> bool:
    """Open the user's browser; not without a screen, where one in the terminal would take it over."""
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in screens):
        return False
    import webbrowser

    return webbrowser.open(url)


def _tell_share(share: "Share", language: Language) -> None:
    deadline = time.monotonic() + SHARE_SECONDS
    while (status := share.status()).state == "starting" and time.monotonic() < deadline:
        time.sleep(0.1)
    if status.state == "on":
        say(Shared(url=status.url, user=status.user, password=status.password), language)
    elif status.error is not None:
        print(status.error[language], file=sys.stderr, flush=True)
