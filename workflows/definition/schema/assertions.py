"""The keywords of JSON Schema that look at one value: its type, size, text and equality."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from math import isfinite
from typing import Any, Final, cast

from advanced_workflow.workflows.definition.schema.checker import Here, Rule
from advanced_workflow.workflows.definition.schema.places import shown
from advanced_workflow.workflows.expressions.patterns import found_in, match_size

_WRITER: Final = json.JSONEncoder(sort_keys=True, default=repr)
_CHARACTERS: Final = 50
"""Characters of JSON that are written in one step."""
_CHARACTERS_REWRITTEN: Final = 5
_DIGITS: Final = 500
"""Digits of a number that are divided in one step."""
_MAY_BE_WHOLE: Final = re.compile(r"\d(?:\.0(?!\d)|e\+?\d)")
"""What a double that is a whole number looks like."""


def is_number(value: object) -> bool:
    """Whether a value is a number; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_of_type(value: object, name: str) -> bool:
    """Whether a value is of a type of JSON Schema."""
    match name:
        case "integer":
            return is_number(value) and (isinstance(value, int) or cast("float", value).is_integer())
        case "number":
            return is_number(value)
        case _:
            return isinstance(value, _TYPES[name])


_TYPES: Final[Mapping[str, type]] = {"array": list, "boolean": bool, "null": type(None), "object": dict, "string": str}


def matches(here: Here, pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text, by RE2; a microsecond of it is a step."""
    here.run.used_patterns = True
    if here.run.find_before is not None:
        return here.run.find_before(pattern, text)
    here.run.charge(match_size(pattern, text))
    return found_in(pattern, text)


def canonical(here: Here, value: object) -> str:
    """The same text for equal values and for no others: 1 and 1.0 are equal, 1 and true are not."""
    text = _WRITER.encode(value)
    here.run.charge(5 + len(text) // _CHARACTERS)
    if _MAY_BE_WHOLE.search(text) is None:
        return text
    here.run.charge(len(text) // _CHARACTERS_REWRITTEN)
    return _WRITER.encode(_whole(value))


def _whole(value: object) -> object:
    """The value with whole doubles as ints."""
    if isinstance(value, float) and isfinite(value) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        return {name: _whole(one) for name, one in cast("dict[str, object]", value).items()}
    return value


def _type(here: Here, names: str | list[str]) -> bool:
    listed = [names] if isinstance(names, str) else names
    if any(is_of_type(here.value, name) for name in listed):
        return True
    return here.refuse("type", f"{shown(here.value)} is not of type {', '.join(map(repr, listed))}")


def _enum(here: Here, options: list[Any]) -> bool:
    here.run.charge(1 + len(options) // 20)
    if isinstance(here.value, str):
        fits = here.value in options
    else:
        wanted = canonical(here, here.value)
        fits = any(canonical(here, one) == wanted for one in options if type(one) is not str)
    return fits or here.refuse("enum", f"{shown(here.value)} is not one of {', '.join(map(shown, options[:10]))}")


def _const(here: Here, constant: object) -> bool:
    if canonical(here, here.value) == canonical(here, constant):
        return True
    return here.refuse("const", f"{shown(here.value)} is not {shown(constant)}, which was expected")


def _multiple_of(here: Here, factor: float) -> bool:
    value = here.value
    if not is_number(value):
        return True
    here.run.charge(_digits(value) // _DIGITS)
    if (_is_multiple if here.run.decimal else _is_multiple_of_doubles)(value, factor):
        return True
    return here.refuse("multipleOf", f"{shown(value)} is not a multiple of {factor}")


def _digits(value: float) -> int:
    return value.bit_length() // 3 if isinstance(value, int) else 0


def _is_multiple(value: float, factor: float) -> bool:
    """By the decimal numbers that are written: 19.99 is a multiple of 0.01, though the doubles nearest to them do not divide."""
    if isinstance(value, int) and isinstance(factor, int):
        return value % factor == 0
    if isinstance(value, float) and not isfinite(value):
        return False
    return (_written(value) / _written(factor)).denominator == 1


def _written(number: float) -> Fraction:
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _is_multiple_of_doubles(value: float, factor: float) -> bool:
    """As runs decide that began before rules 4."""
    if isinstance(value, int) and isinstance(factor, int):
        return value % factor == 0
    if isinstance(value, float) and not isfinite(value):
        return False
    try:
        quotient = value / factor
        return int(quotient) == quotient
    except OverflowError:
        return (Fraction(value) / Fraction(factor)).denominator == 1


def _bound(keyword: str, words: str, *, least: bool, itself: bool) -> Rule:
    def rule(here: Here, bound: float) -> bool:
        value = here.value
        if not is_number(value) or (value > bound if least else value < bound) or (itself and value == bound):
            return True
        return here.refuse(keyword, f"{shown(value)} is {words} of {bound}")

    return rule


def _size(keyword: str, kind: type, *, least: bool) -> Rule:
    few, many = (
        ("is too short", "is too long") if kind is not dict else ("has too few properties", "has too many properties")
    )

    def rule(here: Here, bound: float) -> bool:
        value = here.value
        if not isinstance(value, kind):
            return True
        size = len(cast("str", value))
        if size >= bound if least else size <= bound:
            return True
        limit = (
            f"; it has {size} and {'at least' if least else 'at most'} {bound:g} are allowed" if kind is not str else ""
        )
        return here.refuse(keyword, f"{shown(cast('object', value))} {few if least else many}{limit}")

    return rule


def _pattern(here: Here, pattern: str) -> bool:
    if not isinstance(here.value, str) or matches(here, pattern, here.value):
        return True
    return here.refuse("pattern", f"{shown(here.value)} does not match {shown(pattern)}")


def _unique_items(here: Here, wanted: object) -> bool:
    if not wanted or not isinstance(here.value, list):
        return True
    known: set[str] = set()
    for index, item in enumerate(cast("list[object]", here.value)):
        text = canonical(here, item)
        if text in known:
            return here.refuse("uniqueItems", f"the item {index} is in the list twice")
        known.add(text)
    return True


def _required(here: Here, names: list[str]) -> bool:
    fields = here.fields
    if fields is None:
        return True
    here.run.charge(len(names) // 4)
    missing = [name for name in names if name not in fields]
    for name in missing[:10]:
        here.refuse("required", f"{shown(name)} is a required property")
    return not missing


def _dependent_required(here: Here, wanted: Mapping[str, list[str]]) -> bool:
    fields, fits = here.fields, True
    for name, others in wanted.items() if fields is not None else ():
        here.run.charge(1 + len(others))
        missing = next((one for one in others if fields and one not in fields), None)
        if fields and name in fields and missing is not None:
            fits = here.refuse("dependentRequired", f"{shown(missing)} is needed where there is {shown(name)}")
    return fits


ASSERTIONS: Final[Mapping[str, Rule]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "multipleOf": _multiple_of,
    "minimum": _bound("minimum", "less than the minimum", least=True, itself=True),
    "maximum": _bound("maximum", "greater than the maximum", least=False, itself=True),
    "exclusiveMinimum": _bound("exclusiveMinimum", "less than or equal to the minimum", least=True, itself=False),
    "exclusiveMaximum": _bound("exclusiveMaximum", "greater than or equal to the maximum", least=False, itself=False),
    "minLength": _size("minLength", str, least=True),
    "maxLength": _size("maxLength", str, least=False),
    "minItems": _size("minItems", list, least=True),
    "maxItems": _size("maxItems", list, least=False),
    "minProperties": _size("minProperties", dict, least=True),
    "maxProperties": _size("maxProperties", dict, least=False),
    "pattern": _pattern,
    "uniqueItems": _unique_items,
    "required": _required,
    "dependentRequired": _dependent_required,
}
