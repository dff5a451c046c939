"""What stands around the pages: languages, theme, closed doors, nothing from elsewhere."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect
from ui.steps import answered, ask

TABS = ("chat", "knowledge", "compare", "models", "share")


@pytest.mark.parametrize(
    ("wish", "cookie", "path"),
    [
        ("zh-TW,zh;q=0.9,en;q=0.8", None, "/zh/"),
        ("de-DE,en;q=0.9,zh;q=0.8", None, "/en/"),
        ("fr", None, "/en/"),
        ("zh-CN", "en", "/en/"),
        ("en-US", "zh", "/zh/"),
        ("en-US", "xx", "/en/"),
    ],
)
def test_the_first_page_is_in_the_language_of_the_browser(site, wish: str, cookie: str | None, path: str):
    cookies = {"studio_language": cookie} if cookie else {}
    answer = httpx.get(site.url + "/?c=abc", headers={"accept-language": wish}, cookies=cookies)
    assert answer.headers["location"] == path + "?c=abc"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_comes_whole_from_the_studio_and_without_errors(site, open_page, language: str):
    page: Page = open_page(f"/{language}/", locale="zh-CN" if language == "zh" else "en-US")
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda response: response.status >= 400 and wrong.append(response.url))
    page.reload()
    for tab in TABS:
        page.click(f"#page-{tab}-button")
        expect(page.locator(f"#page-{tab}")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not [url for url in asked if not url.startswith((site.url, "data:", "blob:"))]
    assert wrong == []


def test_the_html_names_no_address_elsewhere_and_gives_its_language(site):
    for language, lang in (("en", "en"), ("zh", "zh-CN")):
        html = httpx.get(f"{site.url}/{language}/").text
        assert f'lang="{lang}"' in html[:300]
        outside = re.findall(r"""(?:src|href|content)=["'](https?://[^"']+)""", html)
        assert [url for url in outside if "w3.org" not in url] == []


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=http://127.0.0.1:9/",
        "/gradio_api/proxy=http://127.0.0.1:9/",
        "/gradio_api/runs",
        "/monitoring",
    ],
)
def test_what_our_pages_do_not_use_is_closed(site, path: str):
    assert httpx.get(f"{site.url}/en{path}").status_code == 404


def test_the_pages_offer_no_api(site):
    info = httpx.get(f"{site.url}/en/gradio_api/info").json()
    assert info["named_endpoints"] == {} and info["unnamed_endpoints"] == {}


def test_light_and_dark_follow_the_system_until_chosen(open_page):
    page = open_page(color_scheme="dark")
    expect(page.locator("body")).to_have_class(re.compile("dark"))
    page.click("#switch-theme")
    expect(page.locator("body")).not_to_have_class(re.compile("dark"))
    page.reload()
    page.wait_for_selector("body.drawn")
    expect(page.locator("body")).not_to_have_class(re.compile("dark"))


def test_on_a_phone_nothing_is_cut_and_the_sides_come_in(site, open_page):
    page = open_page(viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator("#send")).to_be_in_viewport(ratio=1)
    expect(page.locator("#conversations")).not_to_be_in_viewport()
    page.click("[data-toggle=side-open]")
    expect(page.locator("#conversations [data-do=new]")).to_be_in_viewport()
    page.keyboard.press("Escape")
    page.click("[data-toggle=settings-open]")
    expect(page.locator("#temperature")).to_be_in_viewport()


def test_the_keyboard_alone_is_enough(site, open_page):
    page = open_page()
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('#page-chat') !== null")
    page.locator("#question textarea").focus()
    page.keyboard.type("Hello")
    page.keyboard.press("Enter")
    assert answered(page) == "You said: Hello"
    expect(page.locator("#announce")).to_contain_text("You said: Hello")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.dataset.do") == "new":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#transcript .empty")).to_be_visible()
    page.locator("#page-chat-button").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#page-knowledge")).to_be_visible()


def test_the_strip_says_when_the_studio_is_gone(site, open_page):
    page = open_page()
    expect(page.locator("#strip .device").first).to_be_visible()
    page.route(re.compile("component_server"), lambda route: route.abort())
    expect(page.locator("#strip .lost")).to_be_visible()
    page.unroute(re.compile("component_server"))
    expect(page.locator("#strip .device").first).to_be_visible()
    ask(page, "Still there?")
    answered(page)


def test_no_counter_of_gradio_runs_at_every_frame(open_page):
    page = open_page()
    page.add_init_script(
        "window.counted = 0; const next = window.requestAnimationFrame;"
        " window.requestAnimationFrame = f => {"
        " if (new Error().stack.includes('statustracker')) window.counted++; return next(f); };"
    )
    page.reload()
    page.wait_for_selector("body.drawn", state="attached")
    page.evaluate("window.counted = 0")
    page.wait_for_timeout(900)
    assert page.evaluate("window.counted") <= 5
