"""One process owns a data folder, and others find it."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from studio import owner
from studio.store import DataFolderUnusable

HOLDER = """
import sys, time
from pathlib import Path
from studio import owner
ownership = owner.take(Path(sys.argv[1]), sys.argv[2])
if sys.argv[2] == "serve":
    ownership.announce("http://127.0.0.1:1", "secret")
print("held", flush=True)
sys.stdin.read()
"""


def hold(data_dir: Path, command: str = "serve") -> subprocess.Popen[str]:
    """Another process that owns the folder until it is killed or its stdin closes."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(data_dir), command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_and_told_who_is_there(data_dir: Path) -> None:
    with hold(data_dir, "kb add") as process:
        with pytest.raises(owner.DataFolderInUse) as refused:
            owner.take(data_dir)
        assert str(process.pid) in refused.value.say("en")
        assert "kb add" in refused.value.say("zh")
        assert owner.running(data_dir) is None
        process.communicate()


def test_a_serving_studio_is_found_with_its_secret(data_dir: Path) -> None:
    with hold(data_dir) as process:
        found = owner.running(data_dir)
        assert found == owner.Address(process.pid, "serve", "http://127.0.0.1:1", "secret")
        process.communicate()


def test_a_killed_owner_leaves_the_folder_free_at_once(data_dir: Path) -> None:
    with hold(data_dir) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert (data_dir / owner.ADDRESS).exists()
    assert owner.running(data_dir) is None
    owner.take(data_dir).release()


def test_a_starting_studio_is_waited_for(data_dir: Path) -> None:
    ownership = owner.take(data_dir)
    announcing = threading.Timer(0.2, ownership.announce, args=("http://127.0.0.1:2", "token"))
    announcing.start()
    found = owner.running(data_dir)
    announcing.join()
    assert found is not None
    assert found.url == "http://127.0.0.1:2"
    ownership.release()


def test_the_secret_is_for_its_owner_alone(data_dir: Path) -> None:
    ownership = owner.take(data_dir)
    ownership.announce("http://127.0.0.1:3", "token")
    file = data_dir / owner.ADDRESS
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["token"] == "token"
    ownership.release()
    ownership.release()
    assert not file.exists()


def test_an_address_file_that_is_no_json_is_nobody(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / owner.ADDRESS).write_text("{")
    assert owner.running(data_dir) is None


def test_looking_does_not_keep_others_from_taking(data_dir: Path) -> None:
    data_dir.mkdir()
    looking = threading.Event()

    def look() -> None:
        while not looking.is_set():
            owner.running(data_dir)

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(20):
        owner.take(data_dir, "kb list").release()
    looking.set()
    thread.join()


def test_a_folder_that_cannot_be_made_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataFolderUnusable, match="--data-dir"):
        owner.take(tmp_path / "file" / "data")


def test_a_new_data_folder_is_its_owners_alone(tmp_path: Path) -> None:
    owner.take(tmp_path / "new").release()
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
