from typing import Any

import pytest

from advanced_workflow.workflows.definition.schema import schema_problems, unknown_part, value_problems

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
        "note": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]},
    },
    "required": ["items"],
    "additionalProperties": False,
    "$defs": {"item": {"type": "object", "properties": {"price": {"type": "number", "minimum": 0}}}},
}


def test_a_sound_schema_has_no_problems() -> None:
    assert schema_problems(ORDER) == []
    assert schema_problems({}) == []
    assert (
        schema_problems({"const": {"$ref": "https://x.example/s"}, "properties": {"pattern": {"type": "string"}}}) == []
    )


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        ({"type": "nope"}, ".type"),
        ({"properties": {"a": {"minimum": "x"}}}, ".properties.a.minimum"),
        ({"$ref": "https://x.example/s.json"}, "only '#/...' is allowed"),
        ({"properties": {"a": {"$ref": "other.json#/a"}}}, ".properties.a.$ref"),
        ({"items": [], "x": 1}, ".items"),
        ({"$ref": "#/$defs/none"}, "leads nowhere"),
        ({"properties": {"a": {"pattern": "("}}}, "'(' is not a pattern of RE2"),
        ({"patternProperties": {"(": {}}}, "'(' is not a pattern of RE2"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "only https://json-schema.org/draft/2020-12"),
        ({"properties": {"a": {"$id": "b"}}}, "nested '$id'"),
    ],
)
def test_an_unsound_schema_is_described(schema: dict[str, Any], part: str) -> None:
    problems = schema_problems(schema)

    assert len(problems) == 1
    assert part in problems[0]


def test_a_value_that_fits_has_no_problems() -> None:
    assert value_problems(ORDER, {"items": [{"price": 1}], "note": None}) == []
    assert value_problems({}, object()) == []


def test_each_misfit_names_its_place() -> None:
    value = {"items": [{"price": -1}, 3], "note": "too long", "more": 1}

    assert sorted(value_problems(ORDER, value)) == [
        ".: Additional properties are not allowed ('more' was unexpected)",
        ".items[0].price: -1 is less than the minimum of 0",
        ".items[1]: 3 is not of type 'object'",
        ".note: 'too long' is too long",
    ]


def test_problems_and_their_values_are_bounded() -> None:
    many = value_problems(ORDER, {"items": [{"price": "x" * 10_000}] * 50})

    assert len(many) == 10
    assert all(len(sentence) < 200 for sentence in many)


def test_an_endless_schema_and_a_deep_value_are_problems_not_crashes() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]

    assert value_problems({"$ref": "#"}, 1) == [".: it is nested too deeply to be checked"]
    assert value_problems({"items": {"$ref": "#"}}, deep) == [".: it is nested too deeply to be checked"]


def test_a_field_that_no_value_can_have_is_found() -> None:
    assert unknown_part(ORDER, ("itms",), closed_by_default=False) == ("itms", "items, note")
    assert unknown_part(ORDER, ("items", "x"), closed_by_default=False) is None
    item = ORDER["$defs"]["item"]
    assert unknown_part(item, ("cost",), closed_by_default=True) == ("cost", "price")
    assert unknown_part(item, ("cost",), closed_by_default=False) is None
    assert unknown_part({"anyOf": [item, {"type": "null"}]}, ("cost",), closed_by_default=True) == ("cost", "price")
    assert unknown_part({"anyOf": [item, {"type": "object"}]}, ("cost",), closed_by_default=True) is None


def test_a_reference_that_leads_nowhere_and_a_deep_schema_are_problems_not_crashes() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"items": deep}

    assert value_problems({"$ref": "#/$defs/none"}, 1) == [".: the schema's reference '#/$defs/none' leads nowhere"]
    assert schema_problems(deep) == [".: it is nested too deeply to be checked"]
