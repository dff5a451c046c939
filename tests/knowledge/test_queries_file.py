"""A file of questions has one per line, whatever characters a question has in it."""

import argparse
from pathlib import Path

from studio.cli.work import work_of


def test_a_question_keeps_the_separators_that_json_allows_in_it(tmp_path: Path) -> None:
    file = tmp_path / "queries.jsonl"
    questions = ["one\u2028two", "three\u0085four", "five\u2029six"]
    file.write_text("\r\n".join(f'{{"query": "{question}"}}' for question in questions), encoding="utf-8")
    parsed = argparse.Namespace(command="kb", action="search", name="papers", queries=str(file))
    assert work_of(parsed)[1]["queries"] == questions
