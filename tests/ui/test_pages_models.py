"""The models page in Chromium."""

from playwright.sync_api import expect

from studio.engines.errors import DoesNotFit

KEY = "smollm2-135m-instruct@nf4"


def test_cards_say_what_a_level_takes_and_load_and_unload(site, open_page):
    page = open_page("/en/?tab=models")
    card = page.locator(".model-card", has_text="SmolLM2-135M-Instruct").first
    expect(card).to_contain_text("Apache-2.0")
    expect(card.locator("tbody tr")).to_have_count(4)
    expect(card.locator("tbody tr").first).to_contain_text("MB")
    card.get_by_role("button", name="Load: SmolLM2-135M-Instruct @ nf4").click()
    expect(page.locator("#models-banner .done")).to_contain_text("was loaded")
    assert site.pool.loads == [KEY]
    expect(page.locator("#strip .model")).to_contain_text("measured 100 MB")
    card.get_by_role("button", name="Unload: SmolLM2-135M-Instruct @ nf4").click()
    expect(page.locator("#models-banner .done")).to_contain_text("100 MB came back")
    assert site.pool.engines == {}


def test_a_model_that_does_not_fit_offers_to_make_room(site, open_page):
    site.pool.refuse[KEY] = DoesNotFit(
        model="SmolLM2", level="nf4", needed=9, available=1, device="cpu", listing=["other@full"]
    )
    page = open_page("/en/?tab=models")
    page.get_by_role("button", name="Load: SmolLM2-135M-Instruct @ nf4").click()
    expect(page.locator("#models-banner .offer")).to_contain_text("other@full")
    page.locator("#models-banner [data-do=make-room]").click()
    expect(page.locator("#models-banner .done")).to_contain_text("was loaded")


def test_a_folder_that_is_not_there_is_one_sentence(site, open_page):
    page = open_page("/zh/?tab=models", locale="zh-CN")
    page.fill("#model-location input, #model-location textarea", "/nowhere/at/all")
    page.click("#model-add")
    expect(page.locator("#models-banner [role=alert]")).to_contain_text("/nowhere/at/all")
    expect(page.locator("#model-location input, #model-location textarea")).to_have_value("/nowhere/at/all")
