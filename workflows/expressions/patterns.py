"""Regular expressions: RE2, wherever a definition or data brings one. Matching takes time linear in the text.

RE2 compiles a pattern each time it is used, so what that takes is known before: the size of a pattern, in microseconds.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from advanced_workflow.workflows.expressions.cel_language import call_scalar
from advanced_workflow.workflows.expressions.faults import Fault

MAX_PATTERN_LENGTH: Final = 1_000
"""Characters of a regular expression."""

MAX_PATTERN_SIZE: Final = 20_000
"""Microseconds that compiling a pattern of a definition may take."""

CALL_SIZE: Final = 16
"""Microseconds of one match with the smallest pattern."""

_UNICODE_CLASS_SIZE: Final = 1_300
_WIDE_SIZE: Final = 4
_ATOM: Final = re.compile(
    r"(?P<set>\[\^?+\]?+(?:\\.|\[:\^?+\w++:\]|[^\]\\])*+\])|(?P<close>\))|\\[pP](?:\{[^}]*+\}|.)|\\.|.",
    re.DOTALL,
)
_TIMES: Final = re.compile(r"\{(\d{1,6})(?:,(\d{0,6}))?\}")
_WIDE: Final = re.compile(r"\.|\\[WDSC]|\[\^|[^\x00-\x7f]")


def pattern_problem(pattern: str) -> str | None:
    """Say why text is not a pattern that a definition may have; None where it is one."""
    try:
        size = pattern_size(pattern)
        found_in(pattern, "")
    except Fault as fault:
        return fault.reason
    if size > MAX_PATTERN_SIZE:
        return "the pattern is too large; a repeated class counts each time: write '+' and bound the length beside it"
    return None


def found_in(pattern: str, text: str) -> bool:
    """Whether RE2 finds a pattern anywhere in a text; raise `Fault` where it is not one, or the text is not Unicode."""
    return bool(call_scalar("x.matches(y)", text, pattern))


@lru_cache(maxsize=1024)
def pattern_size(pattern: str) -> int:
    """Return the microseconds that compiling a pattern takes, from above; raise `Fault` when it is too long."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise Fault(f"the pattern is longer than {MAX_PATTERN_LENGTH} characters")
    size, factor, at = 0, 1, 0
    while at < len(pattern):
        atom = _ATOM.match(pattern, at)
        if atom is None:  # There is none: any character is one.
            break
        at = atom.end()
        times = 1
        while (repeated := _TIMES.match(pattern, at)) is not None:
            at = repeated.end()
            times *= max(int(repeated[1]), int(repeated[2] or 0), 1)
        if atom["close"]:
            factor *= times
        size += times * _atom_size(atom[0])
    return CALL_SIZE + size * factor


def match_size(pattern: str, text: str) -> int:
    """Return the microseconds that one match takes, from above; raise `Fault` as `pattern_size` does."""
    size = pattern_size(pattern)
    return size + size * len(text) // 1_000


def _atom_size(atom: str) -> int:
    classes = atom.count("\\p") + atom.count("\\P")
    return classes * _UNICODE_CLASS_SIZE + (_WIDE_SIZE if _WIDE.search(atom) else 2)
