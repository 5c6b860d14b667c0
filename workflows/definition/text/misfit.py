"""What to say of a value that does not fit its field, and of a field that is not there, with the form that is right."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final, TypeVar

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from advanced_workflow.workflows.definition.model.marked import mark_of, model_at, models_in
from advanced_workflow.workflows.definition.model.markers import Duration, Expr, Nested, Spelled
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, listed, nearest, problem, shorten
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.text.other_words import field_for, value_for
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.expressions.mistakes.explain import SWITCHES
from advanced_workflow.workflows.plain.misfits import reason

M = TypeVar("M")
_SEVERAL: Final = 3
_MANY: Final = 12
_PLAIN_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/@-]*(?<!:)")
_SWITCHES: Final = {**SWITCHES, "true": "true", "false": "false"}
_IN_DIGITS: Final = "Write a whole number in digits, such as 3, without quotes."
_SECONDS: Final = "Write seconds, or a duration such as '90s' or '1h30m'."


def is_of_shape(details: ErrorDetails) -> bool:
    """Whether a value is refused for its type alone."""
    return details["type"].endswith(("_type", "_parsing"))


def wrong_value(loc: Loc, details: list[ErrorDetails]) -> Problem:
    """The problem of a value that fits no branch of its field's type."""
    of_value = [entry for entry in details if not is_of_shape(entry)]
    told = of_value or details  # Of a value that one branch takes it is no use that another wants a text.
    given: object = details[0]["input"]
    spelled = _mark(loc, Spelled) if told[0]["type"] == "string_pattern_mismatch" else None
    reasons = f"should be {spelled.words}" if spelled else _reasons(told)
    message = f"{shown(given)} does not fit: {reasons}."
    return problem(Code.WRONG_VALUE if of_value else Code.WRONG_TYPE, loc, message, _fix(loc, given, told))


def unknown_field(loc: Loc, missing: Sequence[Loc]) -> Problem:
    """The problem of a field that its object does not have; `missing` are the fields that it lacks."""
    name = str(loc[-1])
    owner = model_at(AdvancedWorkflow, loc[:-1])
    known = sorted(owner.model_fields)
    fix = field_for(name, known) or nearest(name, known) or _inside(name, owner)
    if not fix and len(missing) == 1:
        fix = f"Did you mean {str(missing[0][-1])!r}?"
    fix = fix or f"Remove it; {owner.__name__} has: {listed(known, 60)}."
    return problem(Code.UNKNOWN_FIELD, loc, f"there is no field {shorten(name)!r}.", fix)


def shown(value: object) -> str:
    """A value in a sentence."""
    if isinstance(value, dict | list | tuple):
        return "the list" if not isinstance(value, dict) else "the object"
    return shorten(json.dumps(value, default=repr))


def _reasons(details: Sequence[ErrorDetails]) -> str:
    """Each reason once: `should be a number or a string`."""
    first, *others = dict.fromkeys(reason(entry["msg"]) for entry in details)
    return " or ".join((first, *(one.removeprefix("should be ") for one in others)))


def _mark(loc: Loc, kind: type[M]) -> M | None:
    """A marker of the field at a place."""
    owner, name = model_at(AdvancedWorkflow, loc[:-1]), loc[-1] if loc else None
    return mark_of(owner, name, kind) if isinstance(name, str) and name in owner.model_fields else None


def _fix(loc: Loc, given: object, told: Sequence[ErrorDetails]) -> str:
    options = [option for entry in told for option in re.findall(r"'([^']*)'", str(entry.get("ctx", "")))]
    word = given if isinstance(given, str) and told[0]["type"] != "string_pattern_mismatch" else ""
    guess = value_for(word, options) or nearest(word, options)
    expression = _mark(loc, Expr)
    if guess:
        return guess
    if expression is not None and expression.fix != Expr().fix:
        return expression.fix
    if _mark(loc, Duration) is not None:
        return _SECONDS
    return _right_form(loc, given, told[0]) or "Change the value."


def _right_form(loc: Loc, given: object, first: ErrorDetails) -> str:
    """The value as it would fit; empty where that is not known."""
    wanted = first["type"]
    if given is None:
        return "Remove the line, or write a value."
    if wanted == "bool_type":
        return f"Write {_SWITCHES.get(str(given).strip().casefold(), 'true or false')}, without quotes."
    if wanted in ("tuple_type", "list_type"):
        return "Begin each entry with '- '." if isinstance(given, dict) else f"Write a list: {_as_list(given)}."
    if wanted in ("dict_type", "model_type", "model_attributes_type"):
        return f"Write an object: {_entries(loc) if wanted != 'dict_type' else 'NAME: VALUE'}."
    if wanted == "string_type" and isinstance(given, int | float):
        # What was written is not known here: 1.10 is the same number as 1.1, and another version.
        written = ", as it was written" if isinstance(given, float) else ""
        return f"Put it in quotes{written}: {json.dumps(json.dumps(given))}."
    if wanted == "string_pattern_mismatch":
        return _cleaned(str(given), str(first.get("ctx", {}).get("pattern", "")))
    return _IN_DIGITS if wanted in ("int_type", "int_parsing", "int_from_float") else ""


def _entries(loc: Loc) -> str:
    """The fields of the object that belongs at a place, those that it needs first."""
    fields = model_at(AdvancedWorkflow, loc).model_fields
    return f"its fields are {listed(sorted(fields, key=lambda name: not fields[name].is_required()), _MANY)}"


def _as_list(given: object) -> str:
    """A value that stands alone, as a list of one; several that a comma parts, one by one."""
    if not isinstance(given, str):
        return f"[{json.dumps(given, default=repr)}]"
    entries = [one.strip() for one in given.split(",")]
    if not all(map(_PLAIN_WORD.fullmatch, entries)):
        entries = [given]
    return shorten(f"[{', '.join(one if _PLAIN_WORD.fullmatch(one) else json.dumps(one) for one in entries)}]", 200)


def _cleaned(given: str, pattern: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_]+", "_", given).strip("_")
    name = f"_{name}" if name[:1].isdigit() else name
    return f"Write {name!r}." if name and re.search(pattern, name) else ""


def _inside(name: str, owner: type[BaseModel]) -> str:
    """Which objects inside of this one have the field."""
    inside = [
        f"{field}.{name}"
        for field in owner.model_fields
        if mark_of(owner, field, Nested) is None and any(name in one.model_fields for one in models_in(owner, field))
    ]
    return f"Write it inside: {' or '.join(map(repr, inside))}." if 0 < len(inside) <= _SEVERAL else ""
