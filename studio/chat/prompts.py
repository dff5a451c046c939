"""The prompt templates in `prompts/`: plain files, read for each question so that an edit takes effect."""

from pathlib import Path
from string import Formatter

from studio.chat.errors import PromptUnusable
from studio.sentences import Language

VARIABLES: dict[str, frozenset[str]] = {
    "plain": frozenset(),
    "documents_rules": frozenset(),
    "answer_from_documents": frozenset({"question", "evidence"}),
    "nothing_found": frozenset({"question"}),
}


def read_template(folder: Path, name: str, language: Language) -> str:
    """The text of `NAME.LANGUAGE.txt`, checked: it holds exactly the variables it should.

    Raises `PromptUnusable`, which says what to correct.
    """
    file = folder / f"{name}.{language}.txt"
    try:
        text = file.read_text(encoding="utf-8-sig").strip()
        variables = {field for _, field, _, _ in Formatter().parse(text) if field is not None}
    except FileNotFoundError as error:
        raise PromptUnusable(file=file, reason="it is missing.", reason_zh="文件不存在。") from error
    except OSError as error:
        raise PromptUnusable(file=file, reason=f"{error}.", reason_zh=f"{error}。") from error
    except UnicodeDecodeError as error:
        reason, reason_zh = "it is not UTF-8 text.", "它不是 UTF-8 文本。"
        raise PromptUnusable(file=file, reason=reason, reason_zh=reason_zh) from error
    except ValueError as error:
        reason = "a brace has no partner (write {{ for a real one)."
        reason_zh = "花括号不成对（字面上的花括号要写成 {{ ）。"
        raise PromptUnusable(file=file, reason=reason, reason_zh=reason_zh) from error
    if variables != VARIABLES[name]:
        raise _wrong_variables(file, VARIABLES[name] - variables, variables - VARIABLES[name])
    return text


def _wrong_variables(file: Path, missing: frozenset[str], unknown: set[str]) -> PromptUnusable:
    if unknown:
        names = ", ".join(f"{{{name}}}" for name in sorted(unknown))
        return PromptUnusable(
            file=file, reason=f"{names} means nothing here.", reason_zh=f"这里不能使用 {names}。"
        )
    names = ", ".join(f"{{{name}}}" for name in sorted(missing))
    return PromptUnusable(file=file, reason=f"{names} is missing.", reason_zh=f"缺少 {names}。")


def language_of(text: str) -> Language:
    """`zh` when Chinese characters carry the text, else `en`: the language that the model is addressed in."""
    chinese = sum("\u3400" <= character <= "\u9fff" for character in text)
    other_words = sum(word.isascii() and word.isalpha() for word in text.split())
    return "zh" if chinese > 0 and chinese >= other_words else "en"
