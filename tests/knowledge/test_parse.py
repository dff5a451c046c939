"""Files become clean text with pages and headings, or one sentence that says what is wrong with them."""

import codecs
from collections.abc import Callable
from pathlib import Path

import made_documents
import pytest

from studio.knowledge import errors
from studio.knowledge.parse import parse
from studio.knowledge.parsed import ParsedDocument
from studio.sentences import StudioError

LIMIT = 5_000_000
Write = Callable[..., Path]

CHINESE = "今天天气很好，我们去公园散步。"
TRADITIONAL = "今天天氣很好，我們去公園散步。"


def read(path: Path, kind: str = "text") -> ParsedDocument:
    return parse(path, path.name, kind, LIMIT, lambda done, total: None)


def text_of(path: Path) -> str:
    return "\n".join(page.text for page in read(path).pages)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "utf-8"), (CHINESE, "utf-8-sig"), (CHINESE, "utf-16"), (CHINESE, "gbk"),
        (CHINESE, "gb18030"),
        ("你好", "gbk"), ("中文", "gbk"), ("Version 2 的说明", "gbk"), (TRADITIONAL, "big5"),
        ("plain ASCII", "ascii"),
        ("Der Käse ist schön und größer als früher.", "cp1252"),
        ("Voilà un café très agréable à côté.", "latin-1"),
        ("Это обычный русский текст о погоде.", "cp1251"),
        ("これは日本語の文章です。とても良い。", "shift_jis"),
    ],
)  # fmt: skip
def test_text_is_read_in_its_own_encoding(write: Write, text: str, encoding: str) -> None:
    assert text_of(write("note.txt", text.encode(encoding))) == text


def test_utf16_without_a_mark_is_recognised(write: Write) -> None:
    assert text_of(write("note.txt", "Some words\nand more".encode("utf-16-le"))) == "Some words\nand more"


def test_text_is_kept_exactly_so_that_places_point_into_the_file(write: Write) -> None:
    text = "Zeile eins\r\n\r\n  ﬁn \ttab\n"
    assert text_of(write("note.txt", text)) == text


def test_long_text_comes_in_stretches_that_make_the_whole(write: Write) -> None:
    text = "A sentence of some words.\n\n" * 100_000
    pages = read(write("long.txt", text)).pages
    assert len(pages) > 1
    assert "".join(page.text for page in pages) == text


def test_markdown_headings_give_the_path_but_not_those_in_code(write: Write) -> None:
    text = "# One\ntext\n## Two\n```\n# no heading\n```\n# Three\n"
    [page] = read(write("note.md", text)).pages
    assert [heading.path for heading in page.headings] == ["One", "One › Two", "Three"]
    assert page.text[page.headings[1].start :].startswith("## Two")


def test_pdf_pages_have_their_numbers_and_whole_words(write: Write) -> None:
    first = (
        "We describe a simple method for the evalu-\nation of large language models in practice and show\n"
        "that it works. We also show a state-of-the-\nart result, and state-of-the-art is what we say."
    )
    document = read(write("paper.pdf", made_documents.pdf([first, "Second page."])))
    assert [page.number for page in document.pages] == [1, 2]
    assert "evaluation of large language models in practice and show that it works" in document.pages[0].text
    assert document.pages[1].text == "Second page."


def test_chinese_pdf_lines_are_joined_without_spaces(write: Write) -> None:
    document = read(
        write("zh.pdf", made_documents.pdf(["国旗的通用尺度为国旗制法说明\n中所列明的五种尺度。"]))
    )
    assert document.pages[0].text == "国旗的通用尺度为国旗制法说明中所列明的五种尺度。"


def test_pdf_bookmarks_become_headings(write: Write) -> None:
    content = made_documents.pdf(
        ["1 Start\nwords here", "goes on", "2 Finish\nthe end"], ["Start", "", "Finish"]
    )
    document = read(write("paper.pdf", content))
    assert document.pages[0].headings[0].path == "Start"
    assert document.pages[1].heading == "Start"
    assert document.pages[2].headings[-1].path == "Finish"


def test_pages_without_text_are_counted_beside_the_others(write: Write) -> None:
    assert read(write("mixed.pdf", made_documents.pdf(["words", "", "more"]))).empty_pages == [2]


def test_word_keeps_order_headings_and_tables(write: Write) -> None:
    content = made_documents.word(
        ("Heading 1", "Rules"), ("Normal", "First."), [["Name", "Age" ], ["Ann", "7" ]],
        ("Heading 2", "More"),
        ("Normal", "Last."),
    )  # fmt: skip
    [page] = read(write("rules.docx", content)).pages
    assert page.number is None
    assert page.text.split("\n\n") == ["Rules", "First.", "Name | Age", "Ann | 7", "More", "Last."]
    assert [(page.text[heading.start :][:4], heading.path) for heading in page.headings] == [
        ("Rule", "Rules"),
        ("More", "Rules › More"),
    ]


def test_chinese_chapters_are_headings_in_word(write: Write) -> None:
    content = made_documents.word(
        ("Normal", "第一章 总则"), ("Normal", "第一条 为了维护国旗的尊严，制定本法。")
    )
    [page] = read(write("law.docx", content)).pages
    assert [heading.path for heading in page.headings] == ["第一章 总则"]


def test_questions_and_answers_are_read_from_csv(write: Write) -> None:
    path = write("faq.csv", 'id,Question,Answer\n1,Why?,"Because, of it"\n2,,nothing asked\n')
    [page] = read(path, "qa").pages
    assert page.text == "Why?\nBecause, of it"
    assert [page.text[pair.start : pair.question_end] for pair in page.pairs] == ["Why?"]


def broken_files() -> dict[str, tuple[str, bytes, type[StudioError]]]:
    whole = made_documents.pdf(["Some text on a page"] * 5)
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    return {
        "empty": ("a.pdf", b"", errors.FileEmpty),
        "only blanks": ("a.txt", b" \n ", errors.FileEmpty),
        "truncated pdf": ("a.pdf", whole[: len(whole) // 2], errors.PdfDamaged),
        "pdf with a header only": ("a.pdf", b"%PDF-1.7\n%%EOF", errors.PdfDamaged),
        "encrypted pdf": ("a.pdf", made_documents.encrypted_pdf("secret"), errors.FileEncrypted),
        "pdf without text": ("a.pdf", made_documents.pdf(["", ""]), errors.PdfWithoutText),
        "pdf named docx": ("a.docx", whole, errors.WronglyNamed),
        "pdf named txt": ("a.txt", whole, errors.WronglyNamed),
        "word named pdf": ("a.pdf", made_documents.word(("Normal", "x")), errors.WronglyNamed),
        "text named pdf": ("a.pdf", b"just words", errors.WronglyNamed),
        "chinese text named pdf": ("a.pdf", (CHINESE * 200).encode("gbk"), errors.WronglyNamed),
        "text named docx": ("a.docx", b"just words", errors.WronglyNamed),
        "noise named pdf": ("a.pdf", bytes(range(256)) * 20, errors.NotAPdf),
        "zip named docx": ("a.docx", made_documents.archive({"x.txt": b"x"}), errors.NotAWordFile),
        "cut off word file": ("a.docx", made_documents.word(("Normal", "x"))[:3000], errors.WordDamaged),
        "word without parts": (
            "a.docx",
            made_documents.archive({"word/document.xml": b"<x/>"}),
            errors.WordDamaged,
        ),
        "word without text": ("a.docx", made_documents.word(), errors.WordWithoutText),
        "word with a bomb": (
            "a.docx",
            made_documents.archive({"word/document.xml": b"0" * 6_000_000}),
            errors.FileTooLarge,
        ),
        "old word": ("a.doc", ole, errors.OldWordFormat),
        "encrypted word": ("a.docx", ole + "EncryptedPackage".encode("utf-16-le"), errors.FileEncrypted),
        "noise named txt": ("a.txt", bytes(range(256)) * 20, errors.NotText),
        "spreadsheet": (
            "a.xlsx",
            made_documents.archive({"xl/workbook.xml": b"<x/>"}),
            errors.UnsupportedFormat,
        ),
        "picture": ("a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, errors.UnsupportedFormat),
        "utf-16 text named pdf": (
            "a.pdf",
            codecs.BOM_UTF16_LE + "words".encode("utf-16-le"),
            errors.WronglyNamed,
        ),
    }


@pytest.mark.parametrize("name", broken_files())
def test_a_broken_file_is_one_sentence_that_names_it(write: Write, name: str) -> None:
    file, content, error = broken_files()[name]
    with pytest.raises(error) as caught:
        read(write(file, content))
    assert file in caught.value.say("en")
    assert file in caught.value.say("zh")


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(errors.FileTooLarge, match="200 MB"):
        read(made_documents.sparse(tmp_path / "huge.txt", 200_000_000))


def test_a_table_without_questions_is_refused(write: Write) -> None:
    with pytest.raises(errors.PairsExpected):
        read(write("a.csv", "x,y\n1,2\n"), "qa")
    with pytest.raises(errors.PairsExpected):
        read(write("a.txt", "words"), "qa")
