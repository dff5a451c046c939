"""The share page, and what guests of a shared link see."""

from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from fakes import fake_card
from fastapi import FastAPI
from playwright.sync_api import expect
from ui.conftest import listening
from ui.steps import answered, ask

from studio.api import SecurityHeaders
from studio.share import ShareStatus
from studio.ui.app import guest_pages, mount_pages


@dataclass
class FakeShare:
    now: ShareStatus = field(default_factory=ShareStatus)

    def status(self) -> ShareStatus:
        return self.now

    def start(self, user: str, password: str) -> None:
        self.now = ShareStatus("on", "https://example.test/abc", user, password)

    def stop(self) -> None:
        self.now = ShareStatus()


@pytest.fixture
def shared(studio, engine, browser):
    app, share = FastAPI(), FakeShare()
    mount_pages(app, studio, share, studio.settings)
    with listening(SecurityHeaders(app)) as url:
        context = browser.new_context(locale="en-US")
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(url + "/en/?tab=share")
        yield page, share
        context.close()


def test_sharing_says_what_it_means_and_starts_only_when_told(shared, studio):
    page, share = shared
    expect(page.locator("#share")).to_contain_text("Guests cannot")
    expect(page.locator("#share-status")).to_contain_text("Not shared")
    password = page.locator("#share-password input, #share-password textarea")
    expect(password).not_to_have_value("")
    chosen = password.input_value()
    assert len(chosen) >= 8 and share.now.state == "off"
    page.click("#share-start")
    expect(page.locator("#share-status a")).to_have_attribute("href", "https://example.test/abc")
    assert (share.now.user, share.now.password) == ("guest", chosen)
    page.click("#share-stop")
    expect(page.locator("#share-status")).to_contain_text("Not shared")


def test_a_short_password_is_refused(shared):
    page, share = shared
    password = page.locator("#share-password input, #share-password textarea")
    expect(password).not_to_have_value("")
    password.fill("short")
    page.click("#share-start")
    expect(page.locator(".toast-body")).to_contain_text("at least 8")
    assert share.now.state == "off"


def test_a_failure_is_said_as_it_happens(shared):
    page, share = shared
    share.now = replace(
        share.now, state="failed", error={"code": "X", "en": "No server.", "zh": "无服务器。"}
    )
    expect(page.locator("#share-status .error")).to_have_text("No server.")


class AsGuest:
    """Puts the cookie on a request that the guest listener's gate would have put there."""

    def __init__(self, app: Any, guest: str):
        self.app = app
        self.guest = guest

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
            scope = {**scope, "headers": [*headers, (b"cookie", b"studio_guest=" + self.guest.encode())]}
        await self.app(scope, receive, send)


@pytest.fixture
def guests(studio):
    app = FastAPI()
    guest_pages(app, studio)
    return app


def test_a_guest_chats_with_what_is_loaded_and_sees_nobody_elses(studio, engine, guests, browser):
    mine = studio.chat.create()
    studio.load("smollm2-135m-instruct", "full")
    with listening(SecurityHeaders(AsGuest(guests, "anna"))) as url:
        context = browser.new_context(locale="en-US")
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{url}/en/?c={mine.id}")
        page.wait_for_selector("#transcript .empty")
        assert page.locator("#settings, #strip, #tabs, #conversations .open").count() == 0
        expect(page.locator("[data-toggle=settings-open]")).to_be_hidden()
        ask(page, "Hello")
        assert answered(page) == "You said: Hello"
        expect(page.locator("#transcript .answer")).to_be_in_viewport()
        header = page.locator("header.frame").bounding_box()
        pickers = page.locator("#pickers").bounding_box()
        assert header["y"] + header["height"] <= pickers["y"]
        theirs = studio.chat.all("guest-anna")
        assert len(theirs) == 1 and [c.id for c in studio.chat.all()] == [mine.id]
        path = page.url.removeprefix(url)
        context.close()
    with listening(SecurityHeaders(AsGuest(guests, "ben"))) as url:
        context = browser.new_context(locale="en-US")
        page = context.new_page()
        page.goto(url + path)
        page.wait_for_selector("#transcript .empty")
        assert page.locator("#conversations .open").count() == 0
        context.close()


def test_without_a_loaded_model_a_guest_is_told_whom_to_ask(studio, guests, browser):
    with listening(AsGuest(guests, "anna")) as url:
        context = browser.new_context(locale="zh-CN")
        page = context.new_page()
        page.goto(url)
        expect(page.locator("#transcript .empty")).to_contain_text("联系分享者")
        context.close()


@pytest.mark.parametrize(
    "path",
    [
        "/en/gradio_api/file=/etc/passwd",
        "/en/gradio_api/file=http://127.0.0.1:9/",
        "/en/gradio_api/proxy=http://127.0.0.1:9/",
        "/en/gradio_api/upload_progress?upload_id=x",
        "/en/gradio_api/openapi.json",
        "/en/gradio_api/runs",
        "/en/monitoring",
        "/v1/models",
        "/health",
    ],
)
def test_guests_reach_no_other_route(studio, guests, path: str):
    with listening(AsGuest(guests, "anna")) as url:
        assert httpx.get(url + path).status_code == 404
        assert httpx.post(url + "/en/gradio_api/upload", files={"files": b"x"}).status_code == 404


def test_a_guest_cannot_name_a_model_or_knowledge_base_that_is_not_theirs(studio, engine):
    from studio.ui.answers import Answers
    from studio.ui.chat_handlers import ChatHandlers, Choice
    from studio.ui.texts import Texts

    studio.load("smollm2-135m-instruct", "full")
    studio.knowledge.create("private")
    handlers = ChatHandlers(studio, Answers(studio), Texts("en"), guest=True)
    choice = Choice("smollm2-135m-instruct", "full", "model", None, 0.7, 0.9, 64, "", "")
    assert handlers._allowed(choice)
    assert not handlers._allowed(replace(choice, level="nf4"))
    assert not handlers._allowed(replace(choice, source="documents", base="private"))
    studio.knowledge.set_open_to_guests("private", True)
    assert handlers._allowed(replace(choice, source="documents", base="private"))
    assert fake_card().id not in {card.id for card, _ in studio.loaded_chat_models()}
