from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from advanced_workflow.workflows.definition.model.roots import ORDINARY
from advanced_workflow.workflows.errors import ExpressionError, ExpressionInvalid
from advanced_workflow.workflows.expressions import Reference, compile_expression

SCOPE: dict[str, Any] = {
    "input": {
        "count": 3,
        "price": 3.5,
        "name": "Ada",
        "none": None,
        "list": [1, 2, 3],
        "map": {"z": 1, "a": 2},
        "lines": [{"price": 2.5, "quantity": 2}, {"price": 1, "quantity": 3}],
        "when": "2026-01-31T12:00:00Z",
    },
    "workflow": {"seen": True},
    "steps": {"quote": {"status": "COMPLETED", "output": {"total": 5, "currency": "EUR"}, "error": None}},
    "run": {"execution_id": "r-1"},
}


def evaluate(source: str, scope: Mapping[str, Any] = SCOPE) -> Any:
    return compile_expression(source, ORDINARY).evaluate(scope)


def refusal(source: str) -> ExpressionInvalid:
    with pytest.raises(ExpressionInvalid) as caught:
        compile_expression(source, ORDINARY)
    return caught.value


def failure(source: str) -> ExpressionError:
    expression = compile_expression(source, ORDINARY)
    with pytest.raises(ExpressionError) as caught:
        expression.evaluate(SCOPE)
    return caught.value


class OnDemand(Mapping[str, Any]):
    """Data that records what is read of it, and may not be listed."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.read: list[str] = []

    def __getitem__(self, key: str) -> Any:
        self.read.append(key)
        return self.data[key]

    def __contains__(self, key: object) -> bool:
        return key in self.data

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("nothing may list what is made on demand")

    def __len__(self) -> int:
        raise AssertionError("nothing may count what is made on demand")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("input.count", 3),
        ("input['count']", 3),
        ("input.list[1]", 2),
        ("input.lines[1].price", 1),
        ("steps.quote.output.total + 1", 6),
        ("input.name + '!'", "Ada!"),
        ("[1] + input.list", [1, 1, 2, 3]),
        ("input.count > 2 && workflow.seen", True),
        ("input.count > 2 ? 'many' : 'few'", "many"),
        ("input.count in input.list", True),
        ("'z' in input.map", True),
        ("!(2 in [1, 3])", True),
        ("7 / -2", -3),
        ("-7 % 3", -1),
        ("input.list.map(x, x * 2)", [2, 4, 6]),
        ("input.list.filter(x, x > 1)", [2, 3]),
        ("input.list.map(x, x > 1, x * 10)", [20, 30]),
        ("input.list.all(x, x > 0)", True),
        ("input.list.exists(x, x > 3)", False),
        ("input.list.exists_one(x, x > 2)", True),
        ("input.list.map(x, input.list.map(y, x * y))", [[1, 2, 3], [2, 4, 6], [3, 6, 9]]),
        ("input.lines.map(line, line.price * line.quantity).sum()", 8.0),
        ("size(input.list) + input.name.size()", 6),
        ("input.name.lowerAscii() + input.name.upperAscii()", "adaADA"),
        ("' a\u00a0'.trim()", "a"),
        ("'a,b,,c'.split(',')", ["a", "b", "", "c"]),
        ("'a,b,c'.split(',', 2)", ["a", "b,c"]),
        ("['a', 'b'].join('-')", "a-b"),
        ("'abc'.substring(1, 2)", "b"),
        ("'abcabc'.indexOf('c', 3)", 5),
        ("'abcabc'.lastIndexOf('b')", 4),
        ("'abc'.replace('b', '--')", "a--c"),
        ("'abc'.charAt(1)", "b"),
        ("'abc'.contains('b') && 'abc'.startsWith('a') && 'abc'.endsWith('c')", True),
        ("'order-17'.matches('^[a-z]+-[0-9]+$')", True),
        ("math.greatest(1, input.price, 2)", 3.5),
        ("math.least([input.count, 1])", 1),
        ("math.round(input.price * 1)", 4.0),
        ("math.floor(-1.5)", -2.0),
        ("math.abs(-3)", 3),
        ("int('12') + int(2.9)", 14),
        ("double('1e3')", 1000.0),
        ("string(1.5) + string(2) + string(true)", "1.52true"),
        ("bool('true')", True),
        ("timestamp(input.when).getMonth()", 0),
        ("timestamp(input.when).getDayOfWeek()", 6),
        ("duration('90m').getHours()", 1),
        ("timestamp(input.when) < timestamp(input.when) + duration('1s')", True),
        ("null", None),
        ("input.none == null", True),
        ("input.list.slice(1, 3)", [2, 3]),
        ("slice(input.list, 3, 3)", []),
        ("[3, 1, 3.0, '1', 1, null, null].distinct()", [3, 1, "1", None]),
        (
            "[true, 1, 'true', [1], [1.0], {'a': [1]}, {'a': [1.0]}, {}].distinct()",
            [True, 1, "true", [1], {"a": [1]}, {}],
        ),
        ("['b', 'a', 'b'].distinct().join()", "ba"),
        ("[timestamp(0), timestamp('1970-01-01T00:00:00Z')].distinct().size()", 1),
        ("[duration('60s'), duration('1m'), duration('1s')].distinct().size()", 2),
        ("type(input.count) == int && type(input.price) == double", True),
        ("[input.name, input.none, input.list, input.map].map(x, type(x) == string)", [True, False, False, False]),
        ("type(input.none) == null_type && type(input.list) == list && type(input.map) == map", True),
        ("type(timestamp(0)) == timestamp && type(timestamp(0)) == google.protobuf.Timestamp", True),
        ("type(duration('1s')) == duration && type(duration('1s')) != google.protobuf.Timestamp", True),
        ("type(true) == bool && type(type(1)) == type && type(input.?nope) == optional_type", True),
        ("[1, 'a', 2.5, null].filter(x, type(x) in [int, double])", [1, 2.5]),
        ("type(input.count) == type(1) ? 'same' : 'other'", "same"),
        ("['a', 1].map(string, type(string) == int)", [False, True]),
        ("type(input.count) in [uint, bytes]", False),
    ],
)
def test_an_expression_gives_its_value(source: str, value: Any) -> None:
    result = evaluate(source)

    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("input.price * 2", 7.0),
        ("2 * input.price", 7.0),
        ("input.count * 2", 6),
        ("input.count / 2.0", 1.5),
        ("1 + 1.5", 2.5),
        ("input.count > 2.5", True),
        ("input.price >= 3", True),
        ("input.list == [1.0, 2.0, 3.0]", True),
        ("1 in [1.0]", True),
        ("math.round(input.price * 2)", 7.0),
    ],
)
def test_ints_and_doubles_mix(source: str, value: Any) -> None:
    result = evaluate(source)

    assert result == value
    assert type(result) is type(value)


def test_a_bool_is_no_number() -> None:
    assert evaluate("workflow.seen == 1") is False
    assert evaluate("workflow.seen in [1]") is False
    assert "cannot calculate a bool + an int" in failure("workflow.seen + 1").reason


def test_a_missing_field_is_named_with_its_column_and_what_there_is() -> None:
    assert str(failure("steps.quote.output.totl > 5")) == (
        "no field 'totl' in steps.quote.output (it has: currency, total) "
        "in expression 'steps.quote.output.totl > 5', column 20"
    )


@pytest.mark.parametrize(
    ("source", "reason", "column"),
    [
        ("input.none.x", "input.none is null, so it has no field 'x'", 12),
        ("input.name.x", "input.name is a string, so it has no field 'x'", 12),
        ("1 + input.lines.price", "input.lines is a list, so it has no field 'price'", 17),
        ("input.list[3]", "no element 3 in input.list (it has 3, counted from 0)", 11),
        ("input.list[-1]", "no element -1 in input.list", 11),
        ("input.list['a']", "the index of a list is an int, not a string", 11),
        ("input.lines.map(line, line.cost)", "no field 'cost' in line (it has: price, quantity)", 28),
        ("input.name + 1", "cannot calculate a string + an int", 12),
        ("input.count / 0", "division by zero", 13),
        ("input.price / 0.0", "division by zero", 13),
        ("input.price % 2", "'%' needs ints", 13),
        ("input.name < 1", "cannot tell which is less, a string or an int", 12),
        ("input.count ? 1 : 2", "'?' needs a bool, not an int", 13),
        ("input.count && true", "'&&' needs a bool, not an int", 13),
        ("9223372036854775807 + input.count", "the int does not fit into 64 bits", 21),
        ("1e308 * 10.0", "the result is not a finite number", 7),
        ("timestamp(input.name)", "String to Timestamp conversion failed", 10),
        ("input.list.join()", "join() needs a list of strings, not one with an int", 16),
        ("input.list.map(x, {x: 1})", "a key of a map must be a string, not an int", 19),
        ("input.count.map(x, x)", "a list or a map is needed before the dot, not an int", 16),
        ("input.name.substring(2, 1)", "substring() starts at 2, after its end 1", 21),
        ("input.lines.sum()", "sum() needs a list of numbers or durations, not one with a map", 16),
        ("input.list.slice(2, 1)", "cannot slice(2, 1) a list of 3", 17),
        ("input.list.slice(-1, 1)", "cannot slice(-1, 1) a list of 3", 17),
        ("input.list.slice(0, 4)", "cannot slice(0, 4) a list of 3", 17),
        ("input.name.slice(0, 1)", "slice() needs a list, not a string", 17),
        ("input.count.distinct()", "distinct() needs a list, not an int", 21),
        ("[input.?count].distinct()", "distinct() cannot compare an optional", 24),
        ("[type(1)]", "the result holds a type", 0),
    ],
)
def test_a_failure_says_what_is_wrong_and_where(source: str, reason: str, column: int) -> None:
    error = failure(source)

    assert reason in error.reason
    assert (error.source, error.column) == (source, column)
    assert error.code == "ExpressionError"


@pytest.mark.parametrize(
    ("source", "reason", "column"),
    [
        ("", "is empty", 0),
        ("1 +", "it ends too early", 4),
        ("'é' + nope", "unknown name 'nope'; here an expression may use input, run, steps, workflow", 7),
        ("input.a +\n  nope", "unknown name 'nope'", 13),
        ("input.a +\n  ?", "mismatched input '?'", 13),
        ("item.x", "unknown name 'item'", 1),
        ("string", "unknown name 'string'", 1),
        ("nope(1)", "unknown function 'nope'; there are all, bool,", 5),
        ("input.name.nope()", "unknown function 'nope'", 16),
        ("'%s'.format([1])", "unknown function 'format'", 12),
        ("math.sqrt(4.0)", "unknown function 'math.sqrt'", 10),
        ("type(input)", "gives a type, which is not JSON", 0),
        ("type(input.count) == number", "unknown name 'number'", 22),
        ("input.count == int", "unknown name 'int'", 16),
        ("input.list.map(x)", "'map' needs (variable, expression)", 15),
        ("timestamp(input.when).getHours('Europe/Berlin')", "takes no time zone", 31),
        ("b'x'", "bytes are not JSON", 1),
        ("1u", "unsigned numbers are not JSON", 1),
        ("1e999", "the number is too large", 1),
        ("google.protobuf.Struct{}", "is a message type", 1),
        ("input.?count", "gives an optional", 0),
        ("steps", "a step must be named", 1),
        ("steps[input.name]", "a step must be named", 1),
        ("steps.map(x, x)", "a step must be named", 1),
        ("input.list.map(input, input)", "the variable 'input' hides", 15),
        ("'a' + 1", "'+' cannot be applied to (string, int)", 5),
        ("duration('1h') * 2", "'*' cannot be applied to (duration, int)", 16),
        ("input.name.matches('(')", "invalid regular expression", 20),
        ("input.\ud800", "not valid Unicode", 0),
    ],
)
def test_what_cannot_run_is_refused_when_compiled(source: str, reason: str, column: int) -> None:
    error = refusal(source)

    assert reason in error.reason
    if column:
        assert error.column == column
    assert error.code == "ExpressionInvalid"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("has(input.count)", True),
        ("has(input.nope)", False),
        ("has(input.nope.deeper)", False),
        ("has(input.none)", True),
        ("has(input.none.x)", False),
        ("has(steps.quote.output.total)", True),
        ("has(steps.never)", False),
        ("has(steps.never.output.total)", False),
        ("has(input.nope) ? input.nope : 7", 7),
        ("input.?count.orValue(7)", 3),
        ("input.?nope.orValue(7)", 7),
        ("input.?nope.deeper.orValue(7)", 7),
        ("input.?none.x.orValue(7)", 7),
        ("steps.?never.output.total.orValue(0)", 0),
        ("steps[?'never'].orValue({})", {}),
        ("input.list[?9].orValue(0)", 0),
        ("input.?nope.or(input.?count).orValue(0)", 3),
        ("input.?count.orValue(1 / 0)", 3),
        ("input.?map.optMap(m, m.z + 1).orValue(0)", 2),
        ("input.?nope.hasValue()", False),
        ("[1, ?input.?nope, ?input.?count]", [1, 3]),
        ("{'a': 1, ?'b': input.?nope, ?'c': input.?count}", {"a": 1, "c": 3}),
    ],
)
def test_absent_data_can_be_guarded(source: str, value: Any) -> None:
    assert evaluate(source) == value


def test_absence_is_an_error_without_a_guard() -> None:
    assert failure("steps.never.output").reason == "no field 'never' in steps (it has: quote)"
    assert "the optional is empty" in failure("input.?nope.value()").reason


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("input.nope > 1 || true", True),
        ("true || input.nope > 1", True),
        ("input.nope > 1 && false", False),
        ("input.list.exists(x, 1 / (x - 1) == 1)", True),
        ("input.list.all(x, 6 / (x - 1) > 5)", False),
    ],
)
def test_the_side_that_decides_outweighs_the_one_that_fails(source: str, value: bool) -> None:
    assert evaluate(source) is value


def test_the_failing_side_counts_when_the_other_does_not_decide() -> None:
    assert "no field 'nope'" in failure("input.nope > 1 || false").reason
    assert "division by zero" in failure("input.list.exists(x, 1 / (x - 1) == 9)").reason


def test_maps_are_visited_and_given_back_in_sorted_order() -> None:
    assert evaluate("input.map.map(key, key)") == ["a", "z"]
    assert list(evaluate("{'z': 1, 'b': {'y': 1, 'c': 2}, 'a': 3}")) == ["a", "b", "z"]
    assert list(evaluate("{'b': {'y': 1, 'c': 2}}")["b"]) == ["c", "y"]


def test_times_become_json() -> None:
    assert evaluate("timestamp(input.when)") == "2026-01-31T12:00:00Z"
    assert evaluate("timestamp('2026-01-31T12:00:00.25+02:00')") == "2026-01-31T10:00:00.250Z"
    assert evaluate("[duration('1h') + duration('500ms')]") == [3600.5]
    assert evaluate("string(duration('90m'))") == "5400s"


def test_a_path_gives_the_data_itself_in_its_own_order() -> None:
    assert evaluate("input.map") is SCOPE["input"]["map"]
    assert list(evaluate("input.map")) == ["z", "a"]


def test_a_path_to_what_is_made_on_demand_gives_plain_data() -> None:
    class Entry(Mapping[str, Any]):
        def __getitem__(self, key: str) -> Any:
            return {"status": "COMPLETED", "output": [1]}[key]

        def __iter__(self) -> Iterator[str]:
            return iter(["status", "output"])

        def __len__(self) -> int:
            return 2

    result = evaluate("steps.a", {"steps": {"a": Entry()}})

    assert type(result) is dict
    assert result == {"output": [1], "status": "COMPLETED"}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    "source", ["input", "[input]", "input * 2", "int(input)", "double(input)", "math.floor(input)"]
)
def test_nan_and_infinity_never_get_through(source: str, number: float) -> None:
    with pytest.raises(ExpressionError):
        evaluate(source, {"input": number})


def test_text_that_is_no_unicode_is_reported() -> None:
    with pytest.raises(ExpressionError, match="the text is not valid Unicode"):
        evaluate("input.matches('a')", {"input": "a\ud800"})
    with pytest.raises(ExpressionError, match="the text is not valid Unicode"):
        evaluate("int(input)", {"input": "\ud800"})


def test_only_what_is_referenced_is_touched() -> None:
    steps = OnDemand({"quote": {"output": {"total": 5}}, "other": {"output": {"total": 1}}})
    scope = OnDemand({"input": {"limit": 3}, "steps": steps, "workflow": {}, "run": {}})

    assert evaluate("steps.quote.output.total > input.limit && has(steps.quote.output)", scope) is True
    assert evaluate("steps.?never.output.orValue(1)", scope) == 1
    assert evaluate("has(steps.never.output)", scope) is False
    assert set(steps.read) == {"quote"}
    assert set(scope.read) == {"steps", "input"}


def test_a_missing_step_is_reported_without_listing_the_steps() -> None:
    with pytest.raises(ExpressionError, match="no field 'never' in steps in expression"):
        evaluate("steps.never.output", {"steps": OnDemand({})})


def test_a_name_without_a_value_is_reported() -> None:
    with pytest.raises(ExpressionError, match="'item' has no value here"):
        compile_expression("item.x", {"item"}).evaluate({})


def test_the_same_text_is_compiled_once() -> None:
    assert compile_expression("input.count + 1", ORDINARY) is compile_expression("input.count + 1", sorted(ORDINARY))


@pytest.mark.parametrize(
    ("source", "references"),
    [
        ("steps.a.output.total > input.limit", {("steps", "a.output.total", 1), ("input", "limit", 24)}),
        ("steps['a-b'].output", {("steps", "a-b.output", 1)}),
        ("has(steps.a.output) ? 1 : 2", {("steps", "a.output", 5)}),
        ("steps.?a.?output.total.orValue(1)", {("steps", "a.output.total", 1)}),
        ("input.lines[0].price", {("input", "lines", 1)}),
        ("input.lines.map(line, line.price + workflow.fee)", {("input", "lines", 1), ("workflow", "fee", 36)}),
        ("input.map[run.execution_id]", {("input", "map", 1), ("run", "execution_id", 11)}),
        ("size(input)", {("input", "", 6)}),
        ("1 + math.abs(2)", set[tuple[str, str, int]]()),
    ],
)
def test_references_are_the_longest_written_paths(source: str, references: set[tuple[str, str, int]]) -> None:
    expected = {Reference(root, tuple(path.split(".")) if path else (), column) for root, path, column in references}

    assert compile_expression(source, ORDINARY).references == expected


def test_the_type_of_the_result_is_known_where_the_text_tells_it() -> None:
    assert compile_expression("input.a > 1", ORDINARY).result_type == "bool"
    assert compile_expression("input.a * 2", ORDINARY).result_type == "number"
    assert compile_expression("'a' + 'b'", ORDINARY).result_type == "string"
    assert compile_expression("input.a", ORDINARY).result_type == "dyn"
