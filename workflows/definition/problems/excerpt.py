"""The line that a problem is about, with a caret under the place."""

from __future__ import annotations

from typing import Final
from unicodedata import category, east_asian_width

from advanced_workflow.workflows.definition.problems.problem import Problem

_WIDTH: Final = 100
"""Characters of a line that are shown."""
_BEFORE: Final = 60
_CUT: Final = "..."


def excerpt(problem: Problem) -> list[str]:
    """Two lines: the source line (of an expression without one, its own) and the caret; none where no place is known."""
    if problem.source_line is not None and problem.column is not None:
        return _pointed(problem.source_line, problem.column, f"{problem.line or ''}")
    if problem.expression is None or problem.at < 1:
        return []
    before = problem.expression[: problem.at - 1]
    lines, number = problem.expression.split("\n"), before.count("\n")
    return _pointed(lines[number], len(before) - before.rfind("\n"), "")


def _pointed(line: str, column: int, number: str) -> list[str]:
    begin = max(0, column - 1 - _BEFORE) if len(line) > _WIDTH else 0
    shown = line[begin : begin + _WIDTH]
    head, tail = _CUT if begin else "", _CUT if begin + _WIDTH < len(line) else ""
    pad = "".join(_blank(character) for character in head + shown[: column - 1 - begin])
    return [f"{number:>5} | {head}{shown}{tail}", f"{'':>5} | {pad}^"]


def _blank(character: str) -> str:
    if character == "\t":
        return character
    if category(character) in ("Mn", "Me", "Cf"):  # Marks on the letter before them, and what is not seen.
        return ""
    return "  " if east_asian_width(character) in ("W", "F") else " "
