"""Where a character of a value is in the text that holds it, whatever way of writing the author chose."""

from __future__ import annotations

import re
from typing import Final

_ESCAPE: Final = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_HIGH: Final = re.compile(r"\\u[dD][89aAbB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}")
_BLANK: Final = frozenset(" \t\r\n")
_BLANK_ESCAPES: Final = re.compile(r"(?:\\[nrt ]|[ \t\r\n])*")
_BLANKS: Final = re.compile(r"[ \t\r\n]*")


def offset_of(text: str, start: int, value: str, index: int) -> int | None:
    """The place in the text of a value's character; the value begins at `start`. None where the two do not go together.

    Both are read side by side: blanks of one (folded lines, indentation) are as many blanks of the other as there are.
    """
    at, style = _beginning(text, start)
    blanks = _BLANK_ESCAPES if style == '"' else _BLANKS
    seen = 0
    if style in ("|", ">"):
        at = _after(_BLANKS, text, at)
        seen = len(value) - len(value.lstrip(" \t\r\n"))
    while seen < index and seen < len(value):
        if value[seen] in _BLANK:
            at = _after(blanks, text, at)
            while seen < len(value) and value[seen] in _BLANK:
                seen += 1
            continue
        size = _size(text, at, value[seen], style)
        if size is None:
            return None
        at += size
        seen += 1
    return at if at < len(text) else None


def _beginning(text: str, start: int) -> tuple[int, str]:
    """Where the first character is, and the sign of the style."""
    first = text[start : start + 1]
    if first in ("'", '"'):
        return start + 1, first
    if first in ("|", ">"):
        line_end = text.find("\n", start)
        return (len(text) if line_end < 0 else line_end + 1), first
    return start, ""


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found is not None else at


def _size(text: str, at: int, character: str, style: str) -> int | None:
    """How many characters of the text are this one of the value."""
    if style == '"' and text[at : at + 1] == "\\":
        found = _HIGH.match(text, at) or _ESCAPE.match(text, at)
        return len(found[0]) if found is not None else None
    if style == "'" and text[at : at + 2] == "''":
        return 2
    return 1 if text[at : at + 1] == character else None
