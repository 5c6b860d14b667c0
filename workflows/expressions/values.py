"""The values of an evaluation: their names, equality, order, and the way to JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final, TypeAlias, TypeGuard

from advanced_workflow.workflows.expressions.budget import ELEMENT_WORK, MAX_DEPTH, Frame
from advanced_workflow.workflows.expressions.faults import BudgetFault, Fault
from advanced_workflow.workflows.plain.rfc3339 import exact_rfc3339, second_fraction

Value: TypeAlias = Any
"""null, bool, int, float, str, list, a Mapping, datetime, timedelta, `Optional` or `TypeName`."""

_NAMES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "a bool",
    int: "an int",
    float: "a double",
    str: "a string",
    list: "a list",
    tuple: "a list",
    dict: "a map",
    datetime: "a timestamp",
    timedelta: "a duration",
}


@dataclass(frozen=True, slots=True)
class Optional:
    """A value that may be absent: what `.?field` gives."""

    present: bool
    value: Value = None


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type as a value: what `type(...)` gives."""

    name: str


ABSENT: Final = Optional(present=False)


def is_list(value: Value) -> TypeGuard[Sequence[Any]]:
    """Whether the value is a list; tuples count."""
    return isinstance(value, list | tuple)


def is_map(value: Value) -> TypeGuard[Mapping[str, Any]]:
    """Whether the value is a map."""
    return isinstance(value, Mapping)


def is_number(value: Value) -> bool:
    """Whether the value is an int or a double; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def kind_of(value: Value) -> str:
    """Return the name of the value's type with its article, for messages."""
    name = _NAMES.get(value.__class__)
    if name is not None:
        return name
    if is_map(value):
        return "a map"
    if isinstance(value, TypeName):
        return "a type"
    return "an optional" if isinstance(value, Optional) else f"a {type(value).__name__}, which is not JSON"


def equal(frame: Frame, left: Value, right: Value, depth: int = 0) -> bool:
    """Compare as CEL does: int and double by number, all else by type and content; a bool never equals a number."""
    if depth > MAX_DEPTH:
        raise BudgetFault(f"compares values nested deeper than {MAX_DEPTH} levels")
    if isinstance(left, str) and isinstance(right, str):
        frame.charge(min(len(left), len(right)))
        return left == right
    if is_number(left) and is_number(right):
        return left == right
    if is_list(left) and is_list(right):
        return _equal_lists(frame, left, right, depth)
    if is_map(left) and is_map(right):
        return _equal_maps(frame, left, right, depth)
    if isinstance(left, Optional) and isinstance(right, Optional):
        return left.present == right.present and equal(frame, left.value, right.value, depth + 1)
    return type(left) is type(right) and left == right


def _equal_lists(frame: Frame, left: Sequence[Value], right: Sequence[Value], depth: int) -> bool:
    if len(left) != len(right):
        return False
    frame.charge(ELEMENT_WORK * len(left))
    return all(equal(frame, a, b, depth + 1) for a, b in zip(left, right, strict=True))


def _equal_maps(frame: Frame, left: Mapping[str, Value], right: Mapping[str, Value], depth: int) -> bool:
    if len(left) != len(right):
        return False
    frame.charge(2 * ELEMENT_WORK * len(left))
    return all(key in right and equal(frame, value, right[key], depth + 1) for key, value in left.items())


def is_less(frame: Frame, left: Value, right: Value) -> bool:
    """Whether left comes before right; raise `Fault` for values that have no common order."""
    if isinstance(left, str) and isinstance(right, str):
        frame.charge(min(len(left), len(right)))
        return left < right
    if is_number(left) and is_number(right):
        return left < right
    if isinstance(left, bool | datetime | timedelta) and type(left) is type(right):
        return left < right
    raise Fault(f"cannot tell which is less, {kind_of(left)} or {kind_of(right)}")


def is_in(frame: Frame, element: Value, container: Value) -> bool:
    """Whether a list holds the element, or a map the key."""
    if is_map(container):
        return isinstance(element, str) and element in container
    if not is_list(container):
        raise Fault(f"'in' needs a list or a map on its right, not {kind_of(container)}")
    frame.charge(ELEMENT_WORK * len(container))
    return any(equal(frame, element, other) for other in container)


def duration_text(value: timedelta) -> str:
    """Return seconds as CEL writes them, such as `5400s` or `-1.500s`."""
    sign = "-" if value < timedelta(0) else ""
    whole = abs(value)
    return f"{sign}{whole.days * 86_400 + whole.seconds}{second_fraction(whole.microseconds)}s"


def to_json(frame: Frame, value: Value, depth: int = 0) -> Value:
    """Return the value as JSON: sorted maps, timestamps as RFC 3339, durations as seconds; raise `Fault` for what has no JSON."""
    match value:
        case None | bool() | int():
            return value
        case str():
            frame.write(len(value))
            return value
        case float():
            if not isfinite(value):
                raise Fault(f"the result holds {value}, which is not JSON")
            return value
        case datetime():
            return exact_rfc3339(value)
        case timedelta():
            return value.total_seconds()
        case Optional():
            raise Fault("the result is an optional, which is not JSON; end with .orValue(...)")
        case _:
            return _container_to_json(frame, value, depth)


def _container_to_json(frame: Frame, value: Value, depth: int) -> Value:
    if depth > MAX_DEPTH:
        raise BudgetFault(f"the result is nested deeper than {MAX_DEPTH} levels")
    if is_list(value):
        frame.charge(ELEMENT_WORK * len(value))
        return [to_json(frame, element, depth + 1) for element in value]
    if not is_map(value):
        raise Fault(f"the result holds {kind_of(value)}")
    frame.charge(ELEMENT_WORK * len(value))
    return {key: to_json(frame, value[key], depth + 1) for key in sorted_keys(value)}


def sorted_keys(value: Mapping[Value, Value]) -> list[str]:
    """Return the keys in the one order that every process gives them; raise `Fault` when one is not a string."""
    for key in value:
        if not isinstance(key, str):
            raise Fault(f"the key {key!r} of a map is {kind_of(key)}; JSON has only strings")
    return sorted(value)
