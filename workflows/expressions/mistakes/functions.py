"""Functions of other languages, each with the one of CEL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from advanced_workflow.workflows.expressions.mistakes.masked import CHARACTERS, TEXT
from advanced_workflow.workflows.expressions.mistakes.words import Rule
from advanced_workflow.workflows.expressions.type_names import NAMES

_ARGUMENT: Final = rf"((?:[\w.\[\]?{CHARACTERS}]|\(\))+)"
_CALLED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("len", "length", "count", "sizeof"), "size"),
    **dict.fromkeys(("str", "String", "toString", "to_string", "tostring"), "string"),
    **dict.fromkeys(("parseInt", "integer", "toInt", "to_int", "Int"), "int"),
    **dict.fromkeys(("float", "number", "Number", "parseFloat", "to_number", "decimal"), "double"),
    **dict.fromkeys(("date", "datetime", "Date", "to_date", "parse_date", "time"), "timestamp"),
    **dict.fromkeys(("abs", "Math.abs"), "math.abs"),
    **dict.fromkeys(("max", "Math.max"), "math.greatest"),
    **dict.fromkeys(("min", "Math.min"), "math.least"),
    **dict.fromkeys(("round", "Math.round"), "math.round"),
    **dict.fromkeys(("floor", "Math.floor"), "math.floor"),
    **dict.fromkeys(("ceil", "Math.ceil"), "math.ceil"),
    **dict.fromkeys(("typeof", "typeOf", "gettype"), "type"),
    **dict.fromkeys(("exists", "defined", "isset", "isDefined"), "has"),
}
_METHODS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("lower", "toLowerCase", "toLower", "lowercase", "downcase"), "lowerAscii"),
    **dict.fromkeys(("upper", "toUpperCase", "toUpper", "uppercase", "upcase"), "upperAscii"),
    **dict.fromkeys(("strip",), "trim"),
    **dict.fromkeys(("startswith", "starts_with", "hasPrefix"), "startsWith"),
    **dict.fromkeys(("endswith", "ends_with", "hasSuffix"), "endsWith"),
    **dict.fromkeys(("includes", "include", "has_text"), "contains"),
    **dict.fromkeys(("length", "len", "count"), "size"),
    **dict.fromkeys(("any", "some"), "exists"),
    **dict.fromkeys(("unique", "uniq", "dedupe"), "distinct"),
    **dict.fromkeys(("every", "forEach"), "all"),
    **dict.fromkeys(("match", "test"), "matches"),
    **dict.fromkeys(("indexof", "find_text"), "indexOf"),
    **dict.fromkeys(("substr", "slice_text"), "substring"),
}
_OF_THE_FIRST: Final[Mapping[str, str]] = {
    **{name: method for name, method in _METHODS.items() if method in ("lowerAscii", "upperAscii", "trim")},
    **{name: name for name in ("trim", "contains", "startsWith", "endsWith", "lowerAscii", "upperAscii", "matches")},
    **dict.fromkeys(("startswith", "starts_with"), "startsWith"),
    **dict.fromkeys(("endswith", "ends_with"), "endsWith"),
    **{name: name for name in ("distinct", "slice", "sum", "join", "split", "replace", "substring")},
    **dict.fromkeys(("unique", "uniq", "dedupe", "set"), "distinct"),
}
"""Functions that are methods of their first argument in CEL."""


_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("integer", "Integer", "Int", "long"), "int"),
    **dict.fromkeys(("float", "number", "Number", "decimal"), "double"),
    **dict.fromkeys(("str", "text", "String", "Str"), "string"),
    **dict.fromkeys(("boolean", "Boolean", "Bool"), "bool"),
    **dict.fromkeys(("array", "Array", "List", "tuple"), "list"),
    **dict.fromkeys(("object", "Object", "dict", "Map"), "map"),
    **dict.fromkeys(("null", "NoneType", "none", "undefined"), "null_type"),
    **dict.fromkeys(("date", "datetime", "time", "Date"), "timestamp"),
    **dict.fromkeys(("timedelta", "interval"), "duration"),
}
"""What others call the types."""
_CALLS: Final[Mapping[str, str]] = {
    "slice": "list.slice(from, to)",
    "distinct": "list.distinct()",
    "sum": "list.sum()",
    "join": "list.join(', ')",
    "split": "text.split(',')",
    "replace": "text.replace('from', 'to')",
    "substring": "text.substring(from, to)",
    "indexOf": "text.indexOf('part')",
    "contains": "text.contains('part')",
    "startsWith": "text.startsWith('part')",
    "endsWith": "text.endsWith('part')",
    "matches": "text.matches('pattern')",
    "trim": "text.trim()",
    "lowerAscii": "text.lowerAscii()",
    "upperAscii": "text.upperAscii()",
    "size": "size(value)",
    "type": "type(value)",
    "int": "int(value)",
    "double": "double(value)",
    "string": "string(value)",
    "timestamp": "timestamp('2024-01-31T08:00:00Z')",
    "duration": "duration('90s')",
}
"""How functions are called."""


def named_type(name: str) -> str | None:
    """What CEL calls a type."""
    return _TYPES.get(name, name if name in NAMES else None)


def call_of(name: str) -> str | None:
    """How a function is called, for a sentence."""
    return _CALLS.get(name)


def _names(table: Mapping[str, str]) -> str:
    return "|".join(re.escape(name) for name in sorted(table, key=len, reverse=True))


def _call(found: re.Match[str]) -> str:
    return f"{_CALLED[found[1]]}("


def _method(found: re.Match[str]) -> str:
    return f".{_METHODS[found[1]]}("


def _is_of(found: re.Match[str]) -> str:
    return f"type({found[1]}) == {_TYPES.get(found[2], found[2])}"


def _type(found: re.Match[str]) -> str:
    return f"{found[1]}{_TYPES[found[2]]}"


def _of_first(found: re.Match[str]) -> str:
    return f"{found[2]}.{_OF_THE_FIRST[found[1]]}({(found[3] or '').strip()})"


_NO_CLOCK: Final = "an expression has no clock, as it gives the same in every replay; the run's start is run.started_at"
_NO_CHANCE: Final = "an expression has no chance in it, as it gives the same in every replay"
FUNCTIONS: Final = (
    Rule(
        re.compile(r"\b(?:now|today|utcnow|Date\.now|datetime\.now|datetime\.utcnow)\(\)"),
        "timestamp(run.started_at)",
        _NO_CLOCK,
    ),
    Rule(re.compile(r"\bnew\s+Date\(\)"), "timestamp(run.started_at)", _NO_CLOCK),
    Rule(re.compile(r"\b(?:uuid4?|uuidv4|guid|random|rand|Math\.random|randint)\(\)"), "run.execution_id", _NO_CHANCE),
    Rule(re.compile(rf"\b(?:concat)\({_ARGUMENT}\s*,\s*{_ARGUMENT}\)"), r"\1 + \2", "texts are joined by '+'"),
    Rule(
        re.compile(rf"\b(?:default|coalesce|ifnull|get)\(([A-Za-z_][\w.]*)\.(\w+)\s*,\s*{_ARGUMENT}\)"),
        r"\1.?\2.orValue(\3)",
        "a default is x.?field.orValue(...)",
    ),
    Rule(
        re.compile(rf"\.get\(({TEXT})\s*,\s*{_ARGUMENT}\)"),
        r"[?\1].orValue(\2)",
        "a default is x.?field.orValue(...), or x[?'name'].orValue(...)",
    ),
    Rule(re.compile(rf"\.get\(({TEXT})\)"), r"[\1]", "a field is read as x.field or x['name']"),
    Rule(re.compile(rf"\b(?:is_?[Ee]mpty|empty)\({_ARGUMENT}\)"), r"size(\1) == 0", "empty is size(x) == 0"),
    Rule(
        re.compile(rf"(?<![\w.])({_names(_OF_THE_FIRST)})\({_ARGUMENT}\s*(?:,([^()]*))?\)"),
        _of_first,
        "what '{1}' does is a method in CEL",
    ),
    Rule(re.compile(rf"(?<![\w.])({_names(_CALLED)})\("), _call, "CEL has no '{1}'"),
    Rule(re.compile(rf"\.({_names(_METHODS)})\("), _method, "CEL has no '{1}'"),
    Rule(re.compile(r"\.length\b(?!\()"), ".size()", "the length is size(x)"),
    Rule(re.compile(r"\.sum\(\s*(\w+)\s*,\s*([^()]+)\)"), r".map(\1, \2).sum()", "sum() takes no expression"),
    Rule(re.compile(rf"\bisinstance\(\s*{_ARGUMENT}\s*,\s*(\w+)\s*\)"), _is_of, "a type is compared: type(x) == int"),
    Rule(re.compile(r"\[\s*(\d+)\s*:\s*(\d+)\s*\]"), r".slice(\1, \2)", "a part of a list is list.slice(from, to)"),
    Rule(
        re.compile(rf"(\btype\([^()]*\)\s*[!=]=\s*)({_names(_TYPES)})\b(?![.(])"),
        _type,
        "CEL calls this type otherwise",
    ),
)
