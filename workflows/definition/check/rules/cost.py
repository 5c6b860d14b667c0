"""Rules about what a definition costs whoever runs it: how much there is to compile at once, and how deep its data nests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.conditions import Condition
from advanced_workflow.workflows.definition.model.marked import marked
from advanced_workflow.workflows.definition.model.markers import Expr, Mapped
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

MAX_CHARACTERS: Final = 20_000
"""Characters of the expressions of one field, which are compiled together: a tenth of a second."""
MAX_LEVELS: Final = 80
"""Levels of a literal, in a mapping or as a variable: with what is around it in a run it nests less than 100."""


def cost_problems(part: DefinitionModel, loc: Loc = ()) -> Iterator[Problem]:
    """Everything about the expressions and the data that a part of a definition holds."""
    for place, value, mark in marked(part, Expr, loc):
        size = sum(_length(source) for _, source, _ in mark.sources(place, value))
        if size > MAX_CHARACTERS:
            message = f"its expressions have {size:,} characters together; {MAX_CHARACTERS:,} are allowed."
            yield problem(Code.TOO_LARGE, place, message, "Split it over several steps.")
        if isinstance(mark, Mapped) and _is_deep(value):
            yield _too_deep(place)
    if isinstance(part, AdvancedWorkflow) and _is_deep(part.global_variables):
        yield _too_deep((*loc, "global_variables"))


def _length(source: str | Condition) -> int:
    if isinstance(source, str):
        return len(source)
    return len(source.expression or "") + len(source.field or "")


def _too_deep(place: Loc) -> Problem:
    return problem(Code.TOO_DEEP, place, f"it nests deeper than {MAX_LEVELS} levels.", "Flatten it.")


def _is_deep(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(MAX_LEVELS + 1):
        level = [inner for one in level for inner in _inside(one)]
    return bool(level)


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(cast("dict[str, object]", value).values())
    return cast("list[object]", value) if isinstance(value, list) else []
