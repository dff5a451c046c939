"""The pages in a real Chromium, over a studio whose models are fakes."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from fakes import FakeEngine, FakePool
from playwright.sync_api import Browser, Page, expect
from servers import find_free_port
from ui.steps import wait_for

from studio import services
from studio.api import SecurityHeaders, create_app
from studio.engines.errors import DoesNotFit
from studio.settings import Settings

# Two cores may be shared with other tests.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


class RoomyPool(FakePool):
    """A fake pool in which a load that is refused succeeds once the caller agrees to evict something."""

    def load(self, card: Any, level: str, *, evict: Any = (), **options: Any) -> FakeEngine:
        if evict:
            self.refuse = {
                name: error for name, error in self.refuse.items() if not isinstance(error, DoesNotFit)
            }
        return super().load(card, level, evict=evict, **options)


@dataclass
class Site:
    """Pages that answer at `url`; `engine` is the chat model behind them."""

    url: str
    studio: services.Studio
    pool: FakePool
    engine: FakeEngine


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def studio(
    settings: Settings, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[services.Studio]:
    pool = RoomyPool(engine)
    monkeypatch.setattr(services, "Pool", lambda settings: pool)
    opened = services.Studio(settings)
    yield opened
    opened.close()


@contextlib.contextmanager
def listening(app: Any) -> Iterator[str]:
    """Serve an application in a thread; its address."""
    port = find_free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def site(studio: services.Studio, engine: FakeEngine) -> Iterator[Site]:
    from studio.ui.app import mount_pages

    app = create_app(studio, "token")
    mount_pages(app, studio, None, studio.settings)
    with listening(SecurityHeaders(app)) as url:
        yield Site(url, studio, studio.pool, engine)  # type: ignore[arg-type]


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(site: Site, browser: Browser) -> Iterator[OpenPage]:
    """`open_page("/en/", locale=…, …)`: a page of the site in a context of its own, or in `beside`'s."""
    contexts = []

    def open_one(path: str = "/en/", beside: Page | None = None, **options: Any) -> Page:
        context = beside.context if beside else browser.new_context(**{"locale": "en-US"} | options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(site.url + path)
        page.wait_for_selector("body.drawn", state="attached")
        page.wait_for_selector("#transcript .turns", state="attached")
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The chat page in English."""
    return open_page()
