"""What people read of a call of a tool: neither what is secret by its schema nor what the definition binds."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from advanced_workflow.workflows.contract import ToolCall
from advanced_workflow.workflows.definition.schema.secret_fields import has_secrets, without_secrets
from advanced_workflow.workflows.engine.agents.shown import shown_call

SECRET = {"type": "string", "writeOnly": True}


class Login(BaseModel):
    user: str = "u"
    password: SecretStr = SecretStr("")
    again: SecretStr | None = None
    inner: list[Login] | None = None


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    "schema",
    [
        of(a={}, b=SECRET),
        of(a={}, b={"type": "string", "format": "password"}),
        of(a={}, b={"anyOf": [SECRET, {"type": "null"}]}),
        of(a={}, b=of(deep={"type": "array", "items": SECRET})),
        {**of(a={}, b={"$ref": "#/$defs/B"}), "$defs": {"B": {"$ref": "#/$defs/C"}, "C": SECRET}},
    ],
)
def test_a_field_with_a_secret_in_it_is_left_out_whole(schema: dict[str, Any]) -> None:
    assert without_secrets({"a": 1, "b": "canary", "c": 3}, schema) == {"a": 1, "c": 3}
    assert has_secrets(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"additionalProperties": SECRET},
        {"patternProperties": {"^b": SECRET}},
        {**of(a={}), "allOf": [of(b=SECRET)]},
        {"$ref": "#/$defs/B", "$defs": {"B": of(b=SECRET)}},
    ],
)
def test_nothing_is_shown_where_it_is_not_sure_which_field_is_secret(schema: dict[str, Any]) -> None:
    assert without_secrets({"a": 1, "b": "canary"}, schema) == {}


def test_fields_without_secrets_are_shown() -> None:
    schema: dict[str, Any] = {**of(a={}, b={"$ref": "#/$defs/B"}), "$defs": {"B": {"type": "string"}}}

    assert without_secrets({"a": 1, "b": "plain", "format": "password"}, schema) == {
        "a": 1,
        "b": "plain",
        "format": "password",
    }
    assert not has_secrets(schema)


def test_secrets_of_pydantic_are_seen_in_models_that_hold_themselves() -> None:
    schema = Login.model_json_schema()
    login = {"user": "ann", "password": "canary", "again": "canary", "inner": [{"password": "canary"}]}

    shown = without_secrets(login, schema)

    assert "canary" not in str(shown)


def test_a_call_is_read_without_what_is_secret_or_bound() -> None:
    call = ToolCall(id="1", name="restart", arguments={"service": "checkout", "token": "canary", "tenant": "made up"})

    assert shown_call(call, {"tenant"}, of(service={}, token=SECRET)) == "restart(service=checkout)"
