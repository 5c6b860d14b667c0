"""The rules of 0.1.0 for decisions, for histories that were written by them; they go with `Patch.RULES_2`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advanced_workflow.workflows.contract import DecideRequest, RecordedDecision
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.kinds.human_approval import GROUP_PREFIX, Approval
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.engine.people.heard import Heard, told
from advanced_workflow.workflows.engine.people.judging import Ruling, settled_already
from advanced_workflow.workflows.engine.people.open_approval import OpenApproval, former_digest_of, recorded
from advanced_workflow.workflows.engine.state.live_state import LiveState
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.errors import (
    AlreadyDecided,
    DecisionRejected,
    DigestMismatch,
    NotAnApprover,
    SelfApproval,
    TooLate,
    UnknownStep,
)


class FormerRules:
    """What 0.1.0 made of a decision."""

    def __init__(
        self,
        state: LiveState,
        started_by: str | None,
        groups: Mapping[str, list[str]],
        open_now: Mapping[str, OpenApproval],
    ) -> None:
        """`open_now` are the approvals the run waits for, by path."""
        self._state = state
        self._started_by = started_by
        self._groups = groups
        self._open = open_now

    def verdict(self, heard: Heard, early: Mapping[str, Sequence[DecideRequest]], *, ended: bool) -> Ruling:
        """What becomes of it."""
        request = heard.request
        try:
            record = self._find(request.step_id, ended=ended)
            asked = self._open.get(record.path)
            if asked is None:
                self._judge_early(record, heard)
                known = _is_known([recorded(one) for one in early.get(record.path, ())], request)
                return Ruling("duplicate" if known else "early", record)
            if _is_known(asked.decisions, request):
                return Ruling("duplicate", record)
            self._judge(asked, heard)
        except DecisionRejected as error:
            return Ruling("refused", error=error)
        return Ruling("counts", record)

    def _find(self, name: str, *, ended: bool) -> Record:
        record = self._state.find(name)
        if record is None:
            path = StepPath(name)
            plan = self._state.plan.steps.get(path.name)
            record = Record(plan, path) if plan is not None else None
        if record is None or record.plan.step.step_type is not StepType.HUMAN_APPROVAL:
            raise UnknownStep(f"no approval step {told(name)} in this run.")
        if record.path not in self._open and record.end_time is not None:
            raise settled_already(record)
        if ended:
            raise TooLate(f"step {told(name)} can no longer be decided.")
        return record

    def _judge_early(self, record: Record, heard: Heard) -> None:
        approval = record.plan.step.approval or Approval()
        plain = [one for one in record.plan.approvers if isinstance(one, str)]
        if len(plain) == len(record.plan.approvers):
            self._judge_person(approval, tuple(plain), heard.request)
        heard.require_form(approval)

    def _judge(self, asked: OpenApproval, heard: Heard) -> None:
        request = heard.request
        if asked.answer.done():
            raise AlreadyDecided("the step has its decision already.")
        self._judge_person(asked.approval, asked.approvers, request)
        if any(one.approver == request.approver for one in asked.decisions):
            raise AlreadyDecided("the person has decided already.")
        former = former_digest_of(self._state.plan.sha256, asked.record.path, asked.subject)
        # 0.1.0 knew the first of these only; the other cannot be in its histories.
        if request.digest not in (None, former, asked.digest):
            raise DigestMismatch("the decision carries another digest.")
        heard.require_form(asked.approval)

    def _judge_person(self, approval: Approval, approvers: tuple[str, ...], request: DecideRequest) -> None:
        if request.approver == self._started_by and not approval.allow_self_approval:
            raise SelfApproval("the person started this run.")
        if approvers and not any(self._is_one(approval, entry, request) for entry in approvers):
            raise NotAnApprover("the person is not among the approvers.")

    def _is_one(self, approval: Approval, entry: str, request: DecideRequest) -> bool:
        if not entry.startswith(GROUP_PREFIX):
            return entry == request.approver
        name = entry.removeprefix(GROUP_PREFIX)
        members = approval.groups.get(name) or self._groups.get(name)
        return request.approver in members if members else name in request.groups


def _is_known(decisions: Sequence[RecordedDecision], request: DecideRequest) -> bool:
    return any(_same(one, request) for one in decisions)


def _same(known: RecordedDecision, request: DecideRequest) -> bool:
    if request.decision_id is not None and known.decision_id == request.decision_id:
        return True
    return known.approver == request.approver and known.decision == request.decision
