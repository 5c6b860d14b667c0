"""The seam to CEL: the only module that imports `cel_expr_python`.

CEL's own parser and type checker read every expression, and its own scalar functions (RE2, time and number formats) are called
one by one. What walks over data is evaluated in `evaluator`, because the C++ evaluator copies all data at each call, visits maps
in an order that differs between processes, and has no limit of memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from cel_expr_python import cel  # pyright: ignore[reportMissingTypeStubs]
from cel_expr_python.ext import ext_math, ext_optional, ext_strings  # pyright: ignore[reportMissingTypeStubs]

from advanced_workflow.workflows.expressions.faults import Fault, InvalidFault

_PROBLEM: Final = re.compile(r"<input>:(-?\d+):(-?\d+): (.*)")
_STATUS: Final = re.compile(r"^[A-Z_]+: (?:ERROR: )?| \[[A-Z_]+\]$")
_TOO_DEEP: Final = re.compile(r"recursion (?:limit|depth)")
_OVERLOAD: Final = re.compile(r"found no matching overload for '(.+?)' applied to '(.*)'")
_NUMBER: Final = re.compile(r"\b(?:int|double)\b")
_MIXING: Final = re.compile(
    r"_(?:\+|-|\*|/|==|!=|<|<=|>|>=)_ \((list\()*number\)*, (list\()*number\)*\)"
    r"|@in \((list\()*number\)*, list\((list\()*number\)*\)|math\.\S+ \((number(, )?)+\)|_\?_:_ \((bool|dyn), .*\)"
)
"""Calls that the checker refuses and evaluation allows: ints and doubles may mix, and branches may have two types.

The types are written with `number` for both. The checker takes `input.total * 2` for an int, whatever the data is.
"""
_MESSAGE_TYPE: Final = re.compile(r"google\.protobuf\.(\w+)")
_EXPECTING: Final = re.compile(r" expecting (?:\{.*\}|'.*')$")
OUR_TYPES: Final = ("timestamp", "duration")
"""Names of types that CEL knows by longer names only; what they stand for is put in before evaluation."""
_STATIC_TYPES: Final = {"int": "number", "double": "number"}


def _never_called(*_: object) -> None:
    raise AssertionError("functions of the project are evaluated in Python")


@lru_cache(maxsize=64)
def _environment(roots: frozenset[str]) -> cel.Env:
    any_type = cel.Type.DYN
    total = cel.Overload(
        "sum_list", return_type=any_type, parameters=[cel.Type.List(any_type)], is_member=True, impl=_never_called
    )
    some, whole = cel.Type.List(any_type), cel.Type.INT
    lists = {
        "slice": [
            cel.Overload(name, return_type=some, parameters=[some, whole, whole], is_member=member, impl=_never_called)
            for name, member in (("list_slice", True), ("slice_list", False))
        ],
        "distinct": [
            cel.Overload("list_distinct", return_type=some, parameters=[some], is_member=True, impl=_never_called)
        ],
    }
    return cel.NewEnv(
        variables=dict.fromkeys([*sorted(roots), *(one for one in OUR_TYPES if one not in roots)], any_type),
        extensions=[ext_optional.ExtOptional(), ext_strings.ExtStrings(), ext_math.ExtMath()],
        functions=[
            cel.FunctionDecl("sum", [total]),
            *(cel.FunctionDecl(name, overloads) for name, overloads in lists.items()),
        ],
    )


def _column(source: str, line: int, column: int) -> int:
    if line < 1 or column < 1:
        return 0
    before = source.splitlines(keepends=True)[: line - 1]
    return sum(len(text) for text in before) + column


def _problems(source: str, error: Exception) -> list[InvalidFault]:
    text = _STATUS.sub("", str(error))
    if _TOO_DEEP.search(text):
        return [InvalidFault("is nested too deeply; split it over several mappings")]
    found = [
        InvalidFault(_readable(reason.strip()), _column(source, int(line), int(column)))
        for line, column, reason in _PROBLEM.findall(text)
        if not _is_mixing(reason)
    ]
    if found or _PROBLEM.search(text):
        return found
    return [InvalidFault("is not valid Unicode text" if isinstance(error, TypeError) else text.strip() or "is not CEL")]


def _is_mixing(reason: str) -> bool:
    overload = _OVERLOAD.search(reason)
    return overload is not None and _MIXING.fullmatch(f"{overload[1]} {_NUMBER.sub('number', overload[2])}") is not None


def _readable(reason: str) -> str:
    overload = _OVERLOAD.search(reason)
    if overload is not None:
        types = _MESSAGE_TYPE.sub(lambda found: found[1].lower(), overload[2])
        return f"'{overload[1].strip('_@')}' cannot be applied to {types}"
    reason = _EXPECTING.sub("", reason.removeprefix("Syntax error: "))
    return "it ends too early" if "'<EOF>'" in reason else reason


def parse(source: str) -> bytes:
    """Return the syntax tree as a serialised `cel.expr.ParsedExpr` inside an `Any`; raise `InvalidFault`."""
    try:
        return _environment(frozenset[str]()).compile(source, disable_check=True).serialize()
    except (RuntimeError, TypeError, ValueError) as error:
        raise _problems(source, error)[0] from None


def check(source: str, roots: frozenset[str]) -> str:
    """Type-check and return the type of the result: `bool`, `string`, `number`, ..., or `dyn`; raise `InvalidFault`."""
    try:
        name = _environment(roots).compile(source).return_type().name().lower()
    except (RuntimeError, TypeError, ValueError) as error:
        for problem in _problems(source, error):
            raise problem from None
        return "dyn"
    return _STATIC_TYPES.get(name, name)


@lru_cache(maxsize=16)
def _scalar_function(call: str) -> Callable[[dict[str, Any]], Any]:
    environment = cel.NewEnv(variables={"x": cel.Type.DYN, "y": cel.Type.DYN})
    expression = environment.compile(call)

    def evaluate(values: dict[str, Any]) -> Any:  # noqa: ANN401 - any scalar
        value = expression.eval(data=values)
        if value.type() == cel.Type.ERROR:
            reason = _STATUS.sub("", str(value.plain_value()))
            raise Fault(reason)
        return value.plain_value()

    return evaluate


def call_scalar(call: str, x: str | float, y: str | None = None) -> Any:  # noqa: ANN401 - any scalar
    """Evaluate one of CEL's own functions of scalars, such as `timestamp(x)` or `x.matches(y)`; raise `Fault`."""
    _check_unicode(x)
    _check_unicode(y)
    try:
        return _scalar_function(call)({"x": x, "y": y})
    except (RuntimeError, ValueError) as error:
        raise Fault(_STATUS.sub("", str(error))) from None


def _check_unicode(value: str | float | None) -> None:
    # Half a surrogate pair is text for Python and for JSON, but not for CEL.
    try:
        str(value).encode()
    except UnicodeEncodeError:
        raise Fault("the text is not valid Unicode") from None
