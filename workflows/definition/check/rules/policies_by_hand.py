"""Rules about policies: approvals that can end, timeouts that make sense, sound schemas and targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.definition.kinds.webhook import Webhook
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, problem, warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.schema import schema_problems
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

_GROUP = "group:"
_SLA_SECONDS = ("max_execution_time", "max_step_time")
_SLA_SHARES = ("min_success_rate",)


def workflow_policy_problems(workflow: AdvancedWorkflow) -> Iterator[Problem]:
    """Rules about the workflow's own fields."""
    yield from _schema(("input_schema",), workflow.input_schema)
    for name in (*_SLA_SECONDS, *_SLA_SHARES):
        value = workflow.sla_targets.get(name)
        if value is None:
            continue
        top = 1 if name in _SLA_SHARES else float("inf")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= top:
            meant = "a share between 0 and 1" if name in _SLA_SHARES else "a number of seconds above 0"
            yield problem(Code.WRONG_VALUE, ("sla_targets", name), f"'{name}' must be {meant}.", "Change the value.")


def step_policy_problems(placement: Placement, workflow: AdvancedWorkflow) -> Iterator[Problem]:
    """Rules about one step's policies."""
    step, loc = placement.step, placement.loc
    yield from _schema((*loc, "input_validation"), step.input_validation)
    if step.agent is not None:
        yield from _schema((*loc, "agent", "answer_schema"), step.agent.answer_schema)
    if step.approval is not None:
        yield from _approval_problems(step.approval, (*loc, "approval"))
    if step.wait is not None and step.wait.timeout is None and step.wait.on_timeout != "fail":
        message = "'on_timeout' means nothing without a 'timeout'."
        yield warning(Code.MEANINGLESS_FIELD, (*loc, "wait", "on_timeout"), message, "Add a 'timeout', or remove it.")
    if step.webhook is not None:
        yield from _header_problems(step.webhook, (*loc, "webhook", "headers"))
    yield from _timeout_problems(placement, workflow)


def _schema(loc: Loc, schema: Mapping[str, Any]) -> Iterator[Problem]:
    for sentence in schema_problems(schema):
        message = f"not a JSON Schema: {sentence}."
        yield problem(Code.INVALID_SCHEMA, loc, message, "Mend the schema (dialect 2020-12).")


def _approval_problems(approval: Approval, loc: Loc) -> Iterator[Problem]:
    yield from _schema((*loc, "form"), approval.form)
    yield from _quorum_problems(approval, loc)
    if approval.on_timeout == "escalate" and approval.escalation is None:
        message = "'on_timeout' is 'escalate' but there is no 'escalation'."
        yield problem(Code.MISSING_FIELD, (*loc, "escalation"), message, "Say 'after' how long and 'to' whom.")
    if approval.on_timeout != "reject" and approval.deadline is None:
        message = "'on_timeout' means nothing without a 'deadline'."
        yield warning(Code.MEANINGLESS_FIELD, (*loc, "on_timeout"), message, "Add a 'deadline', or remove it.")
    after, deadline = approval.escalation and approval.escalation.after, approval.deadline
    if after is not None and deadline is not None and after >= deadline:
        message = f"it escalates after {after:g} s, but the deadline is at {deadline:g} s."
        yield warning(Code.TIMEOUT_RELATION, (*loc, "escalation", "after"), message, "Escalate earlier.")


def _quorum_problems(approval: Approval, loc: Loc) -> Iterator[Problem]:
    people = _possible_people(approval)
    if people is None:
        return
    count, place = len(people), (*loc, "required")
    if approval.required > count:
        message = f"{approval.required} approvals are required, but only {count} distinct people may decide."
        yield problem(Code.QUORUM_UNREACHABLE, place, message, "Lower 'required', or name more approvers.")
    elif approval.required == count and not approval.allow_self_approval:
        message = f"all {count} approvers must approve, so the run cannot be approved when one of them starts it."
        fix = "Name one approver more, or set 'allow_self_approval'."
        yield warning(Code.QUORUM_UNREACHABLE, place, message, fix)


def _possible_people(approval: Approval) -> set[str] | None:
    """Who may decide, or None where the definition does not settle it."""
    if not approval.approvers:
        return None
    people: set[str] = set()
    for approver in approval.approvers:
        if not isinstance(approver, str):
            return None
        if not approver.startswith(_GROUP):
            people.add(approver)
        elif (members := approval.groups.get(approver.removeprefix(_GROUP))) is not None:
            people.update(members)
        else:
            return None
    return people


def _header_problems(webhook: Webhook, loc: Loc) -> Iterator[Problem]:
    for name, value in webhook.headers.items():
        if value is None or isinstance(value, bool | list | dict):
            message = f"the header {name!r} must be text or a number."
            yield problem(Code.WRONG_VALUE, (*loc, name), message, "Write an expression that gives text, or a number.")


def _timeout_problems(placement: Placement, workflow: AdvancedWorkflow) -> Iterator[Problem]:
    for name, value, bound_name, bound in _timeout_relations(placement, workflow):
        if value is not None and bound is not None and value > bound:
            message = f"{value:g} s is longer than {bound_name} of {bound:g} s, so it never passes."
            place = (*placement.loc, *name.split("."))
            yield warning(Code.TIMEOUT_RELATION, place, message, "Shorten it, or lengthen the other.")


def _timeout_relations(
    placement: Placement, workflow: AdvancedWorkflow
) -> Iterator[tuple[str, float | None, str, float | None]]:
    """The shorter time, and the name and length of the one that should be longer."""
    step, whole = placement.step, "the workflow's 'timeout'"
    written = step.timeout if "timeout" in step.model_fields_set else None
    yield "heartbeat_timeout", step.heartbeat_timeout, "the step's 'timeout'", step.timeout
    # Nobody wrote a default: a shorter limit around it cuts it, as it should.
    yield "timeout", written, "'total_timeout'", step.total_timeout
    yield "timeout", written, whole, workflow.timeout
    yield "total_timeout", step.total_timeout, whole, workflow.timeout
    if step.approval is not None:
        yield "approval.deadline", step.approval.deadline, whole, workflow.timeout
    if step.wait is not None:
        seconds = step.wait.seconds if isinstance(step.wait.seconds, int | float) else None
        yield "wait.seconds", seconds, whole, workflow.timeout
        yield "wait.timeout", step.wait.timeout, whole, workflow.timeout
    if step.webhook is not None and step.webhook.callback is not None:
        yield "webhook.callback.timeout", step.webhook.callback.timeout, whole, workflow.timeout
