"""Rules about what a step hands over: it fits the input schema of the action or the workflow that takes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, listed, nearest, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.schema import value_problems


def parameter_problems(placement: Placement, taker: str, schema: Mapping[str, Any]) -> Iterator[Problem]:
    """Parameters that are missing or unknown, and literals that do not fit; `taker` is how sentences call who takes them."""
    mapping, loc = placement.step.input_mapping, (*placement.loc, "input_mapping")
    properties, required = schema.get("properties", {}), schema.get("required", [])
    # One that is not sound is a problem of its own.
    if schema.get("type") != "object" or not isinstance(properties, dict) or not isinstance(required, list):
        return
    known = cast("dict[str, object]", properties)
    missing = [str(name) for name in cast("list[object]", required) if name not in mapping]
    if missing:
        message = f"{taker} needs {listed([repr(name) for name in missing])}."
        yield problem(Code.MISSING_PARAMETER, loc, message, "Map every parameter it needs.")
    for name, value in mapping.items():
        if name in known:
            yield from _literal_problems((*loc, name), value, {**schema, "required": []}, name)
        elif schema.get("additionalProperties") is False and not schema.get("patternProperties"):
            message = f"{taker} has no parameter {name!r}."
            fix = nearest(name, list(known)) or f"It has: {listed(list(known)) or 'none'}."
            yield problem(Code.UNKNOWN_PARAMETER, (*loc, name), message, fix)


def _literal_problems(loc: Loc, value: object, schema: Mapping[str, Any], name: str) -> Iterator[Problem]:
    """A string is an expression and what is nested may hold some; plain literals can be judged now."""
    if isinstance(value, str | dict | list):
        return
    for sentence in value_problems(schema, {name: value}):
        yield problem(Code.WRONG_PARAMETER, loc, f"the literal does not fit: {sentence}.", "Change the value.")
