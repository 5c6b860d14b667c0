"""An approval that a run waits for, and the decisions on it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from advanced_workflow.workflows.contract import DecideRequest, Json, PendingApproval, RecordedDecision
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.definition.problems.places import shorten
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
    asked: int
    """The number of this asking in its run."""
    requested_at: str
    deadline: datetime | None
    answer: asyncio.Future[Verdict | None]
    decisions: list[RecordedDecision] = field(default_factory=list)
    size: int = 0
    """Bytes that the decisions take."""

    @property
    def required(self) -> int:
        """How many must approve."""
        return quorum_of(self.approval)

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
            "asked": self.asked,
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
            asked=data.get("asked", 0),
            requested_at=data["requested_at"],
            deadline=parse_rfc3339(data["deadline"]) if data["deadline"] else None,
            answer=answer,
            decisions=[RecordedDecision.model_validate(one) for one in data["decisions"]],
            size=len(encode(data["decisions"], "the decisions")),
        )

    def view(self, started_by: str | None) -> PendingApproval:
        """As the `pending_approvals` query shows it, in a run that somebody started."""
        return PendingApproval(
            step_id=self.record.plan.step_id,
            path=self.record.path,
            name=self.record.plan.step.label,
            prompt=self.approval.prompt,
            subject=self.subject,
            approvers=list(self.approvers),
            not_by=None if self.approval.allow_self_approval else started_by,
            required=self.required,
            approvals=list(self.approvals),
            digest=self.digest,
            asked=self.asked,
            requested_at=self.requested_at,
            deadline=timestamp(self.deadline) if self.deadline else None,
            on_timeout=self.approval.on_timeout,
            form=dict(self.approval.form),
            identity=self.approval.identity,
        )


def quorum_of(approval: Approval) -> int:
    """How many must approve, where that is known; 0 where an expression gives it once people are asked."""
    return approval.required if isinstance(approval.required, int) else 0


def views(approvals: Iterable[OpenApproval], started_by: str | None, limit: int) -> list[PendingApproval]:
    """As the `pending_approvals` query shows them in about `limit` bytes: of what does not fit, path and digest stay."""
    shown: list[PendingApproval] = []
    for one in approvals:
        view = one.view(started_by)
        size = len(encode(view.model_dump(mode="json"), "what is approved"))
        if size > limit:
            view = _cut(view)
            size = _CUT_BYTES
        limit -= size
        shown.append(view)
    return shown


_CUT_BYTES = 500


def _cut(view: PendingApproval) -> PendingApproval:
    less: dict[str, Json] = {
        "prompt": shorten(view.prompt),
        "name": shorten(view.name),
        "subject": None,
        "form": {},
        "approvers": [shorten(one) for one in view.approvers[:3]],
        "approvals": [one.model_copy(update={"comment": None, "form": None}) for one in view.approvals[:3]],
        "left_out": True,
    }
    return view.model_copy(update=less)


def digest_of(run_id: str, sha256: str, path: str, subject: Json, asked: int, nonce: str = "") -> str:
    """Digest of one asking: run, definition, step, subject, and the number of the asking (sha256 over canonical JSON, hex).

    Where decisions are signed, with a nonce of that moment: what was signed for an asking is for no other that a reset leads to.
    """
    # Not the time: after a local activity the clock of a replay is not that of the first time.
    return _digest([run_id, sha256, path, subject, asked, *([nonce] if nonce else [])])


def former_digest_of(sha256: str, path: str, subject: Json) -> str:
    """The digest of 0.1.0, which was the same for each asking of a step about one subject."""
    return _digest([sha256, path, subject])


def _digest(parts: list[Json]) -> str:
    return hashlib.sha256(encode(parts, "what is approved")).hexdigest()


def recorded(request: DecideRequest, signed_by: str | None = None) -> RecordedDecision:
    """A decision as the run keeps it: by the name that was signed, where one was, however the message spells it."""
    return RecordedDecision(
        decision=request.decision,
        approver=request.approver if signed_by is None else signed_by,
        time=timestamp(),
        comment=request.comment,
        form=request.form,
        decision_id=request.decision_id,
        groups=request.groups,
        digest=request.digest,
        token=None if signed_by is None else request.token,
    )
