"""Places in a definition: as a tuple in code, as `steps[2].dependencies[1]` for people."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from difflib import get_close_matches

from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.problem import Problem

Loc = tuple[str | int, ...]
"""Keys and indices from the top of the definition."""

_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_PART = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]|[^.\[]+')
_MANY_NAMES = 300


def path_text(loc: Sequence[str | int]) -> str:
    """Write a place as `steps[2].dependencies[1]`; a key that is not a plain word is quoted: `output_mapping["a.b"]`."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part)}]"
    return text


def parents(path: str) -> list[str]:
    """The written place and all it lies in, the nearest first; the whole definition is the empty text."""
    ends = [match.end() for match in _PART.finditer(path)]
    return [path[:end] for end in reversed(ends)] + [""]


def parts(path: str) -> Loc:
    """Read a written place back into keys and indices."""
    return tuple(_read(text) for text in _PART.findall(path))


def _read(text: str) -> str | int:
    if text.startswith('["'):
        return str(json.loads(text[1:-1]))
    return int(text[1:-1]) if text.startswith("[") else text


def problem(code: Code, loc: Sequence[str | int], message: str, fix: str) -> Problem:
    """An error at a place."""
    return Problem(code.value, path_text(loc), message, fix)


def warning(code: Code, loc: Sequence[str | int], message: str, fix: str) -> Problem:
    """A finding that does not make the definition invalid."""
    return Problem(code.value, path_text(loc), message, fix, severity="warning")


def nearest(name: str, known: Sequence[str]) -> str:
    """The question `Did you mean 'x'?`, or nothing when no known name is near."""
    if len(known) > _MANY_NAMES:  # Comparing with each of thousands takes too long to do for many problems.
        known = [other for other in known if other[:3] == name[:3]][:_MANY_NAMES]
    matches = get_close_matches(name, known, n=1)
    return f"Did you mean {matches[0]!r}?" if matches else ""


def listed(names: Sequence[str], limit: int = 10) -> str:
    """Names for a sentence, at most `limit` of them."""
    rest = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + rest


def shorten(text: str, limit: int = 80) -> str:
    """Cut a long text in the middle of a message, so that no message carries whole data."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
