"""The real command, in a process of its own."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from servers import ROOT, RunningStudio, running_studio

from studio import owner
from studio.cli import build_parser, language_of, main
from studio.cli.errors import NotANumber
from studio.cli.output import show
from studio.server.address import bind
from studio.server.errors import PortTaken

SAMPLES = ROOT / "assets/samples"
MODEL = "smollm2-135m-instruct"


def studio(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `studio …` over this test's data folder."""
    return subprocess.run(
        [sys.executable, "-m", "studio", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str], exit_code: int, *words: str) -> None:
    """Exit code, nothing on stdout, one line on stderr that holds `words`."""
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


class TestGrammar:
    def test_help_needs_no_library(self) -> None:
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "studio", "kb", "add", "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "PATH" in done.stdout
        for library in ("gradio", "fastapi", "pydantic", "numpy", "chromadb", "langchain"):
            assert f" {library}\n" not in done.stderr

    def test_help_speaks_chinese_too(self) -> None:
        assert "知识库" in studio("--help", LC_ALL="zh_CN.UTF-8").stdout
        assert "knowledge bases" in studio("--help").stdout

    def test_version(self) -> None:
        assert studio("--version").stdout == "studio 0.1.0\n"

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["burn"], ["burn"]),
            ([], ["COMMAND"]),
            (["kb"], ["COMMAND"]),
            (["kb", "add", "papers"], ["PATH", "kb add --help"]),
            (["ask"], ["QUESTION"]),
            (["compare", "x"], ["--contestant"]),
            (["ask", "x", "--temperature", "hot"], ["--temperature", "hot", "0 to 2"]),
            (["ask", "x", "--temperature", "2.1"], ["2.1"]),
            (["ask", "x", "--temperature", "nan"], ["nan"]),
            (["ask", "x", "--top-p", "-0.1"], ["--top-p", "0 to 1"]),
            (["ask", "x", "--max-tokens", "0"], ["--max-tokens", "1 or more"]),
            (["ask", "x", "--seed", "1.5"], ["--seed"]),
            (["serve", "--port", "70000"], ["--port", "65535"]),
            (["kb", "search", "papers"], ["--queries"]),
            (["kb", "search", "papers", "x", "--queries", "y"], ["--queries"]),
            (["kb", "search", "papers", "x", "--mode", "psychic"], ["psychic", "hybrid"]),
        ],
    )
    def test_unusable_arguments_are_one_sentence(self, arguments: list[str], words: list[str]) -> None:
        assert_one_sentence(studio(*arguments), 2, *words)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["ask"], "缺少参数 QUESTION"),
            (["burn"], "命令 不能是"),
            (["list", "--foo"], "不能是"),
            (["ask", "x", "--foo"], "无法识别的参数 --foo"),
            (["ask", "x", "--seed"], "--seed 后面缺少内容"),
            (["ask", "x", "--temperature", "9"], "0 到 2 之间的数字"),
        ],
    )
    def test_in_chinese(
        self,
        arguments: list[str],
        words: str,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("LANG", "zh_CN.UTF-8")
        assert main(arguments) == 2
        assert words in capsys.readouterr().err

    def test_zero_is_a_temperature_and_a_top_p(self) -> None:
        parsed = build_parser().parse_args(["ask", "x", "--temperature", "0", "--top-p", "0", "--seed", "0"])
        assert (parsed.temperature, parsed.top_p, parsed.seed) == (0, 0, 0)

    def test_infinity_is_no_temperature(self) -> None:
        with pytest.raises(NotANumber):
            build_parser().parse_args(["ask", "x", "--temperature", "inf"])

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--data-dir", "/x", "--json", "kb", "list"],
            ["kb", "--data-dir", "/x", "--json", "list"],
            ["kb", "list", "--data-dir", "/x", "--json"],
        ],
    )
    def test_the_data_folder_may_stand_anywhere(self, arguments: list[str]) -> None:
        parsed = build_parser().parse_args(arguments)
        assert (parsed.data_dir, parsed.json) == ("/x", True)

    @pytest.mark.parametrize(
        ("environment", "language"),
        [
            ({}, "en"),
            ({"LANG": "zh_TW.UTF-8"}, "zh"),
            ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
            ({"LANG": "en_GB.UTF-8", "LC_ALL": "zh_CN"}, "zh"),
        ],
    )
    def test_the_language_is_that_of_the_locale(self, environment: dict[str, str], language: str) -> None:
        assert language_of(environment) == language


class TestDataFolder:
    def test_one_that_cannot_be_written_to(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        done = studio("kb", "list", "--data-dir", str(tmp_path / "file" / "data"))
        assert_one_sentence(done, 2, "file/data", "--data-dir")

    @pytest.mark.parametrize("command", [["kb", "list"], ["serve", "--port", "0"]])
    def test_one_that_is_read_only(self, data_dir: Path, command: list[str]) -> None:
        # A folder in the place of the lock file is refused for root as well, whom file modes do not stop.
        (data_dir / owner.LOCK).mkdir(parents=True)
        assert_one_sentence(studio(*command), 2, str(data_dir), "--data-dir")

    def test_one_of_a_newer_version(self, data_dir: Path) -> None:
        data_dir.mkdir()
        connection = sqlite3.connect(data_dir / "studio.sqlite")
        connection.execute("PRAGMA user_version = 999")
        connection.close()
        assert_one_sentence(studio("kb", "list"), 2, "newer version")

    def test_one_in_use(self, data_dir: Path) -> None:
        ownership = owner.take(data_dir, "kb add")
        assert_one_sentence(studio("kb", "list"), 1, "kb add", str(os.getpid()))
        ownership.release()

    @pytest.mark.parametrize(("text", "words"), [("port = 'x'", ["port"]), ("port = ", ["settings.toml"])])
    def test_settings_that_cannot_be_used(self, data_dir: Path, text: str, words: list[str]) -> None:
        data_dir.mkdir()
        (data_dir / "settings.toml").write_text(text)
        assert_one_sentence(studio("kb", "list"), 2, *words)


class TestAlone:
    """Without a running studio: the command owns the data folder itself."""

    def test_json_stands_alone_on_stdout(self) -> None:
        made = json.loads(studio("kb", "create", "论文", "--json").stdout)
        assert made["name"] == "论文"
        assert [base["name"] for base in json.loads(studio("kb", "list", "--json").stdout)] == ["论文"]
        assert "论文" in studio("kb", "list").stdout
        assert json.loads(studio("kb", "verify", "论文", "--json").stdout)["agree"] is True
        assert studio("kb", "delete", "论文").returncode == 0
        assert json.loads(studio("kb", "list", "--json").stdout) == []

    def test_bad_files_are_named_and_the_exit_code_is_1(self, tmp_path: Path) -> None:
        folder = tmp_path / "papers"
        folder.mkdir()
        (folder / "empty.pdf").touch()
        (folder / "broken.docx").write_bytes(b"PK\x03\x04 no archive")
        studio("kb", "create", "papers")
        done = studio("kb", "add", "papers", str(folder), str(folder / "gone.pdf"), "--json")
        assert done.returncode == 1
        value = json.loads(done.stdout)
        assert set(value) == {"files", "chunks", "seconds"}
        assert {Path(file["path"]).name for file in value["files"]} == {
            "empty.pdf",
            "broken.docx",
            "gone.pdf",
        }
        for file in value["files"]:
            assert set(file) == {"path", "status", "pages", "chunks", "seconds", "error"}
            assert file["status"] == "failed"
            assert file["error"]
            assert Path(file["path"]).name in done.stderr

    def test_an_estimate(self) -> None:
        value = json.loads(
            studio("models", "estimate", MODEL, "--level", "nf4", "--context", "512", "--json").stdout
        )
        assert set(value) == {
            "weights_bytes",
            "kv_cache_bytes",
            "overhead_bytes",
            "total_bytes",
            "available_bytes",
            "fit",
            "reason",
        }
        assert value["total_bytes"] == sum(
            value[f"{part}_bytes"] for part in ("weights", "kv_cache", "overhead")
        )

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["models", "estimate", "smollm2-135m"], [MODEL]),
            (["models", "check", MODEL, "--level", "int3"], ["int3", "nf4"]),
            (["models", "check", "all-minilm-l6-v2", "--level", "nf4"], ["full"]),
            (["ask", "x", "--model", "all-minilm-l6-v2"], ["chat model"]),
            (["ask", " "], ["question"]),
            (["ask", "x", "--kb", "nothing"], ["nothing"]),
            (["kb", "search", "nothing", "x"], ["nothing"]),
            (["compare", "x", "--contestant", MODEL], ["MODEL@LEVEL"]),
        ],
    )
    def test_what_is_not_there_is_one_sentence(self, arguments: list[str], words: list[str]) -> None:
        assert_one_sentence(studio(*arguments), 2, *words)

    @pytest.mark.parametrize(
        ("content", "words"),
        [("{", ["1"]), ('{"query": "a"}\n{"question": "b"}', ["2"]), ('{"query": 3}', ["1"])],
    )
    def test_a_file_of_queries_with_a_bad_line(self, tmp_path: Path, content: str, words: list[str]) -> None:
        file = tmp_path / "queries.jsonl"
        file.write_text(content)
        done = studio("kb", "search", "papers", "--queries", str(file))
        assert_one_sentence(done, 2, "queries.jsonl", *words)

    def test_a_model_folder_without_weights(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(
            '{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}'
        )
        done = studio("models", "add", str(tmp_path))
        assert done.returncode == 1
        assert "safetensors" in done.stderr

    def test_without_a_network_a_hub_id_is_refused_in_a_sentence(self, free_port: int) -> None:
        done = studio("models", "add", "owner/name", HF_ENDPOINT=f"http://127.0.0.1:{free_port}")
        assert done.returncode == 1
        assert len(done.stderr.strip().splitlines()) == 1
        assert "owner/name" in done.stderr or "127.0.0.1" in done.stderr

    def test_a_failure_is_in_the_json_too(self, tmp_path: Path) -> None:
        done = studio("models", "add", str(tmp_path), "--json")
        assert done.returncode == 1
        assert set(json.loads(done.stdout)["error"]) == {"code", "message"}


class TestServe:
    def test_a_port_that_is_taken(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            assert_one_sentence(studio("serve", "--port", str(port)), 2, str(port), "--port")
            assert_one_sentence(studio("serve", STUDIO_PORT=str(port)), 2, str(port))

    def test_the_usual_port_gives_way_to_the_next_free_one(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = other.getsockname()[1]
            with bind("127.0.0.1", taken, explicit=False) as found:
                assert found.getsockname()[1] > taken
            with pytest.raises(PortTaken):
                bind("127.0.0.1", taken, explicit=True)

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
    def test_other_computers_need_a_password(self, host: str) -> None:
        assert_one_sentence(studio("serve", "--host", host), 2, host, "--auth")

    @pytest.mark.parametrize("auth", ["", "user", "user:", ":password"])
    def test_half_a_login(self, auth: str) -> None:
        assert_one_sentence(studio("serve", "--auth", auth), 2, "--auth USER:PASSWORD")

    def test_an_address_that_is_not_ours(self) -> None:
        assert_one_sentence(studio("serve", "--host", "192.0.2.1", "--auth", "a:b"), 2, "192.0.2.1")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """One real studio for all tests below."""
    with running_studio(
        tmp_path_factory.mktemp("running") / "data", environment={"LANG": "C.UTF-8"}
    ) as found:
        yield found


@pytest.fixture(scope="module")
def samples(running: RunningStudio) -> Any:
    """A knowledge base of the two sample documents; what adding them said."""
    running.json("kb", "create", "samples")
    return running.json("kb", "add", "samples", *(str(path) for path in sample_files()))


def sample_files() -> list[Path]:
    return sorted([*SAMPLES.glob("*.pdf"), *SAMPLES.glob("*.docx")])


class TestRunning:
    """Forwarded to a running studio, with the real starters."""

    def test_a_second_studio_points_to_the_first(self, running: RunningStudio) -> None:
        done = running.command("serve", "--port", "0")
        assert_one_sentence(done, 1, running.url)

    def test_documents_in(self, samples: Any, running: RunningStudio) -> None:
        assert [file["status"] for file in samples["files"]] == ["indexed", "indexed"]
        assert samples["chunks"] == sum(file["chunks"] for file in samples["files"]) > 0
        again = running.json("kb", "add", "samples", *(str(path) for path in sample_files()))
        assert [file["status"] for file in again["files"]] == ["unchanged", "unchanged"]
        verified = running.json("kb", "verify", "samples")
        assert verified["agree"] is True
        assert verified["chunks"] == verified["lexical"] == verified["vectors"] == samples["chunks"]

    def test_relative_paths_are_those_of_the_caller(self, running: RunningStudio, tmp_path: Path) -> None:
        (tmp_path / "note.md").write_text("# Otters\n\nOtters hold hands while they sleep.\n")
        running.json("kb", "create", "notes")
        command = [
            sys.executable,
            "-m",
            "studio",
            "kb",
            "add",
            "notes",
            "note.md",
            "--data-dir",
            str(running.data_dir),
        ]
        environment = {**running.environment, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert running.json("kb", "remove", "notes", "note.md")["chunks"] == 1
        assert running.json("kb", "delete", "notes")["documents"] == 0

    def test_evidence_out(self, samples: Any, running: RunningStudio, tmp_path: Path) -> None:
        questions = json.loads((SAMPLES / "questions.json").read_text(encoding="utf-8"))
        file = tmp_path / "queries.jsonl"
        file.write_text("\n".join(json.dumps({"query": each["question"]}) for each in questions))
        found = running.json("kb", "search", "samples", "--queries", str(file), "--k", "3")
        assert [result["query"] for result in found] == [each["question"] for each in questions]
        for result, expected in zip(found, questions, strict=True):
            assert set(result) == {"query", "seconds", "hits"}
            assert 1 <= len(result["hits"]) <= 3
            assert set(result["hits"][0]) == {"chunk_id", "document", "page", "score", "text", "start", "end"}
            assert expected["document"] in {hit["document"] for hit in result["hits"]}
        one = running.json("kb", "search", "samples", questions[0]["question"], "--mode", "lexical")
        assert one[0]["hits"][0]["document"] == questions[0]["document"]

    def test_a_cited_answer(self, samples: Any, running: RunningStudio) -> None:
        question = "How many turns of the handwheel does it take to close the sluice gate?"
        options = ["--kb", "samples", "--temperature", "0", "--top-p", "0", "--max-tokens", "24"]
        answer = running.json("ask", question, *options)
        assert answer["answer"]
        assert answer["usage"]["completion_tokens"] <= 24
        assert any(each["page"] == 4 for each in answer["evidence"])
        for citation in answer["citations"]:
            assert set(citation) == {"n", "document", "page", "chunk_id", "text"}
        again = running.json("ask", question, *options)
        assert again["answer"] == answer["answer"]

    def test_a_comparison(self, running: RunningStudio) -> None:
        contestants = ["--contestant", f"{MODEL}@full", "--contestant", "nobody@full"]
        done = running.command("compare", "Say hello.", *contestants, "--max-tokens", "4", "--json")
        assert done.returncode == 1
        first, second = json.loads(done.stdout)
        assert (first["contestant"], first["error"]) == (f"{MODEL}@full", None)
        assert first["answer"]
        assert first["peak_bytes"] > 0
        assert "nobody" in second["error"]

    def test_a_check_of_a_level(self, running: RunningStudio) -> None:
        value = running.json("models", "check", MODEL, "--level", "nf4")
        assert value["measured_bytes"] > 0
        assert value["after_unload_bytes"] == 0
        assert value["tokens_per_second"] > 0
        loaded = httpx.get(f"{running.url}/health", trust_env=False).json()["models"]
        assert f"{MODEL}@nf4" not in {f"{model['id']}@{model['level']}" for model in loaded}

    def test_a_folder_as_a_model(self, running: RunningStudio) -> None:
        listed = {model["id"]: model for model in running.json("models", "list")}
        assert set(listed[MODEL]) == {
            "id",
            "name",
            "family",
            "kind",
            "parameters",
            "context_length",
            "languages",
            "licence",
            "source",
            "installed",
            "levels",
        }
        folder = running.data_dir / "models" / MODEL
        added = running.json("models", "add", str(folder))
        assert added["kind"] == "chat"
        assert running.json("models", "remove", added["id"])["id"] == added["id"]
        assert added["id"] not in {
            model["id"] for model in running.json("models", "list") if model["id"] != MODEL
        }

    def test_interrupting_a_question_frees_the_model(self, running: RunningStudio) -> None:
        asked = subprocess.Popen(
            [
                *(sys.executable, "-m", "studio", "ask", "Write a very long story about the sea."),
                *("--max-tokens", "4000", "--data-dir", str(running.data_dir)),
            ],
            cwd=ROOT,
            env=dict(running.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for(lambda: busy_seconds(running) > 0, "the worker computes")
        asked.send_signal(signal.SIGINT)
        _, errors = asked.communicate(timeout=60)
        assert asked.returncode == 1
        assert "Cancelled" in errors
        assert "Traceback" not in errors
        wait_for(lambda: busy_seconds(running) == 0, "the worker rests")

    def test_other_programs_use_the_same_model(self, running: RunningStudio) -> None:
        sent = {"messages": [{"role": "user", "content": "Say hello."}], "temperature": 0, "max_tokens": 4}
        with httpx.Client(base_url=running.url, trust_env=False, timeout=120) as client:
            sent["model"] = MODEL
            whole = client.post("/v1/chat/completions", json=sent).json()
            stream = client.post("/v1/chat/completions", json=sent | {"stream": True}).text
        pieces = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
        text = "".join(piece["choices"][0]["delta"].get("content", "") for piece in pieces)
        assert text == whole["choices"][0]["message"]["content"]
        assert whole["usage"]["completion_tokens"] <= 4


def wait_for(reached: Any, what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


def busy_seconds(running: RunningStudio) -> float:
    """Processor time that the studio's workers used in a moment."""

    def used() -> float:
        times = [child.cpu_times() for child in psutil.Process(running.pid).children(recursive=True)]
        return sum(each.user + each.system for each in times)

    before = used()
    time.sleep(0.5)
    return max(used() - before - 0.02, 0)


class TestEnd:
    def test_told_to_end_it_leaves_nothing_behind(self, tmp_path: Path) -> None:
        with running_studio(tmp_path / "data") as running:
            process = psutil.Process(running.pid)
            wait_for(lambda: process.children(recursive=True), "a spare worker")
            children = process.children(recursive=True)
            with httpx.stream("GET", f"{running.url}/en/gradio_api/heartbeat/x", trust_env=False) as stream:
                next(stream.iter_raw())
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=20)
            _, alive = psutil.wait_procs(children, timeout=10)
            assert alive == []
            assert not (running.data_dir / owner.ADDRESS).exists()
            log = running.log.read_text()
            assert "Traceback" not in log
            assert running.url in log

    def test_killed_its_workers_end_and_the_folder_is_free(self, tmp_path: Path) -> None:
        with running_studio(tmp_path / "data") as running:
            process = psutil.Process(running.pid)
            wait_for(lambda: process.children(recursive=True), "a spare worker")
            children = process.children(recursive=True)
            process.kill()
            process.wait(timeout=20)
            _, alive = psutil.wait_procs(children, timeout=20)
            assert alive == []
            assert studio("kb", "list", "--data-dir", str(running.data_dir)).returncode == 0

    def test_behind_a_password_pages_and_commands(self, tmp_path: Path) -> None:
        with running_studio(tmp_path / "data", "--auth", "me:secret") as running:
            assert running.json("kb", "list") == []
            with httpx.Client(base_url=running.url, trust_env=False) as client:
                for path in ("/", "/en/", "/en/config", "/en/gradio_api/info", "/v1/models"):
                    assert client.get(path).status_code == 401
                assert client.get("/en/", auth=("me", "secret")).status_code == 200


class TestOutput:
    def test_tables_keep_their_columns_in_chinese(self, capsys: pytest.CaptureFixture[str]) -> None:
        rows = [
            {"name": name, "documents": 1, "chunks": 2, "bytes": 3000, "embedder": "e"}
            for name in ("论文", "papers")
        ]
        show("kb list", rows, sys.stdout, "zh")
        first, second = capsys.readouterr().out.splitlines()[1:]
        assert first == "论文    1     2       3 kB  e"
        assert second == "papers  1     2       3 kB  e"


class TestInterrupting:
    def test_a_command_of_its_own_is_cancelled_and_says_what_is_left(
        self, tmp_path: Path, data_dir: Path
    ) -> None:
        folder = tmp_path / "books"
        folder.mkdir()
        for number in range(40):
            (folder / f"{number}.txt").write_text(f"Chapter {number}.\n\n" + "The sea was calm. " * 400)
        studio("kb", "create", "books")
        adding = subprocess.Popen(
            [sys.executable, "-m", "studio", "kb", "add", "books", str(folder), "--json"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert adding.stderr is not None
        assert "reading" in adding.stderr.readline()
        adding.send_signal(signal.SIGINT)
        output, errors = adding.communicate(timeout=120)
        assert adding.returncode == 1
        assert "Traceback" not in errors
        files = json.loads(output)["files"]
        assert {file["status"] for file in files} <= {"indexed", "cancelled"}
        assert any(file["status"] == "cancelled" for file in files)
        assert json.loads(studio("kb", "verify", "books", "--json").stdout)["agree"] is True
