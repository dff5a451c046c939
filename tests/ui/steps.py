"""What tests of the pages do again and again."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page


def wait_for(met: Callable[[], Any], seconds: float = 60) -> Any:
    """Poll until `met()` is true; its value. Fails with what it was last."""
    end = time.monotonic() + seconds
    while not (value := met()):
        assert time.monotonic() < end, f"still {value!r} after {seconds} s"
        time.sleep(0.05)
    return value


def ask(page: Page, question: str) -> None:
    page.fill("#question textarea", question)
    page.press("#question textarea", "Enter")


def answered(page: Page, count: int = 1) -> str:
    """Wait for the `count`-th stored answer; its text."""
    page.wait_for_function(
        "count => document.querySelectorAll('#transcript .turn .meta').length >= count"
        " && !document.body.classList.contains('answering')",
        arg=count,
    )
    return page.locator("#transcript .turn .answer").nth(count - 1).inner_text()
