"""What expressions do with lists, as CEL's extension of lists says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from advanced_workflow.workflows.expressions.budget import ELEMENT_WORK, MAX_DEPTH, Frame
from advanced_workflow.workflows.expressions.faults import BudgetFault, Fault
from advanced_workflow.workflows.expressions.values import Value, is_list, is_map, kind_of, sorted_keys
from advanced_workflow.workflows.plain.rfc3339 import exact_rfc3339

_NAMED_WORK: Final = 4 * ELEMENT_WORK
"""Units for an element that is given a name."""
_NUMBER_WORK: Final = 4
"""Characters of an ordinary number's name; a long int's are counted by its bits."""


def slice_of(frame: Frame, elements: Sequence[Value], start: int, end: int) -> list[Value]:
    """Return the elements from `start` to before `end`."""
    if not 0 <= start <= end <= len(elements):
        raise Fault(
            f"cannot slice({start}, {end}) a list of {len(elements)}; positions count from 0, and the end from the start"
        )
    frame.charge(ELEMENT_WORK * (end - start))
    return list(elements[start:end])


def distinct(frame: Frame, elements: Sequence[Value]) -> list[Value]:
    """Return the elements without those that equal an earlier one."""
    frame.charge(_NAMED_WORK * len(elements))
    found: dict[str, Value] = {}
    for element in elements:
        # By text, whose hash nobody who writes data can foresee: comparing each with each takes too long.
        found.setdefault("".join(_name(frame, element, 0)), element)
    return list(found.values())


def _name(frame: Frame, value: Value, depth: int) -> Iterator[str]:
    """A text that two values share where they are equal."""
    if depth > MAX_DEPTH:
        raise BudgetFault(f"compares values nested deeper than {MAX_DEPTH} levels")
    match value:
        case None | bool():
            yield str(value)
        case str():
            frame.charge(len(value))
            yield f"s{len(value)}:{value}"
        case int():
            frame.charge(_NUMBER_WORK + value.bit_length() // 4)
            yield f"n{value:x}"
        case float():
            frame.charge(_NUMBER_WORK)
            yield f"n{int(value):x}" if value.is_integer() else f"n{value.hex()}"
        case datetime():
            yield f"t{exact_rfc3339(value)}"
        case timedelta():
            yield f"d{value.total_seconds()}"
        case _:
            yield from _name_of_many(frame, value, depth)


def _name_of_many(frame: Frame, value: Value, depth: int) -> Iterator[str]:
    if is_list(value):
        frame.charge(_NAMED_WORK * len(value))
        yield f"l{len(value)}:"
        for element in value:
            yield from _name(frame, element, depth + 1)
        return
    if not is_map(value):
        raise Fault(f"distinct() cannot compare {kind_of(value)}")
    frame.charge(2 * _NAMED_WORK * len(value))
    yield f"m{len(value)}:"
    for key in sorted_keys(value):
        yield from _name(frame, key, depth + 1)
        yield from _name(frame, value[key], depth + 1)
