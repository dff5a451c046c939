"""The public link: its gate, its tunnel helper, and how it begins and ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psutil
import pytest
from servers import ROOT
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from studio.server import guest_app
from studio.services import Studio
from studio.settings import Settings
from studio.share import Share, ShareStatus
from studio.share.errors import LoginNeeded
from studio.share.gate import COOKIE, GuestGate, Login
from studio.share.listener import Listener
from studio.share.throttle import FREE_TRIES, Throttle

USER, PASSWORD = "guest", "correct horse"
LINK = "https://abc.example"
# Speaks as frpc does, and stays.
FAKE_HELPER = f"""
import time
print("2024/01/01 10:00:00 [I] [control.go:1] start proxy success: {LINK}", flush=True)
while True: time.sleep(60)
"""
FAILING_HELPER = """
print("2024/01/01 [W] [service.go:2] login to server failed: dial tcp: connection refused", flush=True)
"""


def pages() -> Starlette:
    """An application that answers everywhere and says whom it takes the guest for."""

    async def who(request: Request) -> Response:
        return PlainTextResponse(f"{request.cookies.get(COOKIE)} {request.cookies.get('studio_language')}")

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.cookies[COOKIE])

    return Starlette(
        routes=[
            WebSocketRoute("/socket", echo),
            Route("/{path:path}", who, methods=["GET", "POST"]),
        ]
    )


@pytest.fixture
def throttle() -> Throttle:
    return Throttle(clock=lambda: 0.0)


@pytest.fixture
def gate(throttle: Throttle) -> Iterator[Listener]:
    listener = Listener(GuestGate(pages(), Login(USER, PASSWORD), throttle))
    yield listener
    listener.close()


@pytest.fixture
def guest(gate: Listener) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gate.url, trust_env=False) as client:
        yield client


def log_in(
    client: httpx.Client, user: str = USER, password: str = PASSWORD, **headers: str
) -> httpx.Response:
    return client.post("/login", data={"user": user, "password": password}, headers=headers)


def until(reached: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.02)


class TestGate:
    def test_nothing_is_reached_without_a_login(self, guest: httpx.Client) -> None:
        for path in ("/", "/en", "/gradio_api/queue/join", "/assets/index.js", "/anything"):
            assert guest.get(path).status_code == 401
            assert guest.post(path).status_code == 401
        page = guest.get("/", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/login")

    def test_a_login_opens_the_pages(self, guest: httpx.Client) -> None:
        answer = log_in(guest)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert guest.get("/").status_code == 200

    def test_the_cookie_cannot_be_read_by_scripts_nor_sent_along_by_other_sites(
        self, guest: httpx.Client
    ) -> None:
        plain = log_in(guest).headers["set-cookie"].lower()
        assert "httponly" in plain
        assert "samesite=lax" in plain
        assert "secure" not in plain
        behind_tls = log_in(guest, **{"x-forwarded-proto": "https"}).headers["set-cookie"].lower()
        assert "secure" in behind_tls

    def test_pages_see_a_verified_id_that_nobody_can_choose(self, guest: httpx.Client) -> None:
        log_in(guest)
        signed = guest.cookies[COOKIE]
        guest.cookies.set("studio_language", "zh")
        seen, language = guest.get("/").text.split()
        assert signed.startswith(f"{seen}.")
        assert language == "zh"
        forged = httpx.get(
            f"{guest.base_url}", headers={"cookie": f"{COOKIE}=somebody.{signed.rpartition('.')[2]}"}
        )
        assert forged.status_code == 401

    def test_two_cookies_of_one_name_do_not_smuggle_an_id(self, guest: httpx.Client) -> None:
        log_in(guest)
        signed = guest.cookies[COOKIE]
        for cookies in (f"{COOKIE}={signed}; {COOKIE}=other", f"{COOKIE}=other; {COOKIE}={signed}"):
            answer = httpx.get(f"{guest.base_url}", headers={"cookie": cookies})
            assert "other" not in answer.text

    def test_a_value_that_decodes_to_a_cookie_does_not_smuggle_an_id(self, guest: httpx.Client) -> None:
        log_in(guest)
        cookies = f'{COOKIE}={guest.cookies[COOKIE]}; z="a\\073 {COOKIE}=other"'
        answer = httpx.get(f"{guest.base_url}", headers={"cookie": cookies})
        assert answer.status_code == 200 and "other" not in answer.text

    def test_each_login_is_another_guest(self, gate: Listener) -> None:
        seen = set()
        for _ in range(2):
            with httpx.Client(base_url=gate.url) as client:
                log_in(client)
                seen.add(client.get("/").text)
        assert len(seen) == 2

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/models",
            "/v1/chat/completions",
            "/internal/command",
            "/docs",
            "/openapi.json",
            "/health",
            "/gradio_api/upload",
            "/gradio_api/info",
            "/en/gradio_api/file=/etc/passwd",
            "/en/gradio_api/call/reply",
            "/en/gradio_api/run/reply",
            "/en/monitoring/summary",
        ],
    )
    def test_the_owners_doors_are_not_there(self, guest: httpx.Client, path: str) -> None:
        assert guest.get(path).status_code == 404
        log_in(guest)
        assert guest.get(path).status_code == 404
        assert guest.post(path).status_code == 404

    def test_wrong_tries_are_refused_and_slowed_for_everybody(self, guest: httpx.Client) -> None:
        for _ in range(FREE_TRIES):
            assert log_in(guest, password="wrong").status_code == 401
        held = log_in(guest)
        assert held.status_code == 429
        assert int(held.headers["retry-after"]) >= 1
        assert "Wait" in held.text

    def test_who_is_in_stays_in_while_others_guess(self, guest: httpx.Client) -> None:
        log_in(guest)
        for _ in range(FREE_TRIES + 1):
            httpx.post(f"{guest.base_url}/login", data={"user": USER, "password": "wrong"})
        assert guest.get("/").status_code == 200

    def test_the_login_page_speaks_the_browsers_language_or_the_chosen_one(self, guest: httpx.Client) -> None:
        assert "Log in" in guest.get("/login").text
        assert "登录" in guest.get("/login", headers={"accept-language": "zh-CN,zh;q=0.9"}).text
        chosen = guest.get("/login?language=en", headers={"accept-language": "zh-CN"})
        assert 'lang="en"' in chosen.text
        wrong = guest.post("/login?language=zh", data={"user": "x", "password": "y"})
        assert "密码不正确" in wrong.text

    def test_a_login_as_long_as_a_book_is_refused(self, guest: httpx.Client) -> None:
        assert log_in(guest, password="x" * 10_000).status_code == 413

    def test_another_site_cannot_make_a_guest_act(self, guest: httpx.Client) -> None:
        log_in(guest)
        assert guest.post("/x", headers={"sec-fetch-site": "cross-site"}).status_code == 403
        assert guest.post("/x", headers={"sec-fetch-site": "same-origin"}).status_code == 200

    def test_a_socket_needs_the_login_too(self, gate: Listener, guest: httpx.Client) -> None:
        from websockets.exceptions import InvalidStatus
        from websockets.sync.client import connect

        address = gate.url.replace("http", "ws") + "/socket"
        with pytest.raises(InvalidStatus) as refused, connect(address, proxy=None):
            pass
        assert refused.value.response.status_code == 403
        log_in(guest)
        cookie = {"Cookie": f"{COOKIE}={guest.cookies[COOKIE]}"}
        with connect(address, additional_headers=cookie, proxy=None) as socket_:
            assert guest.cookies[COOKIE].startswith(f"{socket_.recv()}.")


class TestThrottle:
    def test_waits_grow_and_a_right_password_forgives(self) -> None:
        now = 0.0
        throttle = Throttle(clock=lambda: now)
        waits = []
        for _ in range(FREE_TRIES + 8):
            throttle.failed()
            waits.append(throttle.wait_seconds())
        assert waits[: FREE_TRIES - 1] == [0.0] * (FREE_TRIES - 1)
        assert waits[FREE_TRIES - 1 :][:3] == [1.0, 2.0, 4.0]
        assert waits[-1] == 60.0
        now = 60.0
        assert throttle.wait_seconds() == 0.0
        throttle.succeeded()
        throttle.failed()
        assert throttle.wait_seconds() == 0.0


def share_with(settings: Settings, program: str | None = None) -> Share:
    """Sharing of `pages()`, with a Python program in the helper's place."""
    options: dict[str, Any] = {}
    if program is not None:
        options["tunnel_command"] = lambda _settings, _port: [sys.executable, "-c", program]
    return Share(SimpleNamespace(settings=settings), pages, **options)  # type: ignore[arg-type]


def settled(share: Share) -> ShareStatus:
    until(lambda: share.status().state != "starting")
    return share.status()


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def children() -> list[psutil.Process]:
    return psutil.Process().children()


class TestShare:
    def test_it_is_off_until_started(self, settings: Settings) -> None:
        assert share_with(settings, FAKE_HELPER).status() == ShareStatus("off")

    def test_a_link_leads_through_the_gate_and_ends_without_a_trace(self, settings: Settings) -> None:
        before = {child.pid for child in children()}
        share = share_with(settings, FAKE_HELPER)
        share.start(USER, PASSWORD)
        status = settled(share)
        assert (status.state, status.url, status.user, status.password) == ("on", LINK, USER, PASSWORD)
        assert status.local_url is not None
        with httpx.Client(base_url=status.local_url, trust_env=False) as client:
            assert client.get("/").status_code == 401
            log_in(client)
            assert client.get("/").status_code == 200
        share.stop()
        share.stop()
        assert share.status() == ShareStatus("off")
        assert not is_open(port_of(status.local_url))
        assert {child.pid for child in children()} == before

    def test_starting_twice_is_starting_once(self, settings: Settings) -> None:
        share = share_with(settings, FAKE_HELPER)
        share.start(USER, PASSWORD)
        share.start("other", "another password")
        assert settled(share).user == USER
        assert sum("start proxy" in " ".join(child.cmdline()) for child in children()) == 1
        share.stop()

    def test_stopping_while_it_starts_leaves_nothing(self, settings: Settings) -> None:
        before = {child.pid for child in children()}
        share = share_with(settings, "import time; time.sleep(60)")
        share.start(USER, PASSWORD)
        until(lambda: {child.pid for child in children()} != before)
        share.stop()
        until(lambda: {child.pid for child in children()} == before)
        assert share.status().state == "off"

    def test_a_helper_that_ends_later_is_reaped_and_said(self, settings: Settings) -> None:
        share = share_with(settings, FAKE_HELPER)
        share.start(USER, PASSWORD)
        local = settled(share).local_url
        assert local is not None
        keeper = next(child for child in children() if "start proxy" in " ".join(child.cmdline()))
        (helper,) = keeper.children()
        os.kill(helper.pid, signal.SIGKILL)
        until(lambda: share.status().state == "failed")
        until(lambda: not is_open(port_of(local)))
        assert not psutil.pid_exists(helper.pid) and not psutil.pid_exists(keeper.pid)
        error = share.status().error
        assert error is not None
        assert error["code"] == "TunnelClosed"

    def test_the_helper_does_not_outlive_a_killed_studio(self) -> None:
        opens = f"""
import sys, time
from studio.share.tunnel import Tunnel
print(Tunnel([sys.executable, "-c", {FAKE_HELPER!r}], on_end=print).link(), flush=True)
time.sleep(60)
"""
        studio = subprocess.Popen([sys.executable, "-c", opens], stdout=subprocess.PIPE, text=True)
        assert studio.stdout is not None and studio.stdout.readline().strip() == LINK
        family = psutil.Process(studio.pid).children(recursive=True)
        assert len(family) == 2
        studio.kill()
        studio.wait()
        studio.stdout.close()
        until(lambda: not any(process.is_running() for process in family))

    def test_a_refusing_server_is_said_in_both_languages_and_can_be_tried_again(
        self, settings: Settings
    ) -> None:
        share = share_with(settings, FAILING_HELPER)
        share.start(USER, PASSWORD)
        status = settled(share)
        assert status.state == "failed"
        assert status.error is not None
        assert "connection refused" in status.error["en"]
        assert "工作室本身照常运行" in status.error["zh"]
        share.start(USER, PASSWORD)
        assert settled(share).state == "failed"

    def test_a_server_of_ones_own_that_is_not_there(self, settings: Settings, free_port: int) -> None:
        share = share_with(settings.model_copy(update={"share_server": f"127.0.0.1:{free_port}"}))
        share.start(USER, PASSWORD)
        status = settled(share)
        assert status.error is not None
        assert status.error["code"] == "ShareServerUnreachable"
        assert f"127.0.0.1:{free_port}" in status.error["zh"]

    def test_a_server_setting_that_is_none(self, settings: Settings) -> None:
        share = share_with(settings.model_copy(update={"share_server": "nonsense"}))
        share.start(USER, PASSWORD)
        error = settled(share).error
        assert error is not None
        assert error["code"] == "ShareServerUnusable"

    def test_without_a_network_the_public_server_is_not_reached(
        self, settings: Settings, free_port: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import gradio.networking

        nowhere = f"http://127.0.0.1:{free_port}/"
        monkeypatch.setattr(gradio.networking, "GRADIO_API_SERVER", nowhere)
        share = share_with(settings)
        share.start(USER, PASSWORD)
        error = settled(share).error
        assert error is not None
        assert error["code"] == "ShareServerUnreachable"

    def test_a_helper_that_is_not_the_expected_one_is_not_started(
        self, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from gradio import tunneling

        server = Listener(
            Starlette(routes=[Route("/{path:path}", lambda _: PlainTextResponse("#!/bin/sh\n"))])
        )
        address = f"{server.url}/frpc"
        monkeypatch.setattr(tunneling, "BINARY_URL", address)
        monkeypatch.setattr(tunneling, "BINARY_PATH", str(tmp_path / "frpc"))
        monkeypatch.setattr(tunneling, "CHECKSUMS", {address: "0" * 64})
        share = share_with(settings.model_copy(update={"share_server": f"127.0.0.1:{server.port}"}))
        share.start(USER, PASSWORD)
        error = settled(share).error
        server.close()
        assert error is not None
        assert error["code"] == "TunnelHelperDamaged"
        assert list(tmp_path.glob("frpc*")) == []

    def test_guests_get_their_pages_and_nothing_of_the_owners(self, settings: Settings) -> None:
        studio = Studio(settings)
        command = [sys.executable, "-c", FAKE_HELPER]
        share = Share(studio, lambda: guest_app(studio), tunnel_command=lambda _settings, _port: command)
        share.start(USER, PASSWORD)
        status = settled(share)
        assert status.local_url is not None
        with httpx.Client(base_url=status.local_url, follow_redirects=True, trust_env=False) as client:
            log_in(client)
            page = client.get("/zh/")
            assert page.status_code == 200
            assert "default-src 'self'" in page.headers["content-security-policy"]
            for owners in ("page-knowledge", "page-models", "page-share", "share-password"):
                assert owners not in page.text
            for path in (settings.database, Path("/etc/passwd"), ROOT / "pyproject.toml"):
                assert client.get(f"/en/gradio_api/file={path}").status_code == 404
            assert client.post("/en/gradio_api/upload", files={"files": b"x"}).status_code == 404
        share.stop()
        studio.close()

    @pytest.mark.parametrize(
        ("user", "password"), [("", PASSWORD), (" ", PASSWORD), (USER, ""), (USER, "short")]
    )
    def test_never_without_a_login(self, settings: Settings, user: str, password: str) -> None:
        share = share_with(settings, FAKE_HELPER)
        with pytest.raises(LoginNeeded):
            share.start(user, password)
        assert share.status().state == "off"
