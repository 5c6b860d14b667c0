"""Rules about what a step hands over: it fits the input schema of the action or the workflow that takes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, listed, nearest, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.schema import schema_problems, value_problems
from advanced_workflow.workflows.errors import ExpressionError
from advanced_workflow.workflows.expressions import compile_mapping

_LONGEST = 1000
"""Characters of an expression that is evaluated here."""


def validation_problems(placement: Placement) -> Iterator[Problem]:
    """What a step maps and its own `input_validation` refuses in every run."""
    schema = placement.step.input_validation
    # One that is no schema is a problem of its own.
    if schema and not schema_problems(schema):
        yield from parameter_problems(placement, "'input_validation'", schema)


def parameter_problems(placement: Placement, taker: str, schema: Mapping[str, Any]) -> Iterator[Problem]:
    """Parameters that are missing or unknown, and literals that do not fit; `taker` is how sentences call who takes them."""
    mapping, loc = placement.step.input_mapping, (*placement.loc, "input_mapping")
    properties, required = schema.get("properties", {}), schema.get("required", [])
    # One that is not sound is a problem of its own.
    if schema.get("type", "object") != "object" or not isinstance(properties, dict) or not isinstance(required, list):
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
    """A literal, and expressions that read nothing, are the same in every run, so that they can be judged now."""
    try:
        constant = compile_mapping(value, ()).evaluate({}) if _is_cheap(value) else None
    except ExpressionError:  # It reads something, or it is a problem of its own.
        return
    if constant is None and value is not None:
        return
    for sentence in value_problems(schema, {name: constant}):
        yield problem(Code.WRONG_PARAMETER, loc, f"the literal does not fit: {sentence}.", "Change the value.")


def _is_cheap(value: object) -> bool:
    """Whether evaluating it takes no longer than reading it: nothing is done for each of many elements."""
    if isinstance(value, dict | list):
        parts = cast("Iterable[object]", value.values() if isinstance(value, dict) else value)
        return all(map(_is_cheap, parts))
    return not isinstance(value, str) or ("(" not in value and len(value) <= _LONGEST)
