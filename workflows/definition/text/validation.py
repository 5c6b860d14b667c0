"""From plain data to the models: every refused field becomes a problem, and the rest is kept.

The fields that do not fit are left out and what remains is read again, so that one wrong value does not hide what
the cross-step rules have to say about the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import JsonValue, ValidationError
from pydantic_core import ErrorDetails

from advanced_workflow.workflows.definition.model.marked import marks_of
from advanced_workflow.workflows.definition.model.markers import Nested
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, parents, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.text.misfit import is_of_shape, shown, unknown_field, wrong_value
from advanced_workflow.workflows.definition.text.plain_data import unfit_value
from advanced_workflow.workflows.definition.text.salvage import leave_out, real_loc, source_path, without_left_out
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

_MAX_ROUNDS = 6
_MAX_PROBLEMS = 200
# Where steps stand in plain data.
_GRAPHS = (*marks_of(AdvancedWorkflow, Nested), *marks_of(WorkflowStep, Nested))


@dataclass(frozen=True, slots=True)
class Validated:
    """What could be read of a definition.

    `workflow` holds the fields that fit, or is None where nothing sensible remains. `raw_ids` are the `step_id` texts of
    the data, also of steps that do not fit.
    """

    workflow: AdvancedWorkflow | None
    problems: tuple[Problem, ...]
    raw_ids: frozenset[str]
    _tree: object

    def source_path(self, path: str) -> str:
        """Where a place of `workflow` is in the data, list items that were left out counted."""
        return source_path(self._tree, path)

    def is_known_consequence(self, path: str, code: str) -> bool:
        """Whether a cross-step problem only repeats what a refused field already says."""
        places = [place.path for place in self.problems]
        below = (path, path + ".", path + "[")
        if any(place == path or place.startswith(below[1:]) for place in places):
            return True
        step_type = path.rpartition("]")[0] + "].step_type"
        return code in (Code.MEANINGLESS_FIELD, Code.MISSING_FIELD) and step_type in places


def validate(data: JsonValue) -> Validated:
    """Read plain data into the models, as far as it goes. Never raises for any JSON value."""
    unfit = unfit_value(data)
    if unfit is not None:
        return Validated(None, (unfit,), frozenset(), None)
    problems: list[Problem] = []
    tree: object = cast("object", data)
    for _ in range(_MAX_ROUNDS):
        try:
            workflow = AdvancedWorkflow.model_validate(without_left_out(tree))
        except ValidationError as error:
            refused = _refused_places(error, tree)
            taken_away = {place for told in problems for place in parents(told.path)}
            problems += [one for one in _round_problems(refused) if one.path not in taken_away]
            tree = leave_out(tree, [loc for loc, _ in refused])
            if tree is None:
                break
        else:
            return Validated(workflow, tuple(problems), _raw_ids(data), tree)
    return Validated(None, tuple(problems), _raw_ids(data), tree)


def _refused_places(error: ValidationError, tree: object) -> list[tuple[Loc, list[ErrorDetails]]]:
    """Group by real place: one value may fail every branch of a union."""
    groups: dict[Loc, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False)[:_MAX_PROBLEMS]:
        groups.setdefault(real_loc(details, tree), []).append(details)
    # Where a branch took the shape and only something inside is wrong, it says nothing that others wanted another shape.
    around = {loc[:length] for loc in groups for length in range(len(loc))}
    return [(loc, found) for loc, found in groups.items() if loc not in around or not all(map(is_of_shape, found))]


def _round_problems(refused: Sequence[tuple[Loc, list[ErrorDetails]]]) -> list[Problem]:
    missing = [loc for loc, details in refused if details[0]["type"] == "missing"]
    return [
        _problem_of(loc, details, [one for one in missing if one[:-1] == loc[:-1]] if missing else [])
        for loc, details in refused
    ]


def _problem_of(loc: Loc, details: list[ErrorDetails], missing: Sequence[Loc]) -> Problem:
    """The problem of one place; `missing` are the fields that the same object lacks."""
    first = details[0]
    match first["type"]:
        case "extra_forbidden":
            return unknown_field(loc, missing)
        case "missing":
            return problem(Code.MISSING_FIELD, loc, f"'{loc[-1]}' is missing.", "Add it.")
        case "finite_number":
            return problem(Code.NOT_FINITE, loc, "the number is not finite.", "Write a number, or a string.")
        case "duration":
            what, _, fix = first["msg"].partition("; ")
            return problem(Code.WRONG_VALUE, loc, f"{shown(first['input'])}: {what}.", f"{fix[:1].upper()}{fix[1:]}.")
        case _:
            return wrong_value(loc, details)


def _raw_ids(data: JsonValue) -> frozenset[str]:
    found: set[str] = set()
    waiting: list[Any] = [data]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            fields = cast("dict[str, Any]", node)
            if isinstance(fields.get("step_id"), str):
                found.add(fields["step_id"])
            waiting += [fields[name] for name in _GRAPHS if name in fields]
        elif isinstance(node, list):
            waiting += cast("list[Any]", node)
    return frozenset(found)
