"""The functions an expression may call, in one table. Each one's cost is bounded by what it is charged for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from advanced_workflow.workflows.expressions.budget import ELEMENT_WORK, Frame
from advanced_workflow.workflows.expressions.conversions import (
    to_bool,
    to_double,
    to_duration,
    to_int,
    to_string,
    to_timestamp,
)
from advanced_workflow.workflows.expressions.faults import Fault
from advanced_workflow.workflows.expressions.lists import distinct, slice_of
from advanced_workflow.workflows.expressions.operators import add, checked
from advanced_workflow.workflows.expressions.text_functions import (
    char_at,
    index_of,
    join,
    last_index_of,
    lower_ascii,
    matches,
    replace,
    split,
    substring,
    trim,
    upper_ascii,
)
from advanced_workflow.workflows.expressions.times import TIME_PARTS, time_part
from advanced_workflow.workflows.expressions.type_names import type_of
from advanced_workflow.workflows.expressions.values import ABSENT, Optional, Value, is_list, is_map, is_number, kind_of

_KINDS: Final[dict[str, Callable[[Value], bool]]] = {
    "a string": lambda value: isinstance(value, str),
    "an int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "a number": is_number,
    "a list": is_list,
    "an optional": lambda value: isinstance(value, Optional),
    "a value": lambda _: True,
}


@dataclass(frozen=True, slots=True)
class Function:
    """What a function does, and what its arguments must be; what stands before the dot is the first one."""

    body: Callable[..., Value]
    kinds: tuple[str, ...]
    reads: bool = True
    """Whether it looks at the characters of its texts."""

    def call(self, name: str, frame: Frame, args: Sequence[Value]) -> Value:
        """Check the arguments, charge for the text in them, and call."""
        for kind, value in zip(self.kinds, args, strict=False):
            if not _KINDS[kind](value):
                raise Fault(f"{name}() needs {kind}, not {kind_of(value)}")
            if isinstance(value, str):
                (frame.charge if self.reads else frame.pass_over)(len(value))
        return self.body(frame, *args)


def _size(_: Frame, value: Value) -> int:
    if isinstance(value, str) or is_list(value) or is_map(value):
        return len(value)
    raise Fault(f"size() needs a string, a list or a map, not {kind_of(value)}")


def _sum(frame: Frame, numbers: Sequence[Value]) -> Value:
    frame.charge(ELEMENT_WORK * len(numbers))
    total: Value = numbers[0] if numbers else 0
    if not is_number(total) and not isinstance(total, timedelta):
        raise Fault(f"sum() needs a list of numbers or durations, not one with {kind_of(total)}")
    for number in numbers[1:]:
        total = add(frame, total, number)
    return total


def _choose(choice: Callable[..., Value]) -> Callable[..., Value]:
    def choose(frame: Frame, *args: Value) -> Value:
        numbers = args[0] if len(args) == 1 and is_list(args[0]) else args
        frame.charge(ELEMENT_WORK * len(numbers))
        wrong = next((number for number in numbers if not is_number(number)), 0)
        if wrong != 0 or not numbers:
            raise Fault(f"math.greatest() and math.least() need numbers, not {kind_of(wrong) if numbers else 'none'}")
        return choice(numbers)

    return choose


def _round(number: float) -> float:
    whole = math.floor(abs(number))
    return math.copysign(whole + (abs(number) - whole >= 0.5), number)


def _on_number(body: Callable[[float], float]) -> Function:
    def call(_: Frame, number: float) -> float:
        return checked(body(checked(number)))

    return Function(call, ("a number",))


def _on_text(body: Callable[[str], Value]) -> Function:
    def call(frame: Frame, text: str) -> Value:
        frame.charge(len(text))
        return body(text)

    return Function(call, ("a string",))


def _on_two_texts(body: Callable[[str, str], bool]) -> Function:
    def call(_: Frame, text: str, part: str) -> bool:
        return body(text, part)

    return Function(call, ("a string", "a string"))


def _optional_of(_: Frame, value: Value) -> Optional:
    return Optional(present=True, value=value)


def _optional_none(_: Frame) -> Optional:
    return ABSENT


def _has_value(_: Frame, optional: Optional) -> bool:
    return optional.present


def _same(_: Frame, value: Value) -> Value:
    return value


def _value_of(_: Frame, optional: Optional) -> Value:
    if optional.present:
        return optional.value
    raise Fault("the optional is empty; guard it with hasValue() or use orValue(...)")


def _of_non_zero(_: Frame, value: Value) -> Optional:
    zero = value in (None, False, 0, "", timedelta(0)) if not (is_list(value) or is_map(value)) else not value
    return ABSENT if zero else Optional(present=True, value=value)


FUNCTIONS: Final[dict[str, Function]] = {
    "size": Function(_size, ("a value",), reads=False),
    "contains": _on_two_texts(lambda text, part: part in text),
    "startsWith": _on_two_texts(str.startswith),
    "endsWith": _on_two_texts(str.endswith),
    "matches": Function(matches, ("a string", "a string")),
    "lowerAscii": _on_text(lower_ascii),
    "upperAscii": _on_text(upper_ascii),
    "trim": _on_text(trim),
    "substring": Function(substring, ("a string", "an int", "an int")),
    "indexOf": Function(index_of, ("a string", "a string", "an int")),
    "lastIndexOf": Function(last_index_of, ("a string", "a string", "an int")),
    "charAt": Function(char_at, ("a string", "an int")),
    "replace": Function(replace, ("a string", "a string", "a string", "an int")),
    "split": Function(split, ("a string", "a string", "an int")),
    "join": Function(join, ("a list", "a string")),
    "sum": Function(_sum, ("a list",)),
    "slice": Function(slice_of, ("a list", "an int", "an int")),
    "distinct": Function(distinct, ("a list",)),
    "type": Function(type_of, ("a value",), reads=False),
    "int": Function(to_int, ("a value",)),
    "double": Function(to_double, ("a value",)),
    "bool": Function(to_bool, ("a value",)),
    "string": Function(to_string, ("a value",)),
    "timestamp": Function(to_timestamp, ("a value",)),
    "duration": Function(to_duration, ("a value",)),
    "dyn": Function(_same, ("a value",)),
    "math.@max": Function(_choose(max), ()),
    "math.@min": Function(_choose(min), ()),
    "math.abs": _on_number(abs),
    "math.ceil": _on_number(lambda x: float(math.ceil(x))),
    "math.floor": _on_number(lambda x: float(math.floor(x))),
    "math.round": _on_number(_round),
    "math.trunc": _on_number(lambda x: float(math.trunc(x))),
    "math.sign": _on_number(lambda x: type(x)((x > 0) - (x < 0))),
    "optional.of": Function(_optional_of, ("a value",)),
    "optional.none": Function(_optional_none, ()),
    "optional.ofNonZeroValue": Function(_of_non_zero, ("a value",)),
    "hasValue": Function(_has_value, ("an optional",)),
    "value": Function(_value_of, ("an optional",)),
    **{name: Function(time_part(name), ("a value",)) for name in TIME_PARTS},
}
"""Name -> function. `orValue` and `or` are not here because they evaluate their argument only when it is needed."""

LAZY_FUNCTIONS: Final = frozenset({"orValue", "or"})

MACROS: Final = {
    "map": "(variable, expression)",
    "filter": "(variable, condition)",
    "all": "(variable, condition)",
    "exists": "(variable, condition)",
    "exists_one": "(variable, condition)",
    "optMap": "(variable, expression)",
    "optFlatMap": "(variable, expression)",
    "has": "(path.field)",
    "math.greatest": "(number, ...)",
    "math.least": "(number, ...)",
}
"""What the parser expands, with the arguments it needs to do so."""
