"""CEL's eager operators. Ints and doubles mix, as numbers in JSON do; nothing overflows, and nothing becomes NaN or infinite."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from math import isfinite
from typing import Final, TypeAlias

from advanced_workflow.workflows.expressions.budget import ELEMENT_WORK, Frame
from advanced_workflow.workflows.expressions.faults import Fault
from advanced_workflow.workflows.expressions.values import Value, equal, is_in, is_less, is_list, is_number, kind_of

Operator: TypeAlias = Callable[..., Value]
"""Called with the frame and the operands; raises `Fault`."""

_LEAST_INT: Final = -(1 << 63)
_GREATEST_INT: Final = (1 << 63) - 1


def checked(number: float) -> float:
    """Return the number; raise `Fault` when it is an int beyond 64 bits or a double that is not finite."""
    if isinstance(number, int):
        if not _LEAST_INT <= number <= _GREATEST_INT:
            raise Fault("the int does not fit into 64 bits; use a double")
    elif not isfinite(number):
        raise Fault("the result is not a finite number")
    return number


def _calculate(left: Value, right: Value, symbol: str, by_number: Callable[[Value, Value], float]) -> Value:
    if not (is_number(left) and is_number(right)):
        raise Fault(f"cannot calculate {kind_of(left)} {symbol} {kind_of(right)}")
    try:
        return checked(by_number(left, right))
    except ZeroDivisionError:
        raise Fault("division by zero") from None
    except OverflowError:
        raise Fault("the result is not a finite number") from None


def _calculate_time(left: Value, right: Value, symbol: str, by_time: Callable[[Value, Value], Value]) -> Value:
    try:
        return by_time(left, right)
    except TypeError:
        raise Fault(f"cannot calculate {kind_of(left)} {symbol} {kind_of(right)}") from None
    except OverflowError:
        raise Fault("the time is out of range") from None


def _is_time(value: Value) -> bool:
    return isinstance(value, datetime | timedelta)


def add(frame: Frame, left: Value, right: Value) -> Value:
    """Add numbers or times, join strings or lists."""
    if isinstance(left, str) and isinstance(right, str):
        frame.charge(len(left) + len(right))
        return left + right
    if is_list(left) and is_list(right):
        frame.charge(ELEMENT_WORK * (len(left) + len(right)))
        return [*left, *right]
    if _is_time(left) and _is_time(right):
        return _calculate_time(left, right, "+", lambda a, b: a + b)
    return _calculate(left, right, "+", lambda a, b: a + b)


def _subtract(_: Frame, left: Value, right: Value) -> Value:
    if _is_time(left) and _is_time(right):
        return _calculate_time(left, right, "-", lambda a, b: a - b)
    return _calculate(left, right, "-", lambda a, b: a - b)


def _multiply(_: Frame, left: Value, right: Value) -> Value:
    return _calculate(left, right, "*", lambda a, b: a * b)


def _quotient(left: Value, right: Value) -> float:
    if isinstance(left, float) or isinstance(right, float):
        return left / right
    whole = abs(left) // abs(right)
    return whole if (left < 0) == (right < 0) else -whole


def _divide(_: Frame, left: Value, right: Value) -> Value:
    return _calculate(left, right, "/", _quotient)


def _remainder(left: int, right: int) -> int:
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def _modulo(_: Frame, left: Value, right: Value) -> Value:
    if isinstance(left, float) or isinstance(right, float):
        raise Fault("'%' needs ints; write int(...)")
    return _calculate(left, right, "%", _remainder)


def _negate(_: Frame, value: Value) -> Value:
    if not is_number(value):
        raise Fault(f"cannot negate {kind_of(value)}")
    return checked(-value)


def _invert(_: Frame, value: Value) -> bool:
    return not truth(value, "!")


def truth(value: Value, place: str) -> bool:
    """Return the bool; raise `Fault` for anything else: nothing counts as true or false but `true` and `false`."""
    if value is True or value is False:
        return value
    raise Fault(f"'{place}' needs a bool, not {kind_of(value)}")


def _not_equal(frame: Frame, left: Value, right: Value) -> bool:
    return not equal(frame, left, right)


def _is_greater(frame: Frame, left: Value, right: Value) -> bool:
    return is_less(frame, right, left)


def _is_at_most(frame: Frame, left: Value, right: Value) -> bool:
    return not is_less(frame, right, left)


def _is_at_least(frame: Frame, left: Value, right: Value) -> bool:
    return not is_less(frame, left, right)


OPERATORS: Final[dict[str, Operator]] = {
    "_+_": add,
    "_-_": _subtract,
    "_*_": _multiply,
    "_/_": _divide,
    "_%_": _modulo,
    "-_": _negate,
    "!_": _invert,
    "_==_": equal,
    "_!=_": _not_equal,
    "_<_": is_less,
    "_<=_": _is_at_most,
    "_>_": _is_greater,
    "_>=_": _is_at_least,
    "@in": is_in,
}
"""CEL's name of the operator -> what it does. `&&`, `||`, `?:` and access do not evaluate all their operands: see `evaluator`."""
