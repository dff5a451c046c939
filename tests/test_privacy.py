"""Nothing leaves the machine unless the user asks: watched during start, ingest and chat."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import outgoing
import psutil
import pytest
from outgoing import Outgoing
from playwright.sync_api import Browser, Page
from servers import ROOT, RunningStudio, running_studio

from studio import privacy

SAMPLE = ROOT / "assets/samples/skerrow-tidal-observatory.pdf"
QUESTION = "How many turns of the handwheel does it take to close the sluice gate?"
# Variables that make libraries report what they see, as a developer's shell may hold them.
TALKATIVE = {
    "GRADIO_ANALYTICS_ENABLED": "True",
    "ANONYMIZED_TELEMETRY": "True",
    "LANGSMITH_TRACING": "true",
    "LANGSMITH_API_KEY": "lsv2_not_a_key",
    "LANGSMITH_ENDPOINT": "http://192.0.2.1/langsmith",
    "LANGCHAIN_TRACING_V2": "true",
    "LANGCHAIN_API_KEY": "lsv2_not_a_key",
    "OTEL_SDK_DISABLED": "false",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://192.0.2.1:4317",
}


@pytest.fixture
def watched(data_dir: Path, tmp_path: Path) -> Iterator[tuple[RunningStudio, Outgoing]]:
    """A studio in a talkative environment, watched from its first moment."""
    notebook = tmp_path / "notes.jsonl"
    environment = {"STUDIO_MAX_TOKENS": "24", **TALKATIVE, **outgoing.environment(notebook)}
    with (
        running_studio(data_dir, environment=environment) as studio,
        outgoing.watching(studio.pid, notebook) as seen,
    ):
        yield studio, seen


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without cookies of other tests."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_start_ingest_and_chat_stay_on_this_computer(
    watched: tuple[RunningStudio, Outgoing], page: Page
) -> None:
    studio, seen = watched
    requests: set[str] = set()
    page.context.on("request", lambda request: requests.add(request.url))
    page.on("websocket", lambda socket: requests.add(socket.url))

    studio.json("kb", "create", "samples")
    studio.json("kb", "add", "samples", str(SAMPLE))
    studio.json("ask", QUESTION, "--kb", "samples", "--max-tokens", "24")
    for language in ("en", "zh"):
        page.goto(f"{studio.url}/{language}/")
        page.locator("#question textarea").wait_for()
        for tab in page.get_by_role("tab").all():
            tab.click()
        page.get_by_role("tab").first.click()
        assert links_abroad(page) == []
    page.locator("#question textarea").fill("Say hello.")
    page.locator("#question textarea").press("Enter")
    page.locator("#transcript .turn .answer").wait_for(timeout=120_000)

    assert seen.abroad() == []
    assert {url for url in requests if abroad(url)} == set()
    assert python_processes(studio.pid) <= seen.watched()
    assert len(seen.watched()) >= 3, "the page process and the workers of two models were to be watched"


def test_the_browser_is_told_to_load_nothing_from_elsewhere(studio_server: RunningStudio) -> None:
    answer = httpx.get(f"{studio_server.url}/en/", follow_redirects=True, trust_env=False)
    policy = dict(
        rule.strip().partition(" ")[::2] for rule in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'self'"
    assert [
        source for sources in policy.values() for source in sources.split() if "." in source or source == "*"
    ] == []


def test_inherited_reporting_is_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TALKATIVE.items():
        monkeypatch.setenv(name, value)
    privacy.stay_private()
    assert {name: os.environ[name] for name in privacy.SILENT} == privacy.SILENT
    assert [name for name in privacy.FORGOTTEN if name in os.environ] == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:7860/en/", False),
        ("data:image/svg+xml;base64,AAAA", False),
        ("blob:http://127.0.0.1:7860/1", False),
        ("https://fonts.googleapis.com/css2", True),
        ("wss://telemetry.invalid/socket", True),
    ],
)
def test_what_counts_as_abroad(url: str, expected: bool) -> None:
    assert abroad(url) is expected


def abroad(url: str) -> bool:
    """Whether an address that the browser asks for is on another computer."""
    inner = re.sub(r"^blob:", "", url)
    return urlsplit(inner).scheme in ("http", "https", "ws", "wss") and not outgoing.is_this_computer(
        urlsplit(inner).hostname
    )


def links_abroad(page: Page) -> list[str]:
    """Places elsewhere that the page loads or prepares to load; plain links for people do not count."""
    found = page.evaluate(
        "[...document.querySelectorAll('link[href], script[src], img[src], iframe[src], source[src]')]"
        ".map(element => element.href || element.src)"
    )
    return [url for url in found if abroad(url)]


def python_processes(pid: int) -> set[int]:
    """The process and those of its descendants that run Python."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return {process.pid for process in processes if "python" in process.name()}
