"""`human_approval` steps: what is asked of whom."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue, StrictBool

from advanced_workflow.workflows.definition.model.base import Count, DefinitionModel, Schema, Seconds


class ApproverExpression(DefinitionModel):
    """Approvers computed when the step is reached: an expression that gives a string or a list of strings."""

    expression: str
    """A CEL expression, e.g. `input.manager`."""


class Escalation(DefinitionModel):
    """Who is asked when nobody decided in time."""

    after: Seconds
    """Seconds after the request."""
    to: tuple[str, ...] = Field(min_length=1)
    """Users or groups."""


class Reminder(DefinitionModel):
    """A notice to those who have not decided yet."""

    after: Seconds
    """Seconds after the request."""
    action: str | None = None
    """The action that sends it."""


class Approval(DefinitionModel):
    """What a `human_approval` step asks, whom, and what follows.

    Names are claims of the caller: Temporal shows workflow code no verified identity, so put authentication before the
    client that sends decisions.
    """

    prompt: str = ""
    """The question as people read it."""
    subject: dict[str, JsonValue] = Field(default_factory=dict)
    """Mapping (as `input_mapping`) that builds what exactly is approved; it goes into the digest."""
    approvers: tuple[str | ApproverExpression, ...] = ()
    """Who may decide: a person, `group:NAME`, or an expression. Empty: anybody."""
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Members of groups. A group listed here is closed; for another, the decision claims membership in its `groups`."""
    required: Count = 1
    """How many distinct people must approve. One rejection rejects."""
    allow_self_approval: StrictBool = False
    """Whether the run's `started_by` may decide."""
    deadline: Seconds | None = None
    """Seconds from the request until `on_timeout`."""
    on_timeout: Literal["reject", "approve", "escalate", "fail"] = "reject"
    """What happens at the deadline."""
    escalation: Escalation | None = None
    reminders: tuple[Reminder, ...] = ()
    form: Schema = Field(default_factory=dict)
    """JSON Schema of the answer that must come with an approval."""
    on_reject: Literal["fail", "continue"] = "fail"
    """`fail`: the step fails with `ApprovalRejected`; `continue`: it completes and its output says `rejected`."""
