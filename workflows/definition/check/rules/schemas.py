"""Rules about JSON Schemas: each is one."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.marked import marked
from advanced_workflow.workflows.definition.model.markers import JsonSchema
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.schema import schema_problems


def json_schema_problems(part: DefinitionModel, loc: Loc = ()) -> Iterator[Problem]:
    """Everything about the schemas that a part of a definition holds."""
    for place, schema, _ in marked(part, JsonSchema, loc):
        for sentence in schema_problems(schema):
            message = f"not a JSON Schema: {sentence}."
            yield problem(Code.INVALID_SCHEMA, place, message, "Fix the schema (dialect 2020-12).")
