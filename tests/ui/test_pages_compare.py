"""The compare page in Chromium."""

import threading

from playwright.sync_api import expect

from studio.engines.errors import LoadFailed


def test_two_contestants_answer_side_by_side(site, open_page):
    page = open_page("/en/?tab=compare")
    expect(page.locator("#fit-2 .fit")).to_contain_text("needs")
    site.engine.replies.extend(["First answer", "Second answer"])
    page.fill("#compare-prompt textarea", "Why?")
    page.click("#compare-run")
    expect(page.locator("#lane-1 .answer")).to_have_text("First answer")
    expect(page.locator("#lane-2 .answer")).to_have_text("Second answer")
    expect(page.locator("#lane-1 h3")).to_have_text("smollm2-135m-instruct @ full")
    expect(page.locator("#lane-2 h3")).to_have_text("smollm2-135m-instruct @ int8")
    for lane in ("#lane-1", "#lane-2"):
        expect(page.locator(f"{lane} .meta")).to_contain_text("tokens/s")
        expect(page.locator(f"{lane} .meta")).to_contain_text("peak memory 120 MB")
    assert [asked.messages[-1].content for asked in site.engine.asked] == ["Why?", "Why?"]


def test_one_that_fails_says_why_and_the_other_answers(site, open_page):
    page = open_page("/en/?tab=compare")
    expect(page.locator("#fit-2 .fit")).to_contain_text("needs")
    site.pool.refuse["smollm2-135m-instruct@int8"] = LoadFailed(model="SmolLM2", detail="broken")
    page.fill("#compare-prompt textarea", "Why?")
    page.click("#compare-run")
    expect(page.locator("#lane-2 .error")).to_contain_text("SmolLM2")
    expect(page.locator("#lane-1 .answer")).to_have_text("You said: Why?")


def test_stop_keeps_what_was_written(site, open_page):
    page = open_page("/en/?tab=compare")
    expect(page.locator("#fit-2 .fit")).to_contain_text("needs")
    site.engine.gate = threading.Semaphore(2)
    site.engine.replies.append("one two three four")
    page.fill("#compare-prompt textarea", "Count")
    page.click("#compare-run")
    expect(page.locator("#lane-1 .answer")).to_contain_text("two")
    page.click("#compare-stop")
    expect(page.locator("#compare-run")).to_be_visible()
    expect(page.locator("#lane-1 .answer")).to_have_text("one two")
    assert site.engine.generated <= 3
