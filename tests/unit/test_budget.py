from __future__ import annotations

import json
import time
from typing import Any

import pytest

from advanced_workflow.workflows.definition.model.roots import ORDINARY
from advanced_workflow.workflows.errors import ExpressionBudgetExceeded, ExpressionError, ExpressionInvalid
from advanced_workflow.workflows.expressions import compile_expression, compile_mapping
from advanced_workflow.workflows.expressions.budget import (
    MAX_DEPTH,
    MAX_ITERATIONS,
    MAX_SOURCE_LENGTH,
    Account,
    written_size,
)

SCOPE: dict[str, Any] = {
    "input": {
        "text": "x" * 1_000_000,
        "short": "x" * 20_000,
        "many": list(range(MAX_ITERATIONS)),
        "more": list(range(MAX_ITERATIONS + 1)),
        "words": ["ab"] * 9_000,
        "maps": [{"a": 1, "b": 2}] * 9_000,
    }
}
SLOWEST_SECONDS = 5
"""Of work, whatever else the machine does."""


def evaluate(source: str) -> Any:
    return compile_expression(source, ORDINARY).evaluate(SCOPE)


def test_iterations_are_limited_over_all_comprehensions_together() -> None:
    assert len(evaluate("input.many.map(x, x)")) == MAX_ITERATIONS
    with pytest.raises(ExpressionBudgetExceeded, match="more than 10000 iterations"):
        evaluate("input.more.map(x, x)")
    with pytest.raises(ExpressionBudgetExceeded, match="more than 10000 iterations"):
        evaluate("input.words.all(a, input.words.all(b, true))")


@pytest.mark.parametrize(
    "source",
    [
        "input.many.map(x, input.text + 'a')",
        "input.many.exists(x, input.text.contains('y'))",
        "input.many.exists(x, input.text.matches('y+z'))",
        "input.many.exists(x, x in input.many && false)",
        "input.many.exists(x, input.maps == input.maps && false)",
        "input.many.exists(x, math.greatest(input.many) < 0)",
        "input.many.exists(x, input.text == input.text + 'x')",
        "input.many.exists(x, input.text.upperAscii() == 'x')",
        "input.many.map(x, input.many + input.many)",
        "input.text.replace('', 'yyyyyyyyyyyyyyyyyyyyyyyyyyyy')",
        "input.many.exists(x, input.many.distinct() == [])",
        "input.many.map(x, input.many.slice(0, size(input.many)))",
        "input.words.join(input.text)",
        "input.text.split('')",
        "input.short.matches('(?:(?:x|b|xb|[^c]){0,30}){0,30}$c')",
        "input.many.exists(i, " + " || ".join(["i == -1"] * 200) + ")",
    ],
)
def test_what_would_take_much_memory_or_time_stops_early(source: str) -> None:
    begun = time.thread_time()
    with pytest.raises(ExpressionBudgetExceeded, match="units of work or memory"):
        evaluate(source)

    assert time.thread_time() - begun < SLOWEST_SECONDS


def test_no_operator_hides_that_the_budget_is_used_up() -> None:
    with pytest.raises(ExpressionBudgetExceeded):
        evaluate("input.more.all(x, true) || true")
    with pytest.raises(ExpressionBudgetExceeded):
        evaluate("[1].exists(y, input.more.all(x, true)) || true")


def test_the_length_of_an_expression_is_limited() -> None:
    assert compile_expression(f"'{'x' * (MAX_SOURCE_LENGTH - 2)}'", ORDINARY).evaluate({}) == "x" * (
        MAX_SOURCE_LENGTH - 2
    )
    with pytest.raises(ExpressionInvalid, match="has 4001 characters, 4000 are allowed") as caught:
        compile_expression("1" * (MAX_SOURCE_LENGTH + 1), ORDINARY)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "source",
    [
        "(" * 1_900 + "1" + ")" * 1_900,
        "(" * 4_000,
        "!(" * 1_300 + "true" + ")" * 1_300,
        "[" * 1_900 + "]" * 1_900,
        "{'a':" * 600 + "1" + "}" * 600,
        "int(" * 700 + "1" + ")" * 700,
        "1" + "+1" * 1_900,
        "input" + ".a" * 1_900,
        "input" + ".?a" * 1_200,
        "input" + "[0]" * 1_200,
        "input[" * 500 + "0" + "]" * 500,
        "true?1:" * 500 + "1",
        "[1].map(a," * 300 + "1" + ")" * 300,
    ],
)
def test_deep_nesting_is_refused(source: str) -> None:
    with pytest.raises(ExpressionInvalid, match="is nested too deeply"):
        compile_expression(source, ORDINARY)


def test_long_chains_of_conditions_are_no_nesting() -> None:
    assert compile_expression(" && ".join(["true"] * 500), ORDINARY).evaluate({}) is True
    assert compile_expression("!" * 3_000 + "true", ORDINARY).evaluate({}) is True


def test_macros_that_double_their_operand_are_limited() -> None:
    with pytest.raises(ExpressionInvalid, match="uses optMap more than 4 times"):
        compile_expression("input.?a" + ".optMap(v, v)" * 20, ORDINARY)


def test_results_nested_too_deeply_are_refused() -> None:
    deep: Any = 1
    for _ in range(MAX_DEPTH + 2):
        deep = [deep]

    assert compile_expression("input", ORDINARY).evaluate({"input": deep}) is deep
    with pytest.raises(ExpressionBudgetExceeded, match="nested deeper"):
        compile_expression("[input]", ORDINARY).evaluate({"input": deep})
    with pytest.raises(ExpressionBudgetExceeded, match="nested deeper"):
        compile_expression("input == [input[0]]", ORDINARY).evaluate({"input": deep})


def test_a_pattern_that_comes_from_data_is_checked_too() -> None:
    expression = compile_expression("'a'.matches(input)", ORDINARY)

    assert expression.evaluate({"input": "^a$"}) is True
    with pytest.raises(ExpressionError, match="invalid regular expression"):
        expression.evaluate({"input": "("})
    with pytest.raises(ExpressionError, match="longer than 1000 characters"):
        expression.evaluate({"input": "a" * 1_001})


class Scope(dict[str, Any]):
    account = Account()


def test_in_a_run_an_evaluation_has_a_tenth_of_a_second() -> None:
    scope = Scope(SCOPE)
    slow = compile_expression("input.many.all(x, x + 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 > 0)", ORDINARY)
    assert slow.evaluate(SCOPE) is True  # Beside a run only the work counts.

    with pytest.raises(ExpressionBudgetExceeded, match="takes too long"):
        slow.evaluate(scope)
    with pytest.raises(ExpressionBudgetExceeded, match="takes too long"):
        compile_expression(r"input.words.exists(w, w.matches('^\\p{L}\\p{N}\\p{P}$'))", ORDINARY).evaluate(scope)
    with pytest.raises(ExpressionBudgetExceeded, match="written out"):
        compile_expression("input.words.map(w, input.short)", ORDINARY).evaluate(scope)


def test_the_length_of_a_text_costs_nothing_in_a_run_however_long_it_is() -> None:
    scope = Scope({"input": {"text": "x" * 20_000_000}})
    expression = compile_expression("size(input.text)", ORDINARY)

    assert expression.evaluate(scope) == 20_000_000
    with pytest.raises(ExpressionBudgetExceeded, match="units of work"):
        expression.evaluate(dict(scope))


def test_a_mapping_has_one_budget_for_all_it_holds() -> None:
    part = "input.words.all(w, w != 'x')"
    assert compile_mapping({"a": part}, ORDINARY).evaluate(Scope(SCOPE)) == {"a": True}

    with pytest.raises(ExpressionBudgetExceeded, match="takes too long"):
        compile_mapping({f"p{n}": f"{part} || {n} > 0" for n in range(9)}, ORDINARY).evaluate(Scope(SCOPE))


def test_what_a_mapping_holds_twice_is_counted_twice() -> None:
    with pytest.raises(ExpressionBudgetExceeded, match="written out"):
        compile_mapping({f"p{n}": "input.text" if n % 2 else "input.maps" for n in range(40)}, ORDINARY).evaluate(
            Scope(SCOPE)
        )
    assert written_size(["ab", {"k": 1}], 100) <= len(json.dumps(["ab", {"k": 1}]))
