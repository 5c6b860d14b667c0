"""Values that are JSON by their type and still cannot travel: too deep, not Unicode, or beyond 64 bits."""

from __future__ import annotations

from typing import cast

from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.text.source_tree import MAX_NESTING

_INT64 = range(-(2**63), 2**63)


def unfit_value(data: object) -> Problem | None:
    """Find the first such value, or None; works at any depth."""
    waiting: list[tuple[Loc, object]] = [((), data)]
    while waiting:
        loc, value = waiting.pop()
        reason = _reason(value)
        if reason is not None:
            return problem(Code.WRONG_VALUE, loc, *reason)
        inner = _inside(value, loc)
        if inner and len(loc) >= MAX_NESTING:
            message = f"the data nests deeper than {MAX_NESTING} levels."
            return problem(Code.TOO_DEEP, loc[:8], message, "Flatten it.")
        waiting += reversed(inner)
    return None


def _reason(value: object) -> tuple[str, str] | None:
    if isinstance(value, str) and not value.isascii() and not _is_unicode(value):
        return "the text holds half a character.", "Write the character whole."
    if isinstance(value, dict) and not all(_is_unicode(key) for key in cast("dict[str, object]", value)):
        return "a key holds half a character.", "Write the character whole."
    if isinstance(value, int) and value not in _INT64:
        return "the number needs more than 64 bits.", "Put it in quotes."
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _inside(value: object, loc: Loc) -> list[tuple[Loc, object]]:
    if isinstance(value, dict):
        return [((*loc, name), inner) for name, inner in cast("dict[str, object]", value).items()]
    if isinstance(value, list):
        return [((*loc, index), inner) for index, inner in enumerate(cast("list[object]", value))]
    return []
