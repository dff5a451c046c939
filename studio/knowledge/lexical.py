"""The lexical index: one contentless FTS5 table for each knowledge base, ranked by BM25.

One table each, so that word statistics and speed do not depend on other knowledge bases. It keeps no text
(the chunks do): a row is removed by telling FTS5 its words again, so `words` must not change for stored rows;
when it does, a migration drops the tables and `rebuild` fills them.
"""

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Sequence

from studio.store import Store

# Scripts without spaces between words: overlapping pairs of characters find words of any length in them, a
# fifteenth of the cost of single characters beside pairs (DESIGN section 6).
_UNSPACED = "぀-ヿㇰ-ㇿ㐀-䶿一-鿿가-힣豈-﫿ก-๎ກ-ໍ\U00020000-\U0003ffff"
# \w leaves out the vowel signs of Indic and Arabic scripts, which would cut words in pieces.
_SIGNS = (
    "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
    "\u0f00-\u0fbc\u1000-\u109f\u1780-\u17d3"
)
_RUN = re.compile(
    f"(?P<unspaced>[{_UNSPACED}]+)|(?P<word>[^\\W_{_UNSPACED}](?:[^\\W_{_UNSPACED}]|[{_SIGNS}])*)"
)
_ACCENTS = re.compile("[\u0300-\u036f]")
_LATIN_ACCENTS = re.compile("[À-ɏḀ-ỿ]")
# A question is a few sentences; a pasted document would only make every chunk match.
_MOST_TERMS = 64


def _normalise(text: str) -> str:
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", text).casefold()
    if _LATIN_ACCENTS.search(text):
        text = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))
    return text


def words(text: str) -> str:
    """`text` as the words of the index, separated by spaces: words in lower case, CJK as pairs of characters.

    The last character of a CJK run also stands alone, so that a search for one character finds it by prefix.
    """
    terms: list[str] = []
    for run in _RUN.finditer(_normalise(text)):
        found = run.group()
        if run.lastgroup == "word":
            terms.append(found)
        else:
            terms.extend(_pairs(found))
            terms.append(found[-1])
    return " ".join(terms)


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)]


def match_expression(query: str) -> str:
    """The FTS5 query that finds chunks with any word of `query`; empty when it has none."""
    terms: dict[str, None] = {}
    for run in _RUN.finditer(_normalise(query)):
        found = run.group()
        if run.lastgroup == "word":
            terms[f'"{found}"'] = None
        elif len(found) == 1:
            terms[f'"{found}"*'] = None
        else:
            terms.update((f'"{pair}"', None) for pair in _pairs(found))
    return " OR ".join(list(terms)[:_MOST_TERMS])


def _table(knowledge_base: str) -> str:
    # Identifiers cannot be bound; ids are hexadecimal digits that we made ourselves.
    if not knowledge_base.isalnum():
        raise ValueError(f"not the id of a knowledge base: {knowledge_base!r}")
    return f"lexical_{knowledge_base}"


def create(connection: sqlite3.Connection, knowledge_base: str) -> None:
    """Make the empty index of a knowledge base."""
    # ascii: everything beyond ASCII counts as a letter, as `words` has already decided where words end.
    options = "words, content='', tokenize='porter ascii'"
    connection.execute(f"CREATE VIRTUAL TABLE {_table(knowledge_base)} USING fts5({options})")


def drop(connection: sqlite3.Connection, knowledge_base: str) -> None:
    """Remove the index of a knowledge base."""
    connection.execute(f"DROP TABLE IF EXISTS {_table(knowledge_base)}")


def add(connection: sqlite3.Connection, knowledge_base: str, rows: Iterable[tuple[int, str]]) -> None:
    """Index (chunk number, `words(text)`)."""
    connection.executemany(f"INSERT INTO {_table(knowledge_base)}(rowid, words) VALUES (?, ?)", rows)


def remove(connection: sqlite3.Connection, knowledge_base: str, rows: Iterable[tuple[int, str]]) -> None:
    """Take (chunk number, chunk text) out of the index."""
    table = _table(knowledge_base)
    connection.executemany(
        f"INSERT INTO {table}({table}, rowid, words) VALUES ('delete', ?, ?)",
        ((number, words(text)) for number, text in rows),
    )


def numbers(store: Store, knowledge_base: str) -> set[int]:
    """The chunk numbers in the index."""
    return {row[0] for row in store.rows(f"SELECT rowid FROM {_table(knowledge_base)}")}


def exists(store: Store, knowledge_base: str) -> bool:
    return bool(store.row("SELECT 1 FROM sqlite_master WHERE name = ?", (_table(knowledge_base),)))


def search(store: Store, knowledge_base: str, query: str, limit: int) -> list[tuple[int, float]]:
    """The best (chunk number, BM25, higher is better), at most `limit`; of equals the earlier first."""
    expression = match_expression(query)
    if not expression or limit < 1:
        return []
    table = _table(knowledge_base)
    found: Sequence[sqlite3.Row] = store.rows(
        f"SELECT rowid, rank FROM {table} WHERE {table} MATCH ? ORDER BY rank, rowid LIMIT ?",
        (expression, limit),
    )
    return [(row[0], -row[1]) for row in found]
