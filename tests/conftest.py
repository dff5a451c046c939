"""What every test gets: a data folder of its own and an environment without the user's settings."""

import os
from collections.abc import Iterator
from pathlib import Path

import chromium
import pytest
from playwright.sync_api import Browser, sync_playwright
from servers import RunningStudio, find_free_port, running_studio

from studio.settings import Settings
from studio.store import Store

KEPT = {"STUDIO_CHROMIUM"}
FORGOTTEN = {"CHROMA_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"}


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new data folder and nothing of the user's in the environment, for this process and its children."""
    for name in list(os.environ):
        if name in FORGOTTEN or (name.startswith("STUDIO_") and name not in KEPT):
            monkeypatch.delenv(name)
    folder = tmp_path / "data"
    monkeypatch.setenv("STUDIO_DATA_DIR", str(folder))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    for name in ("LANG", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    """Default settings over this test's data folder."""
    return Settings(data_dir=data_dir)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """The open database of this test's data folder."""
    opened = Store(settings.database)
    yield opened
    opened.close()


@pytest.fixture
def free_port() -> int:
    """A TCP port of this computer that nobody listens on now."""
    return find_free_port()


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """Chromium's program. Fails, never skips, where there is none."""
    found = chromium.find()
    if found is None:
        pytest.fail(chromium.HELP)
    return found


@pytest.fixture(scope="session")
def browser(chromium_path: Path) -> Iterator[Browser]:
    """Headless Chromium, one for all tests: Playwright cannot be started twice in a process."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium_path, args=list(chromium.ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture
def studio_server(data_dir: Path) -> Iterator[RunningStudio]:
    """The real studio in a process of its own, over this test's data folder."""
    with running_studio(data_dir) as running:
        yield running
