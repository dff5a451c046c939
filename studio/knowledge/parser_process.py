"""The program of the parser's process: reads requests from stdin, answers on stdout, both pickled.

`(path, name, kind, limit)` → any number of `("pages", done, total)`, then `("done", ParsedDocument)` or
`("failed", StudioError)`. Ends at the end of stdin, so it never outlives the studio.
"""

import contextlib
import os
import pickle
import sys
from pathlib import Path
from typing import Any, BinaryIO

from studio.knowledge.errors import ParserDied
from studio.knowledge.parse import parse
from studio.sentences import StudioError

# A document that needs more than this to be read is a trap, not a document.
_MOST_MEMORY = 4 * 1024**3


def main() -> None:
    # What a library prints must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _limit_memory()
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        _send(answers, _answer(request, answers))


def _limit_memory() -> None:
    # Windows has no such limit.
    with contextlib.suppress(ImportError):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, hard))


def _answer(request: tuple[str, str, str, int], answers: BinaryIO) -> tuple[str, Any]:
    path, name, kind, limit = request
    try:
        pages = parse(
            Path(path), name, kind, limit, lambda done, total: _send(answers, ("pages", done, total))
        )
        return "done", pages
    except StudioError as error:
        return "failed", error
    except MemoryError:
        return "failed", ParserDied(file=name)


def _send(answers: BinaryIO, message: tuple[Any, ...]) -> None:
    pickle.dump(message, answers, protocol=pickle.HIGHEST_PROTOCOL)
    answers.flush()


if __name__ == "__main__":
    main()
