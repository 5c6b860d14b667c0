"""The functions an expression may call, in one table. Each one's cost is bounded by what it is charged for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from workflows.expressions.budget import ELEMENT_WORK, MAX_PATTERN_LENGTH, Frame
from workflows.expressions.cel_language import call_scalar
from workflows.expressions.faults import Fault
from workflows.expressions.operators import add, checked
from workflows.expressions.times import TIME_PARTS, time_part
from workflows.expressions.values import (
    ABSENT,
    Optional,
    Value,
    duration_text,
    is_list,
    is_map,
    is_number,
    kind_of,
    timestamp_text,
)

_SPACES: Final = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TO_LOWER: Final = str.maketrans(_UPPER, _UPPER.lower())
_TO_UPPER: Final = str.maketrans(_UPPER.lower(), _UPPER)
_REPETITION: Final = re.compile(r"(\))?\{(\d{1,6})(?:,(\d{0,6}))?\}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

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

    def call(self, name: str, frame: Frame, args: Sequence[Value]) -> Value:
        """Check the arguments, charge for the text in them, and call."""
        for kind, value in zip(self.kinds, args, strict=False):
            if not _KINDS[kind](value):
                raise Fault(f"{name}() needs {kind}, not {kind_of(value)}")
            if isinstance(value, str):
                frame.charge(len(value))
        return self.body(frame, *args)


def _size(_: Frame, value: Value) -> int:
    if isinstance(value, str) or is_list(value) or is_map(value):
        return len(value)
    raise Fault(f"size() needs a string, a list or a map, not {kind_of(value)}")


def pattern_cost(pattern: str) -> int:
    """Return the work of one character matched with a pattern, from above; raise `Fault` when the pattern is too long."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise Fault(f"the pattern is longer than {MAX_PATTERN_LENGTH} characters")
    cost, factor = len(pattern), 1
    for group, least, most in _REPETITION.findall(pattern):
        times = max(int(least), int(most or 0), 1)
        if group:
            factor *= times
        else:
            cost += times
    return cost * factor


def matches(frame: Frame, text: str, pattern: str) -> bool:
    """Whether RE2 finds the pattern anywhere in the text."""
    frame.charge(pattern_cost(pattern) * (len(text) + 1))
    return bool(call_scalar("x.matches(y)", text, pattern))


def _position(text: str, at: int) -> int:
    if not 0 <= at <= len(text):
        raise Fault(f"position {at} is outside of the string, which has {len(text)} characters")
    return at


def _substring(_: Frame, text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else _position(text, end)
    if _position(text, start) > stop:
        raise Fault(f"substring() starts at {start}, after its end {stop}")
    return text[start:stop]


def _index_of(_: Frame, text: str, part: str, start: int = 0) -> int:
    return text.find(part, _position(text, start))


def _last_index_of(_: Frame, text: str, part: str, start: int | None = None) -> int:
    last = len(text) if start is None else _position(text, start)
    return text.rfind(part, 0, last + len(part))


def _char_at(_: Frame, text: str, at: int) -> str:
    return text[_position(text, at) : at + 1]


def _replace(frame: Frame, text: str, old: str, new: str, limit: int = -1) -> str:
    found = text.count(old)
    found = found if limit < 0 else min(found, limit)
    frame.charge(len(text) + found * len(new))
    return text.replace(old, new, limit)


def _split(frame: Frame, text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    frame.charge(ELEMENT_WORK * (text.count(separator) + 1))
    if separator:
        return text.split(separator, limit - 1 if limit > 0 else -1)
    cut = len(text) if limit < 0 else min(limit - 1, len(text))
    return [*text[:cut], *([text[cut:]] if text[cut:] else [])]


def _join(frame: Frame, parts: Sequence[Value], separator: str = "") -> str:
    frame.charge((ELEMENT_WORK + len(separator)) * len(parts))
    for part in parts:
        if not isinstance(part, str):
            raise Fault(f"join() needs a list of strings, not one with {kind_of(part)}")
        frame.charge(len(part))
    return separator.join(parts)


def _to_int(_: Frame, value: Value) -> int:
    if isinstance(value, str):
        return call_scalar("int(x)", value)
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(seconds=1)
    if not is_number(value):
        raise Fault(f"int() needs a number, a string or a timestamp, not {kind_of(value)}")
    return int(checked(math.trunc(value)))


def _to_double(_: Frame, value: Value) -> float:
    if isinstance(value, str):
        return checked(call_scalar("double(x)", value))
    if not is_number(value):
        raise Fault(f"double() needs a number or a string, not {kind_of(value)}")
    return float(checked(value))


def _to_bool(_: Frame, value: Value) -> bool:
    if isinstance(value, str):
        return bool(call_scalar("bool(x)", value))
    if isinstance(value, bool):
        return value
    raise Fault(f"bool() needs a bool or a string, not {kind_of(value)}")


def _to_string(_: Frame, value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return timestamp_text(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, float):
        return str(call_scalar("string(x)", value))
    if not isinstance(value, int):
        raise Fault(f"string() needs a string, a number, a bool or a time, not {kind_of(value)}")
    return str(value).lower() if isinstance(value, bool) else str(checked(value))


def _to_timestamp(_: Frame, value: Value) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return call_scalar("timestamp(x)", value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Fault(f"timestamp() needs RFC 3339 text or seconds since 1970, not {kind_of(value)}")
    try:
        return _EPOCH + timedelta(seconds=value)
    except OverflowError:
        raise Fault("the time is out of range") from None


def _to_duration(_: Frame, value: Value) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return call_scalar("duration(x)", value)
    raise Fault(f"duration() needs text such as '1h30m', not {kind_of(value)}")


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
    "size": Function(_size, ("a value",)),
    "contains": _on_two_texts(lambda text, part: part in text),
    "startsWith": _on_two_texts(str.startswith),
    "endsWith": _on_two_texts(str.endswith),
    "matches": Function(matches, ("a string", "a string")),
    "lowerAscii": _on_text(lambda text: text.translate(_TO_LOWER)),
    "upperAscii": _on_text(lambda text: text.translate(_TO_UPPER)),
    "trim": _on_text(lambda text: text.strip(_SPACES)),
    "substring": Function(_substring, ("a string", "an int", "an int")),
    "indexOf": Function(_index_of, ("a string", "a string", "an int")),
    "lastIndexOf": Function(_last_index_of, ("a string", "a string", "an int")),
    "charAt": Function(_char_at, ("a string", "an int")),
    "replace": Function(_replace, ("a string", "a string", "a string", "an int")),
    "split": Function(_split, ("a string", "a string", "an int")),
    "join": Function(_join, ("a list", "a string")),
    "sum": Function(_sum, ("a list",)),
    "int": Function(_to_int, ("a value",)),
    "double": Function(_to_double, ("a value",)),
    "bool": Function(_to_bool, ("a value",)),
    "string": Function(_to_string, ("a value",)),
    "timestamp": Function(_to_timestamp, ("a value",)),
    "duration": Function(_to_duration, ("a value",)),
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
