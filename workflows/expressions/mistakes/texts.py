"""Texts without quotes of their own: words, addresses, dates, versions, numbers as people write them."""

from __future__ import annotations

import re
from typing import Final

from advanced_workflow.workflows.expressions.mistakes.mistake import Mistake, quoted, written
from advanced_workflow.workflows.expressions.mistakes.names import NAMES

_ENDINGS: Final = "txt|csv|tsv|json|jsonl|ya?ml|xml|html?|pdf|png|jpe?g|gif|svg|md|docx?|xlsx?|pptx?|zip|gz|tar|py|js|ts|go|sql|log|parquet"
_KINDS: Final = tuple(
    (re.compile(pattern, re.DOTALL), what)
    for pattern, what in (
        (r"[A-Za-z][A-Za-z0-9+.-]*://\S+", "an address"),
        (r"(?:mailto|tel|urn|data):\S+", "an address"),
        (r"(?:https?:)?(?:www\.)[\w-]+\.\S+", "an address"),
        (r"[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|eu|de|example|internal|local)(?::\d+)?(?:/\S*)?", "an address"),
        (r"[^\s@'\"()]+@[^\s@'\"()]+\.[^\s@'\"().]+", "a mail address"),
        (r"@\w[\w.-]*", "a name"),
        (r"(?:\.{1,2}/|/(?!/)|~/)[^'\"()]*|[A-Za-z]:\\[^'\"]*", "a path"),
        (rf"[\w-]+(?:[/.][\w-]+)*\.(?:{_ENDINGS})", "the name of a file"),
        (r"[vV]\d+(?:\.\d+)*(?:-\w+)*|\d+(?:\.\d+){2,}(?:[-+][\w.]+)?", "a version"),
        (r"\d{4}-\d{1,2}-\d{1,2}(?:[T ].*)?|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}(?:[T ].*)?", "a date"),
        (r"\d{1,2}:\d{2}(?::\d{2})?(?:\s*[AaPp][Mm])?", "a time of day"),
        (r"\d+(?:\.\d+)?\s*%", "a percentage"),
        (r"\d+(?:\.\d+)?\s*(?:ms|s|sec|m|min|h|d|days?|hours?|minutes?|seconds?|weeks?)", "a duration"),
        (r"[$\u20ac\u00a3]\s*[\d.,]+|[\d.,]+\s*(?:[$\u20ac\u00a3]|[A-Z]{3})", "an amount of money"),
        (r"\+\d[\d\s()/-]{4,}", "a telephone number"),
        (r"#[\w-]+", "a name"),
    )
)
_THOUSANDS: Final = re.compile(r"-?\d{1,3}(?:[,_ ']\d{3})+(?:\.\d+)?|-?\d+(?:_\d+)+")
_DECIMAL_COMMA: Final = re.compile(r"(-?\d+),(\d+)")
_PROSE: Final = re.compile(r"[^\W_][^{}\[\]\"`=<>&|$\\]*")
_CODE: Final = re.compile(r"[A-Za-z_]\w*\(|\.\w+\(|'.*'|!\w")


def text_of_a_kind(source: str) -> Mistake | None:
    """What a text is that no expression looks like."""
    text = source.strip()
    column = len(source) - len(source.lstrip()) + 1
    if _THOUSANDS.fullmatch(text):
        form = re.sub(r"[,_ ']", "", text)
        return Mistake("a number is written without marks between its digits", f"Write {written(form)}.", column, form)
    comma = _DECIMAL_COMMA.fullmatch(text)
    if comma is not None:
        form = f"{comma[1]}.{comma[2]}"
        return Mistake("a number has a point, not a comma", f"Write {written(form)}.", column, form)
    what = next((what for pattern, what in _KINDS if pattern.fullmatch(text)), None)
    return (
        None
        if what is None
        else _unquoted(f"{what} is text, and text needs quotes of its own in an expression", text, column)
    )


_LIKE: Final = re.compile(r"([A-Za-z_][\w.\[\]]*)\s+like\s+(['\"])(%?)([^'\"%_]*)(%?)\2", re.IGNORECASE)


def like(source: str) -> Mistake | None:
    """SQL's `x like '%part%'`."""
    found = _LIKE.search(source)
    if found is None:
        return None
    form = _LIKE.sub(_as_method, source)
    return Mistake("CEL has no 'like'", f"Write {written(form)}.", found.end(1) + 2, form)


def _as_method(found: re.Match[str]) -> str:
    both = bool(found[3]), bool(found[5])
    name = {(True, True): "contains", (True, False): "endsWith", (False, True): "startsWith"}.get(both)
    return f"{found[1]} == {quoted(found[4])}" if name is None else f"{found[1]}.{name}({quoted(found[4])})"


def prose(source: str, roots: frozenset[str]) -> Mistake | None:
    """Words that are not an expression."""
    text = source.strip()
    column = len(source) - len(source.lstrip()) + 1
    first = re.match(r"\w*", text)
    begins_with_data = first is not None and first[0] in roots | NAMES and text[len(first[0]) :][:1] in (".", "[", "")
    if begins_with_data or not _PROSE.fullmatch(text) or _CODE.search(text):
        return None
    return _unquoted("this is text without quotes of its own, which an expression needs", text, column)


def _unquoted(reason: str, text: str, column: int) -> Mistake:
    form = quoted(text)
    return Mistake(reason, f"Write {written(form)}: quotes inside the quotes.", column, form)
