from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from cel_expr_python import cel  # pyright: ignore[reportMissingTypeStubs]
from cel_expr_python.ext import ext_math, ext_optional, ext_strings  # pyright: ignore[reportMissingTypeStubs]
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.definition.model.conditions import Condition, Operator
from advanced_workflow.workflows.definition.model.roots import ORDINARY
from advanced_workflow.workflows.errors import ExpressionBudgetExceeded, ExpressionError, ExpressionInvalid
from advanced_workflow.workflows.expressions import compile_condition, compile_expression, compile_mapping, parse_target
from tests.examples import profile

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
FUZZ = profile(200)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abst"), inner, max_size=3),
    max_leaves=8,
)
WORDS = r"""
input workflow steps run item a b list map s . .? [ ] [? ( ) { } , : ? + - * / % ! == != < <= > >= && || in has size
1 0 2.5 1u -1 'a' "b" b'x' r'\d' null true false .map( .filter( .all( .exists( x .orValue( .optMap( timestamp( math.greatest(
duration('1s') '2026-01-01T00:00:00Z' matches( .split( .join( optional.of( string( type( == int timestamp .distinct() .slice( //
"""
TOKENS = st.sampled_from(WORDS.split())
SOURCES = (
    st.text(max_size=60) | st.lists(TOKENS, max_size=25).map(" ".join) | st.lists(TOKENS, max_size=25).map("".join)
)


def joined(*parts: str | st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map("".join)


def one_of(*leaves: str) -> st.SearchStrategy[str]:
    return st.sampled_from(leaves)


LEAVES = {
    "number": one_of(
        "input.a", "input.b", "input.map.z", "input.none", "input.nope", "input.list[0]", "1", "0", "-7", "2"
    ),
    "text": one_of("input.s", "input.t", "'a'", "''", "'-'", "input.nope", "input.words[1]", "'12'"),
    "truth": one_of("input.yes", "true", "false", "input.none", "has(input.a)", "has(input.nope)", "'z' in input.map"),
    "list": one_of("input.list", "[]", "[1, 2]", "input.nope"),
}


def numbers(number: Any, text: Any, truth: Any, listed: Any) -> st.SearchStrategy[str]:
    return st.one_of(
        joined("(", number, one_of(" + ", " - ", " * ", " / ", " % "), number, ")"),
        joined("size(", listed | text, ")"),
        joined("(", truth, " ? ", number, " : ", number, ")"),
        joined(text, one_of(".indexOf(", ".lastIndexOf("), text, ")"),
        joined(listed, "[", number, "]"),
        joined("dyn(", listed, ")[?", number, "].orValue(", number, ")"),
        joined(one_of("math.greatest(", "math.least("), number, ", ", number, ")"),
        joined("int(", text, ")"),
    )


def texts(number: Any, text: Any, truth: Any, listed: Any) -> st.SearchStrategy[str]:
    # Not substring(start, end): CEL's own refuses an end that is the size of the string.
    return st.one_of(
        joined("(", text, " + ", text, ")"),
        joined("string(", number | truth, ")"),
        joined(text, ".replace(", text, ", ", text, ")"),
        joined(text, ".replace(", text, ", ", text, ", ", number, ")"),
        joined(text, one_of(".substring(", ".charAt("), number, ")"),
        joined(text, one_of(".lowerAscii()", ".upperAscii()", ".trim()")),
        joined(text, ".split(", text, ").join(", text, ")"),
        joined(listed, ".map(x, string(x)).join(", text, ")"),
    )


def truths(number: Any, text: Any, truth: Any, listed: Any) -> st.SearchStrategy[str]:
    quantifiers = one_of(".all(", ".exists(", ".exists_one(")
    return st.one_of(
        joined("(", truth, one_of(" && ", " || "), truth, ")"),
        joined("!", truth),
        joined("(", number, one_of(" < ", " <= ", " > ", " >= ", " == ", " != "), number, ")"),
        joined("(", text, one_of(" < ", " >= ", " == ", " != "), text, ")"),
        joined("(", number, " in ", listed, ")"),
        joined("(", listed, " == ", listed, ")"),
        joined(text, one_of(".contains(", ".startsWith(", ".endsWith("), text, ")"),
        joined(text, ".matches('", one_of("a+", "^b", "[^a]$", "."), "')"),
        joined(listed, quantifiers, "x, x > ", number, ")"),
        joined(listed, quantifiers, "x, ", number, " / x == 1)"),
        joined(
            "(type(", number | text | listed, one_of(") == ", ") != "), one_of("int", "double", "string", "list"), ")"
        ),
    )


def lists(number: Any, text: Any, truth: Any, listed: Any) -> st.SearchStrategy[str]:
    return st.one_of(
        joined("[", number, ", ", number, "]"),
        joined(listed, ".map(x, x + ", number, ")"),
        joined(listed, ".map(x, x > 1, ", number, ")"),
        joined(listed, ".filter(x, ", truth, ")"),
        joined("(", listed, " + ", listed, ")"),
        joined("[size(", text, ")]"),
    )


def deeper(kinds: dict[str, st.SearchStrategy[str]]) -> dict[str, st.SearchStrategy[str]]:
    inner = tuple(kinds.values())
    makers = {"number": numbers, "text": texts, "truth": truths, "list": lists}
    return {kind: LEAVES[kind] | make(*inner) for kind, make in makers.items()}


WELL_FORMED = st.one_of(*deeper(deeper(deeper(LEAVES))).values())


def attempt(action: Callable[[], Any]) -> Any:
    """Return what the action gives, or its expression error; anything else it raises fails the test."""
    try:
        return action()
    except ExpressionError as error:
        return error


def is_answer(outcome: Any) -> bool:
    """Whether an outcome is an error with a reason, or JSON."""
    if isinstance(outcome, ExpressionError):
        return bool(outcome.reason) and 0 <= outcome.column <= len(outcome.source) + 1
    return json.loads(json.dumps(outcome, allow_nan=False)) == outcome


def reference_value(source: str) -> tuple[bool, Any]:
    """Return whether CEL's own evaluator succeeds, and its value."""
    value = REFERENCE.compile(source).eval(data=SCOPE)
    return value.type() != cel.Type.ERROR, value.plain_value()


@FUZZ
@given(SOURCES | WELL_FORMED, JSON)
def test_no_text_does_anything_but_give_json_or_an_expression_error(source: str, data: Any) -> None:
    assert is_answer(attempt(lambda: compile_expression(source, ORDINARY).evaluate({**SCOPE, "input": data})))


def test_values_are_those_of_cels_own_evaluator() -> None:
    compared = 0

    @FUZZ
    @given(WELL_FORMED)
    def compare(source: str) -> None:
        nonlocal compared
        outcome = attempt(lambda: compile_expression(source, ORDINARY).evaluate(SCOPE))
        if isinstance(outcome, ExpressionInvalid | ExpressionBudgetExceeded):
            return
        succeeds, expected = reference_value(source)
        assert isinstance(outcome, ExpressionError) is not succeeds, f"{outcome!r}, but CEL gives {expected!r}"
        if succeeds:
            assert (outcome, type(outcome)) == (expected, type(expected))
            compared += 1

    compare()
    assert compared > 50


@FUZZ
@given(st.text(max_size=30), JSON)
def test_no_target_or_value_does_anything_but_write_or_raise(target: str, value: Any) -> None:
    for text in (target, f"workflow.{target}", f"workflow.a.{target}[]"):
        variables: dict[str, Any] = {"a": {"b": [1]}, "b": 1}

        def assign(text: str = text, variables: dict[str, Any] = variables) -> None:
            parse_target(text).assign(variables, value)

        assert is_answer(attempt(assign))
        assert is_answer(variables)


@FUZZ
@given(st.sampled_from(list(Operator)), JSON, JSON)
def test_no_condition_does_anything_but_answer_or_raise(operator: Operator, left: Any, right: Any) -> None:
    condition = Condition(field="input", operator=operator, value=right)

    outcome = attempt(lambda: compile_condition(condition, ORDINARY).holds({"input": left}))

    assert isinstance(outcome, bool | ExpressionError)


@FUZZ
@given(JSON)
def test_no_mapping_does_anything_but_give_json_or_raise(mapping: Any) -> None:
    assert is_answer(attempt(lambda: compile_mapping(mapping, ORDINARY).evaluate(SCOPE)))


def test_numbers_are_written_as_cel_writes_them() -> None:
    for number in (1.0, 0.1 + 0.2, 1e21, 1e-7, 123456789.5, -0.0, math.pi):
        value = REFERENCE.compile("string(input)").eval(data={"input": number}).plain_value()
        assert compile_expression("string(input)", ORDINARY).evaluate({"input": number}) == value
