"""A workflow as data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StrictBool

from advanced_workflow.workflows.definition.model.base import SPAN_FIX, DefinitionModel, Schema, WrittenSeconds
from advanced_workflow.workflows.definition.model.markers import SPAN, AtStart, Mapped, Name, Nested, Spelled
from advanced_workflow.workflows.definition.model.results import read_span
from advanced_workflow.workflows.definition.model.retries import RetryPolicy
from advanced_workflow.workflows.definition.model.sla_targets import in_seconds
from advanced_workflow.workflows.definition.step import WorkflowStep


class AdvancedWorkflow(DefinitionModel):
    """A workflow as data. `workflow_id` is also its Temporal workflow type."""

    model_config = ConfigDict(json_schema_extra={"title": "AdvancedWorkflow"})

    workflow_id: Annotated[
        str,
        Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,199}$"),
        Spelled("a letter or '_', then letters, digits, '_', '.' or '-', at most 200 characters"),
    ]
    """Unique name; the Temporal workflow type."""
    name: Annotated[str, Name("the name", 200, may_be_empty=True)] = ""
    """How people see it; the id when empty."""
    description: str = ""
    version: Annotated[str, Field(min_length=1, max_length=100), Name("the version", 400)] = "1.0"

    steps: Annotated[tuple[WorkflowStep, ...], Nested()] = ()
    """The graph."""
    global_variables: dict[str, JsonValue] = Field(default_factory=dict)
    """First values of `workflow`."""
    input_schema: Schema = Field(default_factory=dict)
    """JSON Schema of `input_data`, checked before anything runs."""
    output: Annotated[dict[str, JsonValue] | None, Mapped()] = None
    """Mapping that builds the result; without it the result is the `workflow` data."""

    timeout: Annotated[WrittenSeconds, AtStart(gives=SPAN, reads=read_span, fix=SPAN_FIX)] = 3600
    """Seconds the whole run may take, or an expression over `input` that gives them; rollback and time spent paused are not counted."""
    max_parallel_steps: Annotated[int, Field(ge=1, le=1000, strict=True)] = 10
    """Actions in flight at a time, nested ones included; a step that waits holds no slot."""
    retry_policy: RetryPolicy = RetryPolicy()
    """Defaults for the steps."""
    on_failure: Literal["rollback", "pause"] = "rollback"
    """What follows a failure nothing recovers from: undo, or wait for an operator."""

    sla_targets: Annotated[dict[str, JsonValue], AfterValidator(in_seconds)] = Field(default_factory=dict)
    """`max_execution_time` and `max_step_time`, each seconds or a duration such as `90s`, `min_success_rate` between 0 and 1."""
    optimization_enabled: StrictBool = True
    adaptive_routing: StrictBool = True

    created_at: str | None = None
    created_by: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What people read: the name, or the id."""
        return self.name or self.workflow_id
