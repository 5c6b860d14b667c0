"""What expressions do with text. What a result could grow to is charged before it is made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from advanced_workflow.workflows.expressions.budget import ELEMENT_WORK, Frame
from advanced_workflow.workflows.expressions.faults import Fault
from advanced_workflow.workflows.expressions.patterns import MAX_PATTERN_LENGTH, found_in, match_size
from advanced_workflow.workflows.expressions.values import Value, kind_of

_SPACES: Final = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TO_LOWER: Final = str.maketrans(_UPPER, _UPPER.lower())
_TO_UPPER: Final = str.maketrans(_UPPER.lower(), _UPPER)
_REPETITION: Final = re.compile(r"(\))?\{(\d{1,6})(?:,(\d{0,6}))?\}")


def pattern_cost(pattern: str) -> int:
    """Return the work of one character matched with a pattern, from above; raise `Fault` when the pattern is too long."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise Fault(f"the pattern is longer than {MAX_PATTERN_LENGTH} characters")
    cost, factor = len(pattern), 1
    for group, least, most in _REPETITION.findall(pattern):
        times = max(int(least), int(most or 0), 1)
        if group:
            factor *= times
        else:
            cost += times
    return cost * factor


def matches(frame: Frame, text: str, pattern: str) -> bool:
    """Whether RE2 finds the pattern anywhere in the text."""
    frame.charge(pattern_cost(pattern) * (len(text) + 1))
    frame.charge_time(match_size(pattern, text))
    return found_in(pattern, text)


def _position(text: str, at: int) -> int:
    if not 0 <= at <= len(text):
        raise Fault(f"position {at} is outside of the string, which has {len(text)} characters")
    return at


def substring(_: Frame, text: str, start: int, end: int | None = None) -> str:
    """Return the characters from `start` to before `end`."""
    stop = len(text) if end is None else _position(text, end)
    if _position(text, start) > stop:
        raise Fault(f"substring() starts at {start}, after its end {stop}")
    return text[start:stop]


def index_of(_: Frame, text: str, part: str, start: int = 0) -> int:
    """Return where a part begins, or -1."""
    return text.find(part, _position(text, start))


def last_index_of(_: Frame, text: str, part: str, start: int | None = None) -> int:
    """Return where a part begins last, or -1."""
    last = len(text) if start is None else _position(text, start)
    return text.rfind(part, 0, last + len(part))


def char_at(_: Frame, text: str, at: int) -> str:
    """Return one character, or nothing at the very end."""
    return text[_position(text, at) : at + 1]


def replace(frame: Frame, text: str, old: str, new: str, limit: int = -1) -> str:
    """Replace a part, at most `limit` times; a negative limit means always."""
    found = text.count(old)
    found = found if limit < 0 else min(found, limit)
    frame.charge(len(text) + found * len(new))
    return text.replace(old, new, limit)


def split(frame: Frame, text: str, separator: str, limit: int = -1) -> list[str]:
    """Split into at most `limit` pieces; a negative limit means any number."""
    if limit == 0:
        return []
    frame.charge(ELEMENT_WORK * (text.count(separator) + 1))
    if separator:
        return text.split(separator, limit - 1 if limit > 0 else -1)
    cut = len(text) if limit < 0 else min(limit - 1, len(text))
    return [*text[:cut], *([text[cut:]] if text[cut:] else [])]


def join(frame: Frame, parts: Sequence[Value], separator: str = "") -> str:
    """Join strings."""
    frame.charge((ELEMENT_WORK + len(separator)) * len(parts))
    for part in parts:
        if not isinstance(part, str):
            raise Fault(f"join() needs a list of strings, not one with {kind_of(part)}")
        frame.charge(len(part))
    return separator.join(parts)


def trim(text: str) -> str:
    """Cut white space, as Unicode has it, from both ends."""
    return text.strip(_SPACES)


def lower_ascii(text: str) -> str:
    """Make the letters A to Z small."""
    return text.translate(_TO_LOWER)


def upper_ascii(text: str) -> str:
    """Make the letters a to z large."""
    return text.translate(_TO_UPPER)
