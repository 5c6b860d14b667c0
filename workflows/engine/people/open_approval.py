"""An approval that a run waits for, and the decisions on it."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from advanced_workflow.workflows.contract import DecideRequest, Json, PendingApproval, RecordedDecision
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.temporal.clock import timestamp
from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339
from advanced_workflow.workflows.plain.strict_json import encode

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


def digest_of(sha256: str, path: str, subject: Json) -> str:
    """Digest of what exactly is approved: definition, step and subject (sha256 over canonical JSON, hex)."""
    return hashlib.sha256(encode([sha256, path, subject], "what is approved")).hexdigest()


def recorded(request: DecideRequest) -> RecordedDecision:
    """A decision as the run keeps it."""
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
