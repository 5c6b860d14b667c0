"""Which decisions count: who may decide, what the form must hold, and what was decided already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advanced_workflow.workflows.contract import DecideRequest, RecordedDecision
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.engine.people.open_approval import OpenApproval
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.temporal.fitting import misfits
from advanced_workflow.workflows.errors import (
    AlreadyDecided,
    DecisionRejected,
    DigestMismatch,
    InvalidForm,
    NotAnApprover,
    SelfApproval,
    TooLate,
)

GROUP_PREFIX = "group:"


class Judge:
    """Says which decisions of one run cannot count."""

    def __init__(self, started_by: str | None, groups: Mapping[str, list[str]]) -> None:
        """`groups` are the members of groups that definitions do not list."""
        self._started_by = started_by
        self._groups = groups

    def judge_early(self, record: Record, request: DecideRequest) -> None:
        """Raise what can be known before the step is reached; the rest is judged then."""
        approval = record.plan.step.approval or Approval()
        plain = [one for one in record.plan.approvers if isinstance(one, str)]
        if len(plain) == len(record.plan.approvers):
            self._judge_person(approval, tuple(plain), request)
        _judge_form(approval, request)

    def judge(self, asked: OpenApproval, request: DecideRequest) -> None:
        """Raise a `DecisionRejected` where the decision cannot count."""
        step_id = asked.record.plan.step_id
        if asked.answer.done():
            raise AlreadyDecided(f"step {step_id!r} has its decision already.")
        self._judge_person(asked.approval, asked.approvers, request)
        if any(one.approver == request.approver for one in asked.decisions):
            raise AlreadyDecided(f"{request.approver!r} has decided step {step_id!r} already.")
        if request.digest is not None and request.digest != asked.digest:
            raise DigestMismatch(
                f"the decision carries digest {request.digest[:12]!r} and step {step_id!r} asks about "
                f"{asked.digest[:12]!r}; look at the approval again before deciding."
            )
        _judge_form(asked.approval, request)

    def _judge_person(self, approval: Approval, approvers: tuple[str, ...], request: DecideRequest) -> None:
        if request.approver == self._started_by and not approval.allow_self_approval:
            raise SelfApproval(f"{request.approver!r} started this run and may not decide step {request.step_id!r}.")
        if not approvers or any(self._is_one(approval, entry, request) for entry in approvers):
            return
        raise NotAnApprover(
            f"{request.approver!r} is not among the approvers of step {request.step_id!r}: {', '.join(approvers)}."
        )

    def _is_one(self, approval: Approval, entry: str, request: DecideRequest) -> bool:
        if not entry.startswith(GROUP_PREFIX):
            return entry == request.approver
        name = entry.removeprefix(GROUP_PREFIX)
        members = approval.groups.get(name) or self._groups.get(name)
        return request.approver in members if members else name in request.groups


def is_known(decisions: Sequence[RecordedDecision], request: DecideRequest) -> bool:
    """Whether a decision was given before: by its own id, or by the same person with the same word."""
    return any(_same(one, request) for one in decisions)


def settled_already(record: Record) -> DecisionRejected:
    """Why a step that has settled cannot be decided."""
    step_id = record.plan.step_id
    if record.notes.get("decision") in ("approved", "rejected"):
        return AlreadyDecided(f"step {step_id!r} was {record.notes['decision']} already.")
    return TooLate(f"step {step_id!r} no longer waits (it is {record.status.value}).")


def _same(known: RecordedDecision, request: DecideRequest) -> bool:
    if request.decision_id is not None and known.decision_id == request.decision_id:
        return True
    return known.approver == request.approver and known.decision == request.decision


def _judge_form(approval: Approval, request: DecideRequest) -> None:
    if request.decision == "reject" or not approval.form:
        return
    problems = misfits(approval.form, request.form)
    if problems:
        raise InvalidForm(f"the form of step {request.step_id!r} does not fit: {'; '.join(problems)}.")
