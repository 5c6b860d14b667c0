"""Marks of template languages: `{{ x }}`, `${ x }`, `#{ x }`, `<%= x %>`, `{% %}`, f-strings, and JSONPath's `$.x`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from advanced_workflow.workflows.expressions.mistakes.mistake import Mistake, quoted, written

_MARK: Final = re.compile(
    r"=?\{\{(?P<a>[^{}]*)\}\}|\$\{\{?(?P<b>[^{}]*)\}\}?|#\{(?P<c>[^{}]*)\}|<%=?(?P<d>[^%]*)%>", re.DOTALL
)
_F_TEXT: Final = re.compile(r"\s*f(?:'(?P<a>[^'\\]*)'|\"(?P<b>[^\"\\]*)\")\s*")
_F_MARK: Final = re.compile(r"\{(?P<a>[^{}]*)\}")
_LINE: Final = re.compile(r"\{%.*?%\}", re.DOTALL)
_DOLLAR: Final = re.compile(r"\$\.?(?=[A-Za-z_])")


def template_mistakes(source: str, roots: frozenset[str]) -> Iterator[Mistake]:
    """What of a template language is in a text that is to be an expression."""
    line = _LINE.search(source)
    if line is not None:
        advice = "Write CONDITION ? A : B to choose between two values."
        yield Mistake(
            f"{_begun(line[0])} is of a template language, and this is a CEL expression", advice, _column(line)
        )
    mark = _MARK.search(source)
    if mark is not None:
        yield _marked(source, mark, _MARK)
    f_text = _F_TEXT.fullmatch(source)
    if f_text is not None:
        inner = f_text["a"] if f_text["a"] is not None else f_text["b"]
        form = _joined(inner, _F_MARK)
        column = len(source) - len(source.lstrip()) + 1
        yield Mistake("an f-string is Python, and this is a CEL expression", f"Write {written(form)}.", column, form)
    dollar = _DOLLAR.search(source)
    if dollar is not None and mark is None:
        form = _DOLLAR.sub(lambda found: _root(source[found.end() :], roots), source)
        reason = f"'{dollar[0]}' is JSONPath or a shell, and this is a CEL expression"
        yield Mistake(reason, f"Write {written(form)}.", _column(dollar), form)


def _root(rest: str, roots: frozenset[str]) -> str:
    name = re.match(r"\w+", rest)
    return "" if name is not None and name[0] in roots else "input."


def _marked(source: str, mark: re.Match[str], pattern: re.Pattern[str]) -> Mistake:
    whole = pattern.fullmatch(source.strip()) is not None
    form = _inner(mark) if whole else _joined(source, pattern)
    why = (
        "the whole text is a CEL expression already"
        if whole
        else "this is one CEL expression, and text in it needs quotes"
    )
    return Mistake(
        f"{_begun(mark[0])} is of a template language: {why}", f"Write {written(form)}.", _column(mark), form
    )


def _joined(text: str, pattern: re.Pattern[str]) -> str:
    """Text with places in it as an expression that joins them."""
    parts: list[str] = []
    seen = 0
    for found in pattern.finditer(text):
        parts += [quoted(text[seen : found.start()]), f"string({_inner(found)})"]
        seen = found.end()
    parts.append(quoted(text[seen:]))
    return " + ".join(part for part in parts if part != "''") or "''"


def _inner(found: re.Match[str]) -> str:
    return (
        next((one for one in found.groupdict().values() if one is not None), "")
        .strip()
        .removeprefix("$")
        .removeprefix(".")
    )


def _begun(text: str) -> str:
    return f"'{text.removeprefix('=')[:2]}'"


def _column(found: re.Match[str]) -> int:
    return found.start() + 1
