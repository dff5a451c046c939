"""The chat page in Chromium: ask, stop, come back, and every setting reaches the engine."""

import threading

import pytest
from playwright.sync_api import Page, expect
from ui.steps import answered, ask, wait_for

from studio.engines.errors import DoesNotFit, WorkerDied
from studio.models.card import Estimate


def turns(site):
    conversations = site.studio.chat.all()
    return site.studio.chat.turns(conversations[0].id) if conversations else []


def test_an_answer_is_shown_stored_and_still_there_after_a_reload(site, page: Page):
    site.engine.replies.append("Because the **moon** pulls.")
    ask(page, "Why are there tides?")
    assert answered(page) == "Because the moon pulls."
    expect(page.locator("#transcript .meta")).to_contain_text("tokens/s")
    assert f"c={site.studio.chat.all()[0].id}" in page.url
    page.reload()
    assert answered(page) == "Because the moon pulls."
    expect(page.locator("#conversations .open")).to_have_text("Why are there tides?")


@pytest.mark.parametrize("how", ["button", "escape"])
def test_stop_ends_the_answer_within_a_token_and_keeps_its_text(site, page: Page, how: str):
    site.engine.gate = threading.Semaphore(3)
    site.engine.replies.append("one two three four five six")
    ask(page, "Count")
    expect(page.locator("#live .answer")).to_contain_text("three")
    if how == "button":
        page.click("#stop")
    else:
        page.keyboard.press("Escape")
    assert answered(page) == "one two three"
    assert turns(site)[0].status == "stopped"
    assert site.engine.generated <= 4
    expect(page.locator("#send")).to_be_visible()
    site.engine.gate = None
    ask(page, "Again")
    assert answered(page, 2) == "You said: Again"


def test_every_setting_reaches_generation(site, page: Page):
    page.fill("#temperature input[type=number]", "0.25")
    page.fill("#top-p input[type=number]", "0.55")
    page.fill("#max-tokens input[type=number]", "64")
    page.fill("#seed input, #seed textarea", "7")
    page.fill("#system-prompt textarea", "Answer like a pirate.")
    page.locator("#system-prompt textarea").blur()
    ask(page, "Hello")
    answered(page)
    asked = site.engine.asked[-1]
    sampling = asked.sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens, sampling.seed) == (0.25, 0.55, 64, 7)
    assert asked.messages[0] == ("system", "Answer like a pirate.")


def test_settings_are_still_there_after_a_reload_and_in_the_other_language(site, page: Page):
    page.fill("#temperature input[type=number]", "0.25")
    page.locator("#temperature input[type=number]").blur()
    page.fill("#system-prompt textarea", "Be brief.")
    page.locator("#system-prompt textarea").blur()
    page.wait_for_function("Object.keys(localStorage).some(key => key.includes('studio_choice'))")
    page.click("#switch-language")
    page.wait_for_url("**/zh/**")
    expect(page.locator("#temperature input[type=number]")).to_have_value("0.25")
    expect(page.locator("#system-prompt textarea")).to_have_value("Be brief.")
    ask(page, "Hello")
    answered(page)
    assert site.engine.asked[-1].sampling.temperature == 0.25


def test_the_temperature_slider_moves_by_keyboard_and_reaches_generation(site, page: Page):
    slider = page.locator("#temperature input[type=range]")
    slider.focus()
    for _ in range(14):
        page.keyboard.press("ArrowLeft")
    ask(page, "Hello")
    answered(page)
    assert site.engine.asked[-1].sampling.temperature == 0


def test_a_wrong_seed_is_said_and_nothing_is_asked(site, page: Page):
    page.fill("#seed input, #seed textarea", "seven")
    ask(page, "Hello")
    expect(page.locator(".toast-body")).to_contain_text("The seed must be a whole number")
    assert site.engine.asked == []


def test_shift_enter_starts_a_new_line(site, page: Page):
    field = page.locator("#question textarea")
    field.type("one")
    page.keyboard.press("Shift+Enter")
    field.type("two")
    assert field.input_value() == "one\ntwo"
    page.keyboard.press("Enter")
    answered(page)
    assert site.engine.asked[-1].messages[-1].content == "one\ntwo"


def test_what_a_model_writes_cannot_act_in_the_page(site, page: Page):
    site.engine.replies.append(
        "<img src=x onerror='window.hit=1'> <script>window.hit=1</script> [a](javascript:window.hit=1)"
        " ![b](http://127.0.0.1:9/x.png) ${window.hit=1} {{constructor}} `<b>`"
    )
    fetched = []
    page.on("request", lambda request: fetched.append(request.url))
    ask(page, "<b onclick='window.hit=1'>bold</b>")
    text = answered(page)
    assert "<img src=x onerror='window.hit=1'>" in text and "${window.hit=1}" in text
    assert page.evaluate("window.hit") is None
    assert page.locator("#transcript :is(img, script, .answer b, .question b)").count() == 0
    assert page.locator("#transcript a[href^='javascript']").count() == 0
    assert not [url for url in fetched if not url.startswith(site.url)]


def test_the_language_switch_keeps_conversation_and_page(site, page: Page):
    ask(page, "Hello")
    answered(page)
    page.click("#switch-language")
    page.wait_for_url("**/zh/**")
    assert answered(page) == "You said: Hello"
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("#send")).to_have_text("发送")
    page.click("#page-models-button")
    page.click("#switch-language")
    page.wait_for_url("**/en/**")
    expect(page.locator("#page-models-button")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#models h2")).to_have_text("Models")
    page.goto(site.url)
    assert "/en/" in page.url


def test_a_second_tab_follows_the_answer_of_the_first(site, page: Page, open_page):
    site.engine.gate = threading.Semaphore(2)
    site.engine.replies.append("one two three four")
    ask(page, "Count")
    expect(page.locator("#live .answer")).to_contain_text("two")
    path = page.url.removeprefix(site.url)
    second = open_page(path, beside=page)
    expect(second.locator("#live .answer")).to_contain_text("two")
    site.engine.gate.release(10)
    assert answered(page) == answered(second) == "one two three four"


def test_closing_the_tab_stops_the_answer_and_keeps_its_text(site, page: Page):
    site.engine.gate = threading.Semaphore(2)
    site.engine.replies.append("one two three four five")
    ask(page, "Count")
    expect(page.locator("#live .answer")).to_contain_text("two")
    page.close()
    wait_for(lambda: turns(site)[0].status == "stopped")
    assert turns(site)[0].answer == "one two"
    assert site.engine.generated <= 3


def test_closing_another_tab_does_not_stop_the_answer(site, page: Page, open_page):
    site.engine.gate = threading.Semaphore(2)
    site.engine.replies.append("one two three four")
    ask(page, "Count")
    expect(page.locator("#live .answer")).to_contain_text("two")
    second = open_page(page.url.removeprefix(site.url), beside=page)
    expect(second.locator("#live .answer")).to_contain_text("two")
    second.close()
    site.engine.gate.release(10)
    assert answered(page) == "one two three four"


def test_another_conversation_can_be_asked_while_one_is_answered(site, page: Page):
    site.engine.gate = threading.Semaphore(2)
    site.engine.replies.append("one two three")
    ask(page, "Count")
    expect(page.locator("#live .answer")).to_contain_text("two")
    page.click("#conversations [data-do=new]")
    expect(page.locator("#live .turn")).to_have_count(0)
    expect(page.locator("#transcript .empty")).to_be_visible()
    page.click("#conversations .open")
    expect(page.locator("#live .answer")).to_contain_text("two")
    site.engine.gate.release(10)
    assert answered(page) == "one two three"


def test_a_worker_that_dies_is_one_sentence_and_the_next_question_works(site, page: Page):
    site.engine.replies.append(["Half an ", WorkerDied(model="SmolLM2", detail="killed")])
    ask(page, "Hello")
    answered(page)
    expect(page.locator("#transcript .error")).to_have_count(1)
    expect(page.locator("#transcript .answer")).to_contain_text("Half an")
    ask(page, "Still there?")
    assert answered(page, 2) == "You said: Still there?"


def test_what_nobody_expected_is_one_calm_sentence(site, page: Page, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(site.studio.chat, "create", broken)
    ask(page, "Hello")
    toast = page.locator(".toast-body")
    expect(toast).to_contain_text("Something unexpected went wrong")
    assert "secret" not in toast.inner_text()


def test_a_model_that_does_not_fit_offers_to_make_room_and_goes_on(site, page: Page, monkeypatch):
    small = Estimate(9, 0, 0, 1, "does not fit", "cpu", {"en": "", "zh": ""})
    monkeypatch.setattr(site.studio, "estimate", lambda *args, **kwargs: small)
    site.pool.refuse["smollm2-135m-instruct"] = DoesNotFit(
        model="SmolLM2", level="full", needed=9, available=1, device="cpu", listing=["other@full"]
    )
    ask(page, "Hello")
    expect(page.locator("#live .offer")).to_contain_text("other@full")
    assert site.engine.asked == [] and site.studio.chat.all() == []
    page.click("#live [data-do=make-room]")
    assert answered(page) == "You said: Hello"


def test_clear_and_delete_ask_once_more(site, page: Page):
    ask(page, "Hello")
    answered(page)
    clear = page.locator("#tools [data-do=clear]")
    clear.click()
    expect(clear).to_contain_text("Really clear")
    assert len(turns(site)) == 1
    clear.click()
    expect(page.locator("#transcript .empty")).to_be_visible()
    assert turns(site) == []
    delete = page.locator("#conversations [data-do=delete]")
    delete.click()
    delete.click()
    expect(page.locator("#conversations .open")).to_have_count(0)
    assert site.studio.chat.all() == []
    assert "c=" not in page.url


def test_the_fit_is_shown_before_anything_is_loaded(site, page: Page):
    expect(page.locator("#fit .fit")).to_contain_text("needs")
    assert site.pool.loads == []
    ask(page, "Hello")
    answered(page)
    expect(page.locator("#fit .fit")).to_contain_text("measured")
    expect(page.locator("#strip .model")).to_contain_text("SmolLM2-135M-Instruct")
