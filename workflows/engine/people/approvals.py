"""Human approvals: who may decide, what counts, and the log of what did not.

Decisions may come before their step is reached; they are kept and judged when it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from advanced_workflow.workflows.contract import (
    DecideRequest,
    DecisionReceipt,
    Json,
    RejectedDecision,
)
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.engine.people.judging import Judge, is_known, settled_already
from advanced_workflow.workflows.engine.people.open_approval import OpenApproval, recorded
from advanced_workflow.workflows.engine.state.live_state import LiveState
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.temporal.clock import timestamp
from advanced_workflow.workflows.errors import (
    DecisionRejected,
    TooLate,
    UnknownStep,
)


class Approvals:
    """All decisions of a run: open approvals, early decisions, and rejected ones."""

    def __init__(self, state: LiveState, started_by: str | None, groups: Mapping[str, list[str]]) -> None:
        """`groups` are the members of groups that definitions do not list."""
        self._state = state
        self._judge = Judge(started_by, groups)
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
        if asked is not None and not is_known(asked.decisions, request):
            self._judge.judge(asked, request)
        elif asked is None:
            self._judge.judge_early(record, request)

    def decide(self, request: DecideRequest) -> DecisionReceipt:
        """Count a decision. Raises a `DecisionRejected` when it cannot count."""
        asked, record = self._find(request.step_id)
        if asked is None:
            return self._keep_early(record, request)
        if is_known(asked.decisions, request):
            return self._receipt(asked, "duplicate")
        self._judge.judge(asked, request)
        asked.decisions.append(recorded(request))
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
            raise settled_already(record)
        if self.ended:
            raise TooLate(f"step {step_id!r} can no longer be decided: the run is {self._state.status.value}.")
        return asked, record

    def _not_reached(self, name: str) -> Record | None:
        """A step of a round or copy that did not begin yet, by its path or its id; a decision is kept under that name."""
        path = StepPath(name)
        plan = self._state.plan.steps.get(path.name)
        return Record(plan, path) if plan is not None else None

    def _keep_early(self, record: Record, request: DecideRequest) -> DecisionReceipt:
        self._judge.judge_early(record, request)
        kept = self._early.setdefault(record.path, [])
        if not is_known([recorded(one) for one in kept], request):
            kept.append(request)
        approval = record.plan.step.approval or Approval()
        return DecisionReceipt(step_id=record.plan.step_id, state="early", required=approval.required)

    @staticmethod
    def _receipt(asked: OpenApproval, state: Literal["counted", "duplicate", "decided"]) -> DecisionReceipt:
        return DecisionReceipt(
            step_id=asked.record.plan.step_id,
            state=state,
            approvals=len(asked.approvals),
            required=asked.approval.required,
        )
