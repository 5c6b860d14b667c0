"""Human approvals: who may decide, what counts, and the log of what did not.

Decisions may come before their step is reached; they are kept and judged when it is.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from advanced_workflow.workflows.contract import (
    DecideRequest,
    DecisionReceipt,
    Json,
    PendingApproval,
    RecordedDecision,
    RejectedDecision,
)
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.schema import value_problems
from advanced_workflow.workflows.engine.state.live_state import LiveState
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.temporal.clock import timestamp
from advanced_workflow.workflows.errors import (
    AlreadyDecided,
    DecisionRejected,
    DigestMismatch,
    InvalidForm,
    NotAnApprover,
    SelfApproval,
    TooLate,
    UnknownStep,
)
from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339
from advanced_workflow.workflows.plain.strict_json import encode

GROUP_PREFIX = "group:"

Verdict = Literal["approved", "rejected"]


@dataclass
class OpenApproval:
    """An approval the run waits for."""

    record: Record
    approval: Approval
    subject: Json
    approvers: tuple[str, ...]
    digest: str
    requested_at: str
    deadline: datetime | None
    answer: asyncio.Future[Verdict | None]
    decisions: list[RecordedDecision] = field(default_factory=list)

    @property
    def approvals(self) -> list[RecordedDecision]:
        """The decisions that approve."""
        return [one for one in self.decisions if one.decision == "approve"]

    def dump(self) -> dict[str, Json]:
        """What must be carried on while it is open."""
        return {
            "subject": self.subject,
            "approvers": list(self.approvers),
            "digest": self.digest,
            "requested_at": self.requested_at,
            "deadline": self.deadline.isoformat() if self.deadline else None,
            "decisions": [one.model_dump(mode="json") for one in self.decisions],
        }

    @staticmethod
    def load(record: Record, approval: Approval, data: Json, answer: asyncio.Future[Verdict | None]) -> OpenApproval:
        """The approval of `dump`."""
        return OpenApproval(
            record=record,
            approval=approval,
            subject=data["subject"],
            approvers=tuple(data["approvers"]),
            digest=data["digest"],
            requested_at=data["requested_at"],
            deadline=parse_rfc3339(data["deadline"]) if data["deadline"] else None,
            answer=answer,
            decisions=[RecordedDecision.model_validate(one) for one in data["decisions"]],
        )

    def view(self) -> PendingApproval:
        """As the `pending_approvals` query shows it."""
        return PendingApproval(
            step_id=self.record.plan.step_id,
            path=self.record.path,
            name=self.record.plan.step.label,
            prompt=self.approval.prompt,
            subject=self.subject,
            approvers=list(self.approvers),
            required=self.approval.required,
            approvals=list(self.approvals),
            digest=self.digest,
            requested_at=self.requested_at,
            deadline=timestamp(self.deadline) if self.deadline else None,
            on_timeout=self.approval.on_timeout,
            form=dict(self.approval.form),
        )


class Approvals:
    """All decisions of a run: open approvals, early decisions, and rejected ones."""

    def __init__(self, state: LiveState, started_by: str | None, groups: Mapping[str, list[str]]) -> None:
        """`groups` are the members of groups that definitions do not list."""
        self._state = state
        self._started_by = started_by
        self._groups = groups
        self._early: dict[str, list[DecideRequest]] = {}
        self.open: dict[str, OpenApproval] = {}
        self.rejected: list[RejectedDecision] = []
        self.ended = False
        """No step starts any more, so no decision can count."""

    def request(self, asked: OpenApproval) -> None:
        """Open an approval and judge the decisions that came early."""
        self.open[asked.record.path] = asked
        asked.record.cursor["asked"] = asked.dump()
        for name in (asked.record.path, asked.record.plan.step_id):
            for early in self._early.pop(name, []):
                self.decide_or_log(early, early.model_dump(mode="json", exclude_none=True))

    def close(self, path: str) -> None:
        """No more decisions for this step."""
        self.open.pop(path, None)

    def decide_or_log(self, request: DecideRequest, payload: Json) -> None:
        """Take a decision; one that cannot count goes to the visible log."""
        try:
            self.decide(request)
        except DecisionRejected as error:
            self.log(error.code, str(error), payload)

    def log(self, code: str, message: str, payload: Json) -> None:
        """Keep a decision that did not count."""
        self.rejected.append(RejectedDecision(time=timestamp(), code=code, message=message, payload=payload))

    def check(self, request: DecideRequest) -> None:
        """Raise what `decide` would raise, and change nothing."""
        asked, record = self._find(request.step_id)
        if asked is not None and self._duplicate(asked.decisions, request) is None:
            self._judge(asked, request)
        elif asked is None:
            self._judge_early(record, request)

    def decide(self, request: DecideRequest) -> DecisionReceipt:
        """Count a decision. Raises a `DecisionRejected` when it cannot count."""
        asked, record = self._find(request.step_id)
        if asked is None:
            return self._keep_early(record, request)
        if self._duplicate(asked.decisions, request) is not None:
            return self._receipt(asked, "duplicate")
        self._judge(asked, request)
        asked.decisions.append(_recorded(request))
        asked.record.cursor["asked"] = asked.dump()
        if request.decision == "reject":
            asked.answer.set_result("rejected")
        elif len(asked.approvals) >= asked.approval.required:
            asked.answer.set_result("approved")
        return self._receipt(asked, "decided" if asked.answer.done() else "counted")

    def dump(self) -> dict[str, Json]:
        """Early and rejected decisions as plain data; open approvals are in their steps' records."""
        return {
            "early": {name: [one.model_dump(mode="json") for one in kept] for name, kept in self._early.items()},
            "rejected": [one.model_dump(mode="json") for one in self.rejected],
        }

    def load(self, data: Mapping[str, Json]) -> None:
        """Take over what `dump` gave."""
        self._early = {
            name: [DecideRequest.model_validate(one) for one in kept] for name, kept in data["early"].items()
        }
        self.rejected = [RejectedDecision.model_validate(one) for one in data["rejected"]]

    def _find(self, step_id: str) -> tuple[OpenApproval | None, Record]:
        record = self._state.find(step_id) or self._not_reached(step_id)
        if record is None or record.plan.step.step_type is not StepType.HUMAN_APPROVAL:
            known = [
                one for one, plan in self._state.plan.steps.items() if plan.step.step_type is StepType.HUMAN_APPROVAL
            ]
            raise UnknownStep(f"no approval step {step_id!r} in this run; it has: {', '.join(known) or 'none'}.")
        asked = self.open.get(record.path)
        if asked is None and record.end_time is not None:
            raise _settled_already(record)
        if self.ended:
            raise TooLate(f"step {step_id!r} can no longer be decided: the run is {self._state.status.value}.")
        return asked, record

    def _not_reached(self, name: str) -> Record | None:
        """A step of a round or copy that did not begin yet, by its path or its id; a decision is kept under that name."""
        path = StepPath(name)
        plan = self._state.plan.steps.get(path.name)
        return Record(plan, path) if plan is not None else None

    def _keep_early(self, record: Record, request: DecideRequest) -> DecisionReceipt:
        self._judge_early(record, request)
        kept = self._early.setdefault(record.path, [])
        if not any(_same(_recorded(one), request) for one in kept):
            kept.append(request)
        approval = record.plan.step.approval or Approval()
        return DecisionReceipt(step_id=record.plan.step_id, state="early", required=approval.required)

    def _judge_early(self, record: Record, request: DecideRequest) -> None:
        """What can be known before the step is reached; the rest is judged then."""
        approval = record.plan.step.approval or Approval()
        plain = [one for one in record.plan.approvers if isinstance(one, str)]
        if len(plain) == len(record.plan.approvers):
            self._judge_person(approval, tuple(plain), request)
        _judge_form(approval, request)

    def _judge(self, asked: OpenApproval, request: DecideRequest) -> None:
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

    @staticmethod
    def _duplicate(decisions: list[RecordedDecision], request: DecideRequest) -> RecordedDecision | None:
        return next((one for one in decisions if _same(one, request)), None)

    @staticmethod
    def _receipt(asked: OpenApproval, state: Literal["counted", "duplicate", "decided"]) -> DecisionReceipt:
        return DecisionReceipt(
            step_id=asked.record.plan.step_id,
            state=state,
            approvals=len(asked.approvals),
            required=asked.approval.required,
        )


def digest_of(sha256: str, path: str, subject: Json) -> str:
    """Digest of what exactly is approved: definition, step and subject (sha256 over canonical JSON, hex)."""
    return hashlib.sha256(encode([sha256, path, subject], "what is approved")).hexdigest()


def _same(known: RecordedDecision, request: DecideRequest) -> bool:
    if request.decision_id is not None and known.decision_id == request.decision_id:
        return True
    return known.approver == request.approver and known.decision == request.decision


def _judge_form(approval: Approval, request: DecideRequest) -> None:
    if request.decision == "reject" or not approval.form:
        return
    problems = value_problems(approval.form, request.form)
    if problems:
        raise InvalidForm(f"the form of step {request.step_id!r} does not fit: {'; '.join(problems)}.")


def _recorded(request: DecideRequest) -> RecordedDecision:
    return RecordedDecision(
        decision=request.decision,
        approver=request.approver,
        time=timestamp(),
        comment=request.comment,
        form=request.form,
        decision_id=request.decision_id,
        groups=request.groups,
        digest=request.digest,
    )


def _settled_already(record: Record) -> DecisionRejected:
    step_id = record.plan.step_id
    if record.notes.get("decision") in ("approved", "rejected"):
        return AlreadyDecided(f"step {step_id!r} was {record.notes['decision']} already.")
    return TooLate(f"step {step_id!r} waits no longer (it is {record.status.value}).")
