"""The OpenAI-compatible routes, health, forwarded commands, and what guards them."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fakes import FakeEngine, FakePool, fake_card
from fastapi import FastAPI

from studio.api import OwnSiteOnly, SecurityHeaders, create_app
from studio.api.stream import Pump
from studio.chat.conversation import Chat
from studio.engines.errors import DoesNotFit, WorkerDied
from studio.models.errors import UnknownModel
from studio.server.password import PasswordGate
from studio.services import Studio
from studio.settings import Settings
from studio.share.listener import Listener

TOKEN = "the-owners-token"
CHAT = "/v1/chat/completions"


class Catalogue:
    """Two models: one that chats, one that embeds."""

    def __init__(self) -> None:
        self.known = {card.id: card for card in (fake_card(), fake_card("fake-embedder", kind="embedding"))}

    def cards(self, kind: str | None = None) -> list[Any]:
        return list(self.known.values())

    def get(self, model: str) -> Any:
        if model not in self.known:
            raise UnknownModel(model=model)
        return self.known[model]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(["Paris is the capital."])


@pytest.fixture
def pool(engine: FakeEngine) -> FakePool:
    return FakePool(engine)


@pytest.fixture
def studio(settings: Settings, pool: FakePool) -> Iterator[Studio]:
    studio = Studio(settings)
    studio.pool, studio.catalogue = pool, Catalogue()  # type: ignore[assignment]
    studio.chat = Chat(settings, studio.store, studio.catalogue, studio.pool, studio.knowledge)
    yield studio
    studio.close()


@pytest.fixture
def listener(studio: Studio) -> Iterator[Listener]:
    listening = Listener(SecurityHeaders(OwnSiteOnly(create_app(studio, TOKEN))))
    yield listening
    listening.close()


@pytest.fixture
def client(listener: Listener) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=listener.url, trust_env=False) as client:
        yield client


def asking(question: str = "Capital of France?", **more: Any) -> dict[str, Any]:
    return {"model": "fake-chat", "messages": [{"role": "user", "content": question}], **more}


def chunks(answer: httpx.Response) -> list[dict[str, Any]]:
    """The events of a stream, which has to end with [DONE]."""
    events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert events[-1] == "[DONE]"
    return [json.loads(event) for event in events[:-1]]


def until(reached: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.01)


class TestAnswers:
    def test_an_answer_in_one_piece(self, client: httpx.Client) -> None:
        answer = client.post(CHAT, json=asking()).json()
        assert answer["object"] == "chat.completion"
        assert answer["model"] == "fake-chat@full"
        assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Paris is the capital."}
        assert answer["choices"][0]["finish_reason"] == "stop"
        usage = answer["usage"]
        assert usage["completion_tokens"] == 5
        assert usage["total_tokens"] == usage["prompt_tokens"] + 5

    def test_every_setting_reaches_the_engine(self, client: httpx.Client, engine: FakeEngine) -> None:
        sent = asking(temperature=0, top_p=0, max_tokens=7, seed=3, stop=["END"], unknown_field=1)
        assert client.post(CHAT, json=sent).status_code == 200
        sampling = engine.asked[0].sampling
        assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (0, 0, 7)
        assert (sampling.seed, sampling.stop) == (3, ("END",))

    def test_what_is_not_given_comes_from_the_settings(
        self, client: httpx.Client, engine: FakeEngine, settings: Settings
    ) -> None:
        client.post(CHAT, json=asking(max_completion_tokens=9))
        sampling = engine.asked[0].sampling
        assert (sampling.temperature, sampling.top_p) == (settings.temperature, settings.top_p)
        assert sampling.max_tokens == 9

    def test_content_parts_and_the_developer_role(self, client: httpx.Client, engine: FakeEngine) -> None:
        messages = [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]},
        ]
        client.post(CHAT, json={"model": "fake-chat", "messages": messages})
        assert [tuple(message) for message in engine.asked[0].messages] == [
            ("system", "Be brief."),
            ("user", "AB"),
        ]

    def test_an_answer_that_reached_its_length(self, client: httpx.Client) -> None:
        answer = client.post(CHAT, json=asking(max_tokens=2)).json()
        assert answer["choices"][0]["finish_reason"] == "length"

    def test_a_stream(self, client: httpx.Client) -> None:
        answer = client.post(CHAT, json=asking(stream=True))
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = chunks(answer)
        assert events[0]["choices"][0]["delta"]["role"] == "assistant"
        assert "".join(e["choices"][0]["delta"].get("content", "") for e in events) == "Paris is the capital."
        assert events[-1]["choices"][0]["finish_reason"] == "stop"
        assert all("usage" not in event for event in events)
        assert len({event["id"] for event in events}) == 1

    def test_a_stream_with_usage(self, client: httpx.Client) -> None:
        events = chunks(client.post(CHAT, json=asking(stream=True, stream_options={"include_usage": True})))
        assert events[-1]["choices"] == []
        assert events[-1]["usage"]["completion_tokens"] == 5

    def test_tokens_arrive_one_by_one(self, client: httpx.Client, engine: FakeEngine) -> None:
        engine.gate = threading.Semaphore(1)
        with client.stream("POST", CHAT, json=asking(stream=True)) as answer:
            lines = answer.iter_lines()
            got = next(line for line in lines if "Paris" in line)
            assert engine.generated == 1
            assert json.loads(got.removeprefix("data: "))["choices"][0]["delta"]["content"] == "Paris"
            engine.gate.release(10)
            assert any("[DONE]" in line for line in lines)


class TestLeaving:
    @pytest.fixture
    def stopped(self, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
        """Set when the server has noticed that the client is gone."""
        noticed = threading.Event()
        stop = Pump.stop

        def stop_and_tell(pump: Pump[Any]) -> None:
            stop(pump)
            noticed.set()

        monkeypatch.setattr(Pump, "stop", stop_and_tell)
        return noticed

    @pytest.mark.parametrize("stream", [True, False])
    def test_a_client_that_leaves_stops_the_answer_within_a_token(
        self, listener: Listener, engine: FakeEngine, stopped: threading.Event, stream: bool
    ) -> None:
        engine.replies.append("second")
        engine.gate = threading.Semaphore(2)
        connection = http.client.HTTPConnection("127.0.0.1", listener.port)
        body = json.dumps(asking(stream=stream))
        connection.request("POST", CHAT, body, {"Content-Type": "application/json"})
        until(lambda: engine.generated == 2)
        connection.close()
        assert stopped.wait(20)
        engine.gate.release(10)
        until(lambda: bool(engine.cancelled))
        assert engine.generated == 3
        answer = httpx.post(listener.url + CHAT, json=asking(), trust_env=False).json()
        assert answer["choices"][0]["message"]["content"] == "second"


class TestModels:
    def test_the_list_has_chat_models_with_the_loaded_ones_first(self, client: httpx.Client) -> None:
        client.post(CHAT, json=asking(model="fake-chat@nf4"))
        names = [model["id"] for model in client.get("/v1/models").json()["data"]]
        assert names == ["fake-chat@nf4", "fake-chat"]

    def test_a_level_can_be_asked_for(self, client: httpx.Client, pool: FakePool) -> None:
        assert client.post(CHAT, json=asking(model="fake-chat@int8")).json()["model"] == "fake-chat@int8"
        assert pool.loads == ["fake-chat@int8"]

    def test_without_a_level_the_loaded_one_is_used(self, client: httpx.Client, pool: FakePool) -> None:
        client.post(CHAT, json=asking(model="fake-chat@nf4"))
        client.post(CHAT, json=asking())
        assert pool.loads == ["fake-chat@nf4"]

    def test_without_a_model_the_last_used_one_answers(self, client: httpx.Client) -> None:
        missing = client.post(CHAT, json={"messages": asking()["messages"]})
        assert missing.status_code == 503
        assert missing.json()["error"]["code"] == "no_model_loaded"
        client.post(CHAT, json=asking(model="fake-chat@nf4"))
        assert client.post(CHAT, json={"messages": asking()["messages"]}).json()["model"] == "fake-chat@nf4"


class TestRefusals:
    @pytest.mark.parametrize(
        ("sent", "status", "param"),
        [
            ({"messages": []}, 400, "messages"),
            ({}, 400, "messages"),
            ({"messages": [{"role": "wizard", "content": "x"}]}, 400, "messages.0.role"),
            (asking(temperature=3), 400, "temperature"),
            (asking(top_p=-1), 400, "top_p"),
            (asking(max_tokens=0), 400, "max_tokens"),
            (asking(n=2), 400, "n"),
            (asking(tools=[{"type": "function"}]), 400, "tools"),
            (asking(model="nobody"), 404, None),
            (asking(model="fake-embedder"), 400, None),
            (asking(model="fake-chat@int3"), 400, None),
            (asking("word " * 3000), 400, None),
        ],
    )
    @pytest.mark.parametrize("stream", [False, True])
    def test_each_has_a_status_and_openais_shape(
        self, client: httpx.Client, sent: dict[str, Any], status: int, param: str | None, stream: bool
    ) -> None:
        answer = client.post(CHAT, json=sent | {"stream": stream})
        assert answer.status_code == status
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["type"] == "invalid_request_error"
        assert error["param"] == param

    def test_no_json(self, client: httpx.Client) -> None:
        assert client.post(CHAT, content="{", headers={"content-type": "application/json"}).status_code == 400
        assert client.post(CHAT, content="{}", headers={"content-type": "text/plain"}).status_code == 415

    def test_a_model_that_does_not_fit(self, client: httpx.Client, pool: FakePool) -> None:
        pool.refuse["fake-chat"] = DoesNotFit(
            model="fake-chat", level="full", needed=9, available=1, device="cpu", listing=["other@full"]
        )
        answer = client.post(CHAT, json=asking())
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "insufficient_memory"
        assert "other@full" in answer.json()["error"]["message"]

    def test_a_worker_that_dies_in_the_middle_of_a_stream(
        self, client: httpx.Client, engine: FakeEngine
    ) -> None:
        engine.replies.clear()
        engine.replies.append(["Paris", WorkerDied(model="fake-chat", detail="signal 9")])
        text = client.post(CHAT, json=asking(stream=True)).text
        assert "Paris" in text
        last = json.loads(text.strip().splitlines()[-1].removeprefix("data: "))
        assert last["error"]["type"] == "server_error"
        assert client.post(CHAT, json=asking()).status_code == 200


class TestGuards:
    def test_health_says_what_is_loaded(self, client: httpx.Client) -> None:
        client.post(CHAT, json=asking())
        health = client.get("/health").json()
        assert health["status"] == "ok"
        assert [(model["id"], model["level"]) for model in health["models"]] == [("fake-chat", "full")]

    def test_no_page_describes_the_routes(self, client: httpx.Client) -> None:
        for path in ("/docs", "/redoc", "/openapi.json"):
            assert client.get(path).status_code == 404

    @pytest.mark.parametrize(
        "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:80"]
    )
    def test_a_foreign_name_for_this_computer_is_refused(self, client: httpx.Client, host: str) -> None:
        assert client.get("/health", headers={"host": host}).status_code == 403

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1:7860", "[::1]:7860", "studio.localhost"])
    def test_the_names_of_this_computer_are_not(self, client: httpx.Client, host: str) -> None:
        assert client.get("/health", headers={"host": host}).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
    )
    def test_another_site_cannot_ask(self, client: httpx.Client, headers: dict[str, str]) -> None:
        assert client.post(CHAT, json=asking(), headers=headers).status_code == 403

    def test_the_own_page_can(self, client: httpx.Client, listener: Listener) -> None:
        headers = {"origin": listener.url, "sec-fetch-site": "same-origin"}
        assert client.post(CHAT, json=asking(), headers=headers).status_code == 200

    def test_browsers_load_nothing_from_elsewhere(self, client: httpx.Client) -> None:
        for path in ("/health", "/nothing"):
            policy = client.get(path).headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "http" not in policy


class TestCommands:
    def command(self, client: httpx.Client, token: str = TOKEN, **body: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return client.post("/internal/command", json=body, headers=headers)

    def test_a_command_with_the_token(self, client: httpx.Client) -> None:
        answer = self.command(client, command="models list")
        outcome = json.loads(answer.text.strip().splitlines()[-1])["outcome"]
        assert outcome["exit_code"] == 0
        assert [model["id"] for model in outcome["value"]] == ["fake-chat", "fake-embedder"]

    @pytest.mark.parametrize("token", ["x", "wrong", TOKEN + "x"])
    def test_nobody_else_finds_the_door(self, client: httpx.Client, token: str) -> None:
        assert self.command(client, token, command="models list").status_code == 404
        assert client.post("/internal/command", json={"command": "models list"}).status_code == 404

    def test_an_unknown_command(self, client: httpx.Client) -> None:
        assert self.command(client, command="kb burn").status_code == 400

    def test_what_the_command_says_comes_before_its_outcome(self, client: httpx.Client) -> None:
        body = {"question": "Hello?", "max_tokens": 3, "temperature": 0}
        answer = self.command(client, command="ask", arguments=body | {"model": "fake-chat"})
        lines = [json.loads(line) for line in answer.text.splitlines() if line.strip()]
        assert "".join(line.get("token", "") for line in lines) == "Paris is the"
        assert lines[-1]["outcome"]["value"]["usage"]["completion_tokens"] == 3

    def test_leaving_cancels(self, listener: Listener, engine: FakeEngine, studio: Studio) -> None:
        engine.gate = threading.Semaphore(1)
        body = {"command": "ask", "arguments": {"question": "Hello?", "model": "fake-chat"}}
        headers = {"authorization": f"Bearer {TOKEN}"}
        with httpx.stream("POST", f"{listener.url}/internal/command", json=body, headers=headers) as answer:
            assert any("token" in line for line in answer.iter_lines())
        until(lambda: bool(engine.cancelled))
        until(lambda: studio.chat.all() == [])
        assert engine.generated <= 2


class TestPassword:
    @pytest.fixture
    def guarded(self, studio: Studio) -> Iterator[httpx.Client]:
        app = create_app(studio, TOKEN)

        @app.get("/page")
        def page() -> str:
            return "page"

        listening = Listener(PasswordGate(app, "me", "pass:word", own_token=TOKEN))
        with httpx.Client(base_url=listening.url, trust_env=False) as client:
            yield client
        listening.close()

    def test_everything_needs_it(self, guarded: httpx.Client) -> None:
        for path in ("/page", "/v1/models", "/en/gradio_api/queue/data", "/nothing"):
            refused = guarded.get(path)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Basic")
        assert guarded.post(CHAT, json=asking()).json()["error"]["code"] == "invalid_api_key"

    def test_a_browser_logs_in(self, guarded: httpx.Client) -> None:
        assert guarded.get("/page", auth=("me", "pass:word")).status_code == 200
        for user, password in (("me", "pass"), ("you", "pass:word"), ("", "")):
            assert guarded.get("/page", auth=(user, password)).status_code == 401

    def test_a_program_sends_the_password_as_its_key(self, guarded: httpx.Client) -> None:
        bearer = {"authorization": "Bearer pass:word"}
        assert guarded.post(CHAT, json=asking(), headers=bearer).status_code == 200

    def test_health_without_it_says_only_that_it_runs(self, guarded: httpx.Client) -> None:
        assert guarded.get("/health").json() == {"status": "ok"}
        assert "version" in guarded.get("/health", auth=("me", "pass:word")).json()

    def test_commands_of_the_owner_pass_with_their_own_secret(self, guarded: httpx.Client) -> None:
        headers = {"authorization": f"Bearer {TOKEN}"}
        body = {"command": "models list"}
        assert guarded.post("/internal/command", json=body, headers=headers).status_code == 200

    def test_guessing_is_slowed_whoever_else_gets_in_and_locks_out_nobody_else(self, studio: Studio) -> None:
        gate = PasswordGate(create_app(studio, TOKEN), "me", "pass:word", own_token=TOKEN)

        def status(address: str, authorization: tuple[bytes, bytes]) -> int | None:
            scope = {"type": "http", "path": "/x", "client": (address, 1), "headers": [authorization]}
            refusal = gate._refusal(scope)
            return refusal.status_code if refusal else None

        right = (b"authorization", b"Bearer pass:word")
        wrong = (b"authorization", b"Bearer guess")
        guesses = []
        for _ in range(7):
            guesses.append(status("10.0.0.9", wrong))
            assert status("10.0.0.2", right) is None
        assert guesses[0] == 401 and guesses[-1] == 429
        assert status("10.0.0.9", (b"authorization", f"Bearer {TOKEN}".encode())) is None

    def test_guessing_is_slowed(self, guarded: httpx.Client) -> None:
        statuses = {guarded.get("/page", auth=("me", str(guess))).status_code for guess in range(7)}
        assert statuses == {401, 429}


def test_the_application_can_hold_pages() -> None:
    app = create_app(SimpleNamespace(), TOKEN)  # type: ignore[arg-type]
    assert isinstance(app, FastAPI)
