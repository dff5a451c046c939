"""The chat page in headless Chromium, as the benchmarks drive it."""

import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

from benchmarks.report import wait_for
from tests import chromium
from tests.servers import RunningStudio

# Notes when an answer first shows text and when it is complete, inside the page, without the driver's delay.
# A short answer may be complete before it was ever drawn half: then the stored answer is the first text.
CLOCK = """
const stored = () => document.querySelectorAll('#transcript .turn .answer').length;
window.studioClock = {asked: null, first: null, complete: null, stored: 0};
addEventListener('keydown', event => {
    if (event.key === 'Enter' && event.target.closest('#question'))
        window.studioClock = {asked: performance.now(), first: null, complete: null, stored: stored()};
}, true);
new MutationObserver(() => {
    const clock = window.studioClock;
    if (clock.asked === null) return;
    const writing = document.querySelector('#live .answer.writing')?.textContent.trim();
    const complete = stored() > clock.stored;
    if (writing || complete) clock.first ??= performance.now();
    if (complete) clock.complete ??= performance.now();
}).observe(document, {subtree: true, childList: true, characterData: true});
"""


@contextmanager
def browser_page() -> Iterator[Page]:
    """An empty page of a headless Chromium. Raises SystemExit with a sentence where there is none."""
    path = chromium.find()
    if path is None:
        raise SystemExit(chromium.HELP)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(path), args=list(chromium.ARGUMENTS))
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
        context.add_init_script(CLOCK)
        try:
            yield context.new_page()
        finally:
            browser.close()


def open_when_up(page: Page, url: str) -> None:
    """Load `url` as soon as somebody listens there, and return when a question can be typed."""
    address = urlsplit(url)
    wait_for(f"somebody to listen at {url}", lambda: _listens(str(address.hostname), int(address.port or 80)))
    page.goto(url, wait_until="commit")
    question = page.locator("#question textarea")
    question.wait_for(state="visible")
    page.wait_for_function("document.querySelector('#model input')?.value")
    question.fill("ready")
    question.fill("")


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def ask(page: Page, question: str) -> None:
    """Type a question and press Enter."""
    box = page.locator("#question textarea")
    box.fill(question)
    box.press("Enter")


def wait_for_first_text(page: Page, seconds: float = 180) -> float:
    """Seconds from Enter to the first text of the answer on the screen."""
    page.wait_for_function("window.studioClock.first !== null", timeout=seconds * 1000)
    clock = page.evaluate("window.studioClock")
    return (clock["first"] - clock["asked"]) / 1000


def wait_until_idle(page: Page, seconds: float = 300) -> dict[str, Any]:
    """Return the clock of the answer (milliseconds) once it is complete."""
    page.wait_for_function(
        "window.studioClock.complete !== null"
        " && document.querySelector('#live .live').dataset.state === 'idle'",
        timeout=seconds * 1000,
    )
    return page.evaluate("window.studioClock")


def last_usage(studio: RunningStudio) -> dict[str, Any]:
    """What the studio itself says of the last answer."""
    database = sqlite3.connect(f"file:{studio.data_dir / 'studio.sqlite'}?mode=ro", uri=True)
    try:
        row = database.execute("SELECT details FROM turns ORDER BY created_at DESC LIMIT 1").fetchone()
    finally:
        database.close()
    return json.loads(row[0])["usage"]
