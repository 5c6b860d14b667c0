from __future__ import annotations

import json
import math
from typing import Any

from cel_expr_python import cel  # pyright: ignore[reportMissingTypeStubs]
from cel_expr_python.ext import ext_math, ext_optional, ext_strings  # pyright: ignore[reportMissingTypeStubs]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workflows.definition.policies import Condition
from workflows.errors import ExpressionBudgetExceeded, ExpressionError
from workflows.expressions import ORDINARY, compile_condition, compile_expression, compile_mapping, parse_target

SCOPE: dict[str, Any] = {
    "input": {
        "a": 3,
        "b": -2,
        "r": 1.5,
        "s": "ab-é",
        "t": "b",
        "yes": True,
        "none": None,
        "list": [3, 1, 2],
        "words": ["x", "ab-é", ""],
        "map": {"z": 1, "a": 2},
    },
    "workflow": {"a": {"a": 1}},
    "steps": {"a": {"output": {"a": 1}}},
    "run": {"execution_id": "r"},
}
REFERENCE = cel.NewEnv(
    variables=dict.fromkeys(sorted(ORDINARY), cel.Type.DYN),
    extensions=[ext_optional.ExtOptional(), ext_strings.ExtStrings(), ext_math.ExtMath()],
)
FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abst"), inner, max_size=3),
    max_leaves=8,
)
TOKENS = st.sampled_from(
    "input workflow steps run item a b list map s . .? [ ] [? ( ) { } , : ? + - * / % ! == != < <= > >= && || in has size "
    "1 0 2.5 1u -1 'a' \"b\" b'x' r'\\d' null true false .map( .filter( .all( .exists( x .orValue( .optMap( timestamp( "
    "duration('1s') '2026-01-01T00:00:00Z' matches( .split( .join( math.greatest( optional.of( string( type( \n //".split(
        " "
    )
)
SOURCES = (
    st.text(max_size=60) | st.lists(TOKENS, max_size=25).map(" ".join) | st.lists(TOKENS, max_size=25).map("".join)
)


def joined(*parts: Any) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map("".join)


def grammar() -> dict[str, st.SearchStrategy[str]]:
    """Make expressions of every type, with some that fail on the way."""
    number: st.SearchStrategy[str] = st.deferred(lambda: numbers)
    text: st.SearchStrategy[str] = st.deferred(lambda: texts)
    truth: st.SearchStrategy[str] = st.deferred(lambda: truths)
    listed: st.SearchStrategy[str] = st.deferred(lambda: lists)
    numbers = st.one_of(
        st.sampled_from(
            ["input.a", "input.b", "input.map.z", "input.none", "input.nope", "input.list[0]", "1", "0", "-7", "2"]
        ),
        joined("(", number, st.sampled_from([" + ", " - ", " * ", " / ", " % "]), number, ")"),
        joined("size(", listed, ")"),
        joined("size(", text, ")"),
        joined("(", truth, " ? ", number, " : ", number, ")"),
        joined(text, ".indexOf(", text, ")"),
        joined(text, ".lastIndexOf(", text, ")"),
        joined(listed, "[", number, "]"),
        joined("dyn(", listed, ")[?", number, "].orValue(", number, ")"),
        joined("math.greatest(", number, ", ", number, ")"),
        joined("int(", text, ")"),
    )
    texts = st.one_of(
        st.sampled_from(["input.s", "input.t", "'a'", "''", "'-'", "input.nope", "input.words[1]", "'12'"]),
        joined("(", text, " + ", text, ")"),
        joined("string(", number, ")"),
        joined(text, ".replace(", text, ", ", text, ")"),
        joined(text, ".replace(", text, ", ", text, ", ", number, ")"),
        joined(text, ".substring(", number, ")"),
        joined(text, ".substring(", number, ", ", number, ")"),
        joined(text, ".charAt(", number, ")"),
        joined(text, st.sampled_from([".lowerAscii()", ".upperAscii()", ".trim()"])),
        joined(text, ".split(", text, ").join(", text, ")"),
    )
    truths = st.one_of(
        st.sampled_from(
            ["input.yes", "true", "false", "input.none", "has(input.a)", "has(input.nope)", "'z' in input.map"]
        ),
        joined("(", truth, st.sampled_from([" && ", " || "]), truth, ")"),
        joined("!", truth),
        joined("(", number, st.sampled_from([" < ", " <= ", " > ", " >= ", " == ", " != "]), number, ")"),
        joined("(", text, st.sampled_from([" < ", " >= ", " == ", " != "]), text, ")"),
        joined("(", number, " in ", listed, ")"),
        joined("(", listed, " == ", listed, ")"),
        joined(text, st.sampled_from([".contains(", ".startsWith(", ".endsWith("]), text, ")"),
        joined(text, ".matches('", st.sampled_from(["a+", "^b", "[^a]$", "."]), "')"),
        joined(listed, st.sampled_from([".all(", ".exists(", ".exists_one("]), "x, x > ", number, ")"),
        joined(listed, st.sampled_from([".all(", ".exists(", ".exists_one("]), "x, ", number, " / x == 1)"),
    )
    lists = st.one_of(
        st.sampled_from(["input.list", "[]", "[1, 2]", "input.nope"]),
        joined("[", number, ", ", number, "]"),
        joined(listed, ".map(x, x + ", number, ")"),
        joined(listed, ".map(x, x > 1, ", number, ")"),
        joined(listed, ".filter(x, ", truth, ")"),
        joined("(", listed, " + ", listed, ")"),
    )
    return {"number": numbers, "text": texts, "truth": truths, "list": lists}


WELL_FORMED = st.one_of(*grammar().values())


def reference_value(source: str) -> tuple[bool, Any]:
    """Return whether CEL's own evaluator succeeds, and its value."""
    value = REFERENCE.compile(source).eval(data=SCOPE)
    return value.type() != cel.Type.ERROR, value.plain_value()


@FUZZ
@given(SOURCES, JSON)
def test_no_text_does_anything_but_give_json_or_an_expression_error(source: str, data: Any) -> None:
    try:
        result = compile_expression(source, ORDINARY).evaluate({**SCOPE, "input": data})
    except ExpressionError as error:
        assert error.reason
        assert 0 <= error.column <= len(source) + 1
    else:
        json.dumps(result, allow_nan=False)


@FUZZ
@given(WELL_FORMED, JSON)
def test_well_formed_text_over_any_data_gives_json_or_an_expression_error(source: str, data: Any) -> None:
    try:
        result = compile_expression(source, ORDINARY).evaluate({**SCOPE, "input": data})
    except ExpressionError as error:
        assert error.reason
    else:
        json.dumps(result, allow_nan=False)


@FUZZ
@given(WELL_FORMED)
def test_values_are_those_of_cels_own_evaluator(source: str) -> None:
    try:
        expression = compile_expression(source, ORDINARY)
    except ExpressionError:
        return
    try:
        succeeds, expected = reference_value(source)
    except RuntimeError:
        # Only its checker refuses what mixes ints and doubles.
        return
    try:
        result = expression.evaluate(SCOPE)
    except ExpressionBudgetExceeded:
        return
    except ExpressionError as error:
        assert not succeeds, f"{error} but CEL gives {expected!r}"
    else:
        assert succeeds, f"{result!r} but CEL fails: {expected}"
        assert (result, type(result)) == (expected, type(expected))


@FUZZ
@given(st.text(max_size=30), JSON)
def test_no_target_or_value_does_anything_but_write_or_raise(target: str, value: Any) -> None:
    for text in (target, f"workflow.{target}", f"workflow.a.{target}[]"):
        try:
            parse_target(text).assign({"a": {"b": [1]}, "b": 1}, value)
        except ExpressionError as error:
            assert error.reason


@FUZZ
@given(st.sampled_from(["==", "!=", ">", ">=", "<", "<=", "in", "not_in", "contains", "exists", "matches"]), JSON, JSON)
def test_no_condition_does_anything_but_answer_or_raise(operator: str, left: Any, right: Any) -> None:
    condition = Condition.model_validate({"field": "input", "operator": operator, "value": right})
    try:
        assert compile_condition(condition, ORDINARY).holds({"input": left}) in (True, False)
    except ExpressionError as error:
        assert error.reason


@FUZZ
@given(JSON)
def test_no_mapping_does_anything_but_give_json_or_raise(mapping: Any) -> None:
    try:
        json.dumps(compile_mapping(mapping, ORDINARY).evaluate(SCOPE), allow_nan=False)
    except ExpressionError as error:
        assert error.reason


def test_numbers_are_written_as_cel_writes_them() -> None:
    for number in (1.0, 0.1 + 0.2, 1e21, 1e-7, 123456789.5, -0.0, math.pi):
        value = REFERENCE.compile("string(input)").eval(data={"input": number}).plain_value()
        assert compile_expression("string(input)", ORDINARY).evaluate({"input": number}) == value
