"""The whole way with the packaged starter: ask, stop, documents with an open citation, both languages."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from servers import RunningStudio
from ui.steps import answered, ask, wait_for

# The first answer converts the starter; other tests may share the two cores.
PATIENCE_MS = 240_000


@pytest.fixture
def page(studio_server: RunningStudio, browser: Browser):
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(studio_server.url)
    page.wait_for_selector("body.drawn", state="attached")
    yield page
    context.close()


def test_a_newcomer_asks_stops_reads_and_switches_language(page: Page, studio_server: RunningStudio):
    long = {"timeout": PATIENCE_MS}
    expect(page.locator("#fit .fit")).to_contain_text("needs")
    page.fill("#temperature input[type=number]", "0")
    page.locator("#temperature input[type=number]").blur()

    ask(page, "Write a long story about a lighthouse keeper and the sea, with many details.")
    expect(page.locator("#live .answer.writing")).to_be_visible(**long)
    page.keyboard.press("Escape")
    answered(page)
    expect(page.locator("#transcript .stopped")).to_be_visible()
    health = httpx.get(studio_server.url + "/health").json()
    assert health["status"] == "ok"

    page.click("#conversations [data-do=new]")
    page.click("#transcript [data-do=samples]")
    page.click("#transcript .example[data-source=documents] >> nth=0", **long)
    assert answered(page)
    expect(page.locator("#transcript .source").first).to_contain_text("skerrow-tidal-observatory.pdf")
    expect(page.locator("#transcript .meta")).to_contain_text(re.compile(r"tokens/s"))
    expect(page.locator("#fit .fit")).to_contain_text("measured")
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    page.locator("#transcript :is(.cite, .source)").first.click()
    expect(page.locator("#evidence .where")).to_contain_text("page")
    assert len(page.locator("#evidence blockquote").inner_text()) > 50

    answer = page.locator("#transcript .answer").inner_text()
    page.click("#switch-language")
    page.wait_for_url("**/zh/**")
    answered(page)
    assert page.locator("#transcript .answer").inner_text() == answer

    page.click("#page-models-button")
    page.get_by_role("button", name="卸载: SmolLM2-135M-Instruct @ full").click()
    expect(page.locator("#models-banner .done")).to_contain_text("已卸载", **long)
    wait_for(lambda: "smollm2" not in str(httpx.get(studio_server.url + "/health").json()["models"]).lower())
