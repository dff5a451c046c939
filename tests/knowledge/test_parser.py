"""A document that crashes or hangs the parser costs that document only."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.knowledge.errors import FileEmpty, ParserDied, ParserTimedOut
from studio.knowledge.parser import Parser, ParsingStopped

PROGRAM = """
import os, pickle, signal, sys, time
while True:
    path, name, kind, limit = pickle.load(sys.stdin.buffer)
    if name == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "hang":
        time.sleep(60)
    pickle.dump(("done", name), sys.stdout.buffer)
    sys.stdout.buffer.flush()
"""


def proceed(done: int, total: int) -> bool:
    return True


@pytest.fixture
def odd_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parser:
    """A parser whose process crashes on `crash` and hangs on `hang`."""
    (tmp_path / "odd_program.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Parser(patience=2, program="odd_program")


def test_a_crash_and_a_hang_are_one_sentence_each_and_the_next_file_is_read(odd_parser: Parser) -> None:
    def parse(name: str) -> object:
        return odd_parser.parse(Path(name), name, "text", 1, proceed)

    assert parse("a") == "a"
    with pytest.raises(ParserDied):
        parse("crash")
    assert parse("b") == "b"
    with pytest.raises(ParserTimedOut):
        parse("hang")
    assert parse("c") == "c"
    odd_parser.close()
    assert odd_parser.pid is None


def test_a_parser_killed_from_outside_is_started_again(write: Callable[..., Path]) -> None:
    parser = Parser()
    path = write("a.txt", "words")
    assert parser.parse(path, "a.txt", "text", 100, proceed).pages[0].text == "words"
    assert parser.pid
    os.kill(parser.pid, signal.SIGKILL)
    assert parser.parse(path, "a.txt", "text", 100, proceed).pages[0].text == "words"
    parser.close()


def test_an_error_in_a_file_comes_back_as_itself(write: Callable[..., Path]) -> None:
    parser = Parser()
    with pytest.raises(FileEmpty):
        parser.parse(write("a.txt", ""), "a.txt", "text", 100, proceed)
    parser.close()


def test_a_long_document_can_be_stopped_between_pages(write: Callable[..., Path]) -> None:
    import made_documents

    parser = Parser()
    seen: list[int] = []

    def stop_at_two(done: int, total: int) -> bool:
        seen.append(done)
        return done < 2

    with pytest.raises(ParsingStopped):
        parser.parse(write("a.pdf", made_documents.pdf(["x"] * 50)), "a.pdf", "text", 10**6, stop_at_two)
    assert seen == [1, 2]
    assert parser.pid is None


def test_a_parser_that_is_ended_gives_a_hanging_document_up_at_once(odd_parser: Parser) -> None:
    odd_parser.parse(Path("a"), "a", "text", 1, proceed)
    ender = threading.Timer(0.2, odd_parser.end)
    ender.start()
    with pytest.raises(ParserDied):
        odd_parser.parse(Path("hang"), "hang", "text", 1, proceed)
    ender.join()
    assert odd_parser.pid is None


def test_a_document_whose_progress_cannot_be_told_leaves_nothing_for_the_next(
    write: Callable[..., Path],
) -> None:
    import made_documents

    def disk_full(done: int, total: int) -> bool:
        raise RuntimeError("disk full")

    parser = Parser()
    first, second = (write(f"{word}.pdf", made_documents.pdf([word] * 3)) for word in ("first", "second"))
    with pytest.raises(RuntimeError):
        parser.parse(first, "first.pdf", "text", 10**6, disk_full)
    parsed = parser.parse(second, "second.pdf", "text", 10**6, proceed)
    parser.close()
    assert {page.text.strip() for page in parsed.pages} == {"second"}
