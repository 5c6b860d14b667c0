"""Fields of maps and elements of lists, with messages that say what there is instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from advanced_workflow.workflows.expressions.faults import Fault, MissingFault
from advanced_workflow.workflows.expressions.values import ABSENT, Optional, Value, is_list, is_map, kind_of

_LISTED: Final = 10
"""Fields that a message lists."""


def field_of(value: Value, field: str, path: str) -> Value:
    """Return `value.field`; `path` is how messages call the value.

    Raises:
        MissingFault: The field is absent, or the value is null.
        Fault: The value is nothing that has fields.
    """
    if is_map(value):
        if field in value:
            return value[field]
        raise MissingFault(_missing(value, field, path))
    if isinstance(value, Optional):
        return try_access(value, field, path)
    if value is None:
        raise MissingFault(f"{path} is null, so it has no field '{field}'")
    hint = "; take one element or use .map(...)" if is_list(value) else ""
    raise Fault(f"{path} is {kind_of(value)}, so it has no field '{field}'{hint}")


def element_of(value: Value, index: Value, path: str) -> Value:
    """Return `value[index]`; raise as `field_of` does."""
    if isinstance(value, Optional):
        return try_access(value, index, path)
    if not is_list(value):
        if isinstance(index, str):
            return field_of(value, index, path)
        if value is None:
            raise MissingFault(f"{path} is null, so it has no elements")
        raise Fault(f"cannot take an element of {kind_of(value)} by {kind_of(index)}")
    position = _position(index)
    if 0 <= position < len(value):
        return value[position]
    raise MissingFault(f"no element {position} in {path} (it has {len(value)}, counted from 0)")


def try_access(value: Value, key: Value, path: str) -> Optional:
    """Return `value.?key` or `value[?key]`: absent where the plain form raises `MissingFault`."""
    if isinstance(value, Optional):
        if not value.present:
            return ABSENT
        value = value.value
    try:
        return Optional(present=True, value=element_of(value, key, path))
    except MissingFault:
        return ABSENT


def _position(index: Value) -> int:
    if isinstance(index, float) and index.is_integer():
        return int(index)
    if isinstance(index, int) and not isinstance(index, bool):
        return index
    raise Fault(f"the index of a list is an int, not {kind_of(index)}")


def _missing(value: Mapping[str, Value], field: str, path: str) -> str:
    # Only plain data is listed: the entries of `steps` are made on demand, and listing would make them all.
    if not isinstance(value, dict):
        return f"no field '{field}' in {path}"
    names = sorted(str(name) for name in value)
    more = ", ..." if len(names) > _LISTED else ""
    return f"no field '{field}' in {path} (it has: {', '.join(names[:_LISTED]) or 'nothing'}{more})"
