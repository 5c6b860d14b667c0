import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import JsonValue

from advanced_workflow.workflows.definition.editor_schema import json_schema
from advanced_workflow.workflows.definition.step import RUNTIME_DEFAULTS
from advanced_workflow.workflows.definition.text.load import LIBRARY, read_tree

SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def accepts(**fields: Any) -> bool:
    return VALIDATOR.is_valid({"workflow_id": "a", **fields})


def test_the_schema_is_one_of_its_dialect_with_a_name() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["$id"].startswith("urn:")
    assert SCHEMA["title"] == "AdvancedWorkflow"


def test_every_definition_of_the_library_fits() -> None:
    paths = list(LIBRARY.glob("*/definition.*"))
    assert paths
    for path in paths:
        data = read_tree(path.read_text(encoding="utf-8"), source=str(path)).data
        assert [error.message for error in VALIDATOR.iter_errors(data)] == []


def test_bare_strings_are_allowed_where_the_models_allow_them() -> None:
    assert accepts(
        steps=[
            {"step_id": "a", "conditions": ["true", {"expression": "true"}], "error_handlers": ["b", {"handler": "c"}]}
        ]
    )
    assert not accepts(steps=[{"step_id": "a", "conditions": [3]}])


def test_run_time_fields_are_allowed_at_their_defaults_only() -> None:
    assert accepts(steps=[{"step_id": "a", **RUNTIME_DEFAULTS}])
    assert not accepts(steps=[{"step_id": "a", "status": "running"}])


@pytest.mark.parametrize("fields", [{"stepz": []}, {"timeout": 0}, {"steps": [{"step_id": "a b"}]}, {"steps": [{}]}])
def test_what_the_models_refuse_the_schema_refuses(fields: dict[str, JsonValue]) -> None:
    assert not accepts(**fields)


def test_every_field_of_a_step_is_described_for_editors() -> None:
    step: dict[str, Any] = SCHEMA["$defs"]["WorkflowStep"]["properties"]

    undescribed = [name for name, field in step.items() if "description" not in field]
    assert undescribed == []
    assert json.dumps(SCHEMA)
