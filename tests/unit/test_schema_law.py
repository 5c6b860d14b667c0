"""Our validator against the one everybody uses: the same schemas are sound, and the same values fit."""

import json
from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend, validator_for

from advanced_workflow.workflows.definition.schema import judge, schema_problems, value_problems
from advanced_workflow.workflows.definition.schema.validation import STEPS_AT_ONCE
from advanced_workflow.workflows.engine.temporal import fitting
from advanced_workflow.workflows.engine.temporal.patches import Patch
from tests.examples import profile

NAMES = st.sampled_from(["a", "b", "aa", "1", ""])
PATTERNS = st.sampled_from(["^a", "b", "[ab]+$", "^$", "(a|1)", "a.b"])
NUMBERS = st.sampled_from([0, 1, 2, 3, -1, 0.5, 1.0, 1.5, 3.0, 1e300, 0.1, 0.3])
SCALARS = st.none() | st.booleans() | NUMBERS | NAMES
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)

COUNTS = st.sampled_from([0, 1, 2, 2.0])
TYPES = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    lists = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(NAMES, inner, max_size=3)
    every = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
        "enum": st.lists(VALUES, max_size=3),
        "const": VALUES,
        **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), NUMBERS),
        "multipleOf": st.sampled_from([1, 2, 0.5, 0.1, 0.3, 3.0]),
        **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), COUNTS),
        **dict.fromkeys(("minProperties", "maxProperties", "minContains", "maxContains"), COUNTS),
        "pattern": PATTERNS,
        "uniqueItems": st.booleans(),
        "required": st.lists(NAMES, max_size=2, unique=True),
        "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=2),
        **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), lists),
        **dict.fromkeys(("not", "if", "then", "else", "items", "contains", "additionalProperties"), inner),
        "propertyNames": inner,
        **dict.fromkeys(("properties", "dependentSchemas"), named),
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
        "$ref": st.just("#/$defs/leaf"),
    }
    # Few at a time: with all of them hardly a value fits, and a schema takes most of a second to draw.
    names = st.lists(st.sampled_from(sorted(every)), max_size=6, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: every[name] for name in chosen}))


SCHEMAS = st.recursive(st.booleans() | keywords(st.booleans()), keywords, max_leaves=6)


def _multiple_of(_: Any, factor: float, value: Any, __: Any) -> Iterator[ValidationError]:
    """The library's divides doubles."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        whole, rest = divmod(Decimal(str(value)), Decimal(str(factor)))
        if rest:
            yield ValidationError(f"{value} is {whole} times {factor} and {rest}")


_Reference: Any = extend(Draft202012Validator, {"multipleOf": _multiple_of})


@profile(60)
@given(keywords(SCHEMAS), VALUES)
def test_the_same_values_fit(schema: dict[str, Any], value: Any) -> None:
    whole = {**schema, "$defs": {"leaf": {"type": ["string", "object"], "maxProperties": 1}}}
    with localcontext(prec=400):
        expected = _Reference(whole).is_valid(value)

    assert schema_problems(whole) == []
    assert (value_problems(whole, value) == []) is expected


@profile(20)
@given(
    st.fixed_dictionaries(
        {"unevaluatedProperties": st.sampled_from([False, {"type": "integer"}])},
        optional={
            "properties": st.dictionaries(NAMES, SCALARS.map(lambda one: {"const": one}), max_size=2),
            "anyOf": st.lists(
                st.builds(lambda name: {"required": [name], "properties": {name: {}}}, NAMES), min_size=1, max_size=2
            ),
            "patternProperties": st.dictionaries(PATTERNS, st.just({}), max_size=1),
            "additionalProperties": st.just({"type": "string"}),
            "if": st.builds(lambda name: {"required": [name], "properties": {name: {}}}, NAMES),
            "then": st.just({"properties": {"b": True}}),
        },
    ),
    st.dictionaries(NAMES, SCALARS, max_size=3),
)
def test_the_same_properties_are_unevaluated(schema: dict[str, Any], value: Any) -> None:
    assert (value_problems(schema, value) == []) is Draft202012Validator(schema).is_valid(value)


@profile(60)
@given(keywords(SCHEMAS), st.data())
def test_the_same_schemas_are_sound(schema: dict[str, Any], data: st.DataObject) -> None:
    whole = {**schema, "$defs": {"leaf": {}}}
    place: Any = whole
    while isinstance(place, dict) and place:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or data.draw(st.booleans()):
            place[key] = data.draw(VALUES)
            break
        place = place[key]
    try:
        Draft202012Validator.check_schema(whole, format_checker=FormatChecker([]))
    except SchemaError:
        assert schema_problems(whole) != []
    else:
        words = ("leads nowhere", "without end", "not inside", "RE2")
        assert [one for one in schema_problems(whole) if not any(word in one for word in words)] == []
    assert isinstance(value_problems(whole, data.draw(VALUES)), list)


def test_the_reference_is_of_the_dialect_we_say() -> None:
    assert validator_for({"$schema": "https://json-schema.org/draft/2020-12/schema"}) is Draft202012Validator


DOUBLING: dict[str, Any] = {
    "$ref": "#/$defs/n0",
    "$defs": {
        **{f"n{n}": {"allOf": [{"$ref": f"#/$defs/n{n + 1}"}, {"$ref": f"#/$defs/n{n + 1}"}]} for n in range(25)},
        "n25": {},
    },
}
FAN: dict[str, Any] = {"anyOf": [{"$ref": "#"}], "type": "object"}
DOUBLING_BY_DEPTH: dict[str, Any] = {
    "patternProperties": {"^x": {"$ref": "#"}},
    "properties": {"x": {"$ref": "#"}},
}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (DOUBLING, "subschemas apply to one value"),
        (FAN, "itself to the same value"),
        ({"$ref": "#"}, "itself to the same value"),
        ({"pattern": "(?=a)"}, "RE2"),
        ({"patternProperties": {r"(a)\1": {}}}, "RE2"),
        ({"pattern": r"\p{L}{200}"}, "too large"),
        ({"pattern": "a" * 1_001}, "longer than"),
        ({"pattern": "(a{1000}){1000}"}, "RE2"),
        ({"$schema": 3}, ".$schema"),
        ({"$ref": []}, ".$ref"),
        ({"$ref": {"a": 1}}, ".$ref"),
        ({"properties": {"a": {"$schema": []}}}, ".properties.a.$schema"),
        ({"$ref": "#/type", "type": "string"}, "leads nowhere"),
        ({"$ref": "#/const", "const": {"type": 3}}, ".type"),
    ],
)
def test_a_schema_that_could_hold_a_worker_is_refused(schema: dict[str, Any], reason: str) -> None:
    assert any(reason in one for one in schema_problems(schema))


def deep(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"x": value}
    return value


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (DOUBLING_BY_DEPTH, deep(60)),
        (DOUBLING, 1),
        ({"uniqueItems": True}, [{"a": n, "b": [n]} for n in range(100_000)]),
        ({"items": {"uniqueItems": True}}, [[n, n + 1] for n in range(60_000)]),
        ({"items": {"pattern": "^([a-z]+)+$"}}, ["a" * 2_000] * 3_000),
        ({"patternProperties": {f"a{n}": {} for n in range(200)}}, {f"b{n}": n for n in range(1_000)}),
        ({"items": {"enum": [[n] for n in range(5_000)]}}, [[-1]] * 5_000),
        ({"items": {"anyOf": [{"const": n} for n in range(5_000)]}}, list(range(5_000))),
    ],
)
def test_what_costs_too_much_is_refused_after_so_many_steps(schema: dict[str, Any], value: Any) -> None:
    verdict = judge(schema, value, STEPS_AT_ONCE)

    assert verdict.problems == [".: checking it takes more than 50,000 steps; send less, or make the schema simpler"]
    assert verdict.by_new_rules


def test_a_thousand_small_objects_are_unique_within_the_steps_of_a_workflow_task() -> None:
    value = [{"id": n, "name": f"item {n}"} for n in range(1_000)]

    assert judge({"uniqueItems": True}, value).problems == []
    assert judge({"uniqueItems": True}, [*value, value[7]]).problems == [".: the item 1000 is in the list twice"]
    assert judge({"uniqueItems": True}, [1, 1.0]).problems != []
    assert judge({"uniqueItems": True}, [1, True, "1", [1], {"1": 1}, None, "null"]).problems == []


def test_numbers_of_any_size_are_judged() -> None:
    assert value_problems({"multipleOf": 0.5}, float("inf")) != []
    assert "not a multiple" in value_problems({"multipleOf": 0.3}, 10**400 + 1)[0]
    assert value_problems({"multipleOf": 0.5}, 1e308) == value_problems({"multipleOf": 0.25}, 10**400) == []
    assert value_problems({"multipleOf": 3}, 10**400) != []
    assert value_problems({"maximum": 1e308}, 10**400) != []


@pytest.mark.parametrize(
    ("factor", "multiples", "others"),
    [
        (0.01, [19.99, 0.07, 4.35, 1.1, 1e-2, 1e2, 19, -19.99, 0, 0.0, 10**400, 1e308], [19.995, 0.001, 1e-300]),
        (0.1, [0.3, 0.7, 1e22, 123456789.1], [0.30000000000000004, 0.35, 5e-324]),
        (1e-7, [1e-7, 3e-7, 0.0000012], [1.5e-7]),
        (0.3, [0.9, 3, 1.2e300], [1e300, 1]),
        (1.1, [3.3, 11], [1, 2.3]),
        (2.5e3, [5000, 7.5e3], [2501]),
    ],
)
def test_a_multiple_is_one_of_the_decimals_that_are_written(
    factor: float, multiples: list[Any], others: list[Any]
) -> None:
    schema = {"multipleOf": factor}

    assert [one for one in multiples if value_problems(schema, one)] == []
    assert [one for one in others if not value_problems(schema, one)] == []


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (0, -0.0), (10**16, 1e16), (100, 1e2)])
def test_one_number_in_two_spellings_is_one_number(one: float, other: float) -> None:
    for schema in (
        {"const": one},
        {"enum": [one]},
        {"minimum": one, "maximum": one},
        {"multipleOf": 1},
        {"type": "integer"},
    ):
        assert value_problems(schema, other) == []
    assert value_problems({"uniqueItems": True}, [[one], [other]]) != []
    assert value_problems({"const": {"a": [one]}}, {"a": [other]}) == []
    assert value_problems({"const": 1}, True) != []


def test_no_sentence_holds_whole_data() -> None:
    big = {"a": ["x" * 1_000_000]}
    for schema in ({"type": "string"}, {"anyOf": [{"type": "null"}] * 200}, {"enum": [big]}, {"const": 1}, {"not": {}}):
        assert len(json.dumps(value_problems(schema, big))) < 1_000


def test_a_run_that_began_before_keeps_the_patterns_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    form = {"properties": {"code": {"pattern": r"^\d+$"}, "word": {"pattern": "^(?=a)"}}}
    monkeypatch.setattr(fitting.workflow.unsafe, "is_read_only", lambda: False)
    asked: list[object] = []

    def patched(patch: object) -> bool:
        asked.append(patch)
        return False

    monkeypatch.setattr(fitting, "patched", patched)
    monkeypatch.setattr(fitting, "follows_rules", lambda _: False)

    assert judge(form, {"code": "\u0663"}).problems != []
    assert fitting.verdict_on(form, {"code": "\u0663"}).problems == []
    assert fitting.verdict_on(form, {"word": "abc"}).problems == []
    assert len(fitting.verdict_on(form, {"word": "b"}).problems) == 1
    assert asked == [Patch.RULES_2] * 3
    assert fitting.verdict_on({"type": "object"}, 3).problems == [".: 3 is not of type 'object'"]
    assert len(asked) == 3, "only where the verdict may be another"
    assert fitting.verdict_on({"multipleOf": 0.01}, 19.99).problems == [".: 19.99 is not a multiple of 0.01"]
    monkeypatch.setattr(fitting, "follows_rules", lambda number: number <= 4)
    assert fitting.verdict_on({"multipleOf": 0.01}, 19.99).problems == []
