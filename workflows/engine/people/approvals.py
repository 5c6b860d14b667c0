"""Human approvals: which asking a decision is for, whether it counts, and the log of what did not.

A decision may come before its step asks: it is kept where exactly one asking can ever be meant, and judged when that asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Literal

from advanced_workflow.workflows.contract import (
    PAYLOAD_LIMIT_BYTES,
    DecideRequest,
    DecisionReceipt,
    Json,
    PendingApproval,
    RejectedDecision,
    RunStatus,
)
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.contract.tokens import UnknownKey
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.engine.people.addresses import Address, Addresses
from advanced_workflow.workflows.engine.people.decision_ids import DecisionIds
from advanced_workflow.workflows.engine.people.early import EarlyDecisions
from advanced_workflow.workflows.engine.people.former import FormerRules
from advanced_workflow.workflows.engine.people.heard import Heard, told
from advanced_workflow.workflows.engine.people.identity import Identity
from advanced_workflow.workflows.engine.people.judging import Judge, Ruling, is_repeated, settled_already
from advanced_workflow.workflows.engine.people.open_approval import OpenApproval, quorum_of, recorded, views
from advanced_workflow.workflows.engine.people.refused import RefusedMessages
from advanced_workflow.workflows.engine.state.live_state import LiveState
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.errors import AlreadyDecided, DecisionRejected, InvalidDecision, TooLate, UnknownStep

State = Literal["early", "counted", "duplicate", "decided"]


class Approvals:
    """All decisions of a run: open approvals, early decisions, and refused ones."""

    def __init__(
        self,
        state: LiveState,
        started_by: str | None,
        groups: Mapping[str, list[str]],
        *,
        room: int = PAYLOAD_LIMIT_BYTES // 4,
    ) -> None:
        """`groups` are the members of groups that definitions do not list; `room` the bytes that decisions may take together."""
        self.open: dict[str, OpenApproval] = {}
        self._state = state
        self._room = room
        self.identity = Identity()
        self._started_by = started_by
        self._judge = Judge(started_by, groups, self.identity)
        self._addresses = Addresses(state, self.open)
        self._former = FormerRules(state, started_by, groups, self.open)
        self._early = EarlyDecisions()
        self._ids = DecisionIds()
        self._refused = RefusedMessages()
        self._asked = 0
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether no step starts any more, so that no decision can count; also where an earlier history came to that."""
        return self._ended or self._state.status not in (RunStatus.RUNNING, RunStatus.PAUSED)

    @property
    def rejected(self) -> list[RejectedDecision]:
        """The latest messages that did not count."""
        return self._refused.listed

    @property
    def rejected_left_out(self) -> dict[str, int]:
        """How many did not count before them, by code."""
        return dict(self._refused.left_out)

    def pending(self, limit: int) -> list[PendingApproval]:
        """What people are asked now, in about `limit` bytes."""
        return views(self.open.values(), self._started_by, limit)

    def first(self, most: int, limit: int) -> list[PendingApproval]:
        """The first of them, however many there are."""
        return views(islice(self.open.values(), most), self._started_by, limit)

    def next_asking(self) -> int:
        """The number of the run's next asking."""
        self._asked += 1
        return self._asked

    def request(self, asked: OpenApproval) -> None:
        """Open an approval and judge the decisions that came early."""
        self.open[asked.record.path] = asked
        asked.record.cursor["asked"] = asked.dump()
        for early in self._early.take(asked.record.path, asked.record.plan.step_id):
            heard = Heard(early)
            verdict = self._agreed(heard, self._verdict_when_asked(asked, heard))
            if verdict.error is not None:
                self._ids.forget(heard)
                self.log(verdict.error.code, str(verdict.error), early.model_dump(mode="json", exclude_none=True))
            elif verdict.kind == "counts" and verdict.record is not None:
                self._count(self.open[verdict.record.path], heard)
            elif verdict.kind == "early" and verdict.record is not None:  # 0.1.0 only.
                self._early.keep(verdict.record.path, heard)

    def close(self, path: str) -> None:
        """No more decisions for this step."""
        self.open.pop(path, None)

    def end(self) -> None:
        """No step starts any more: decisions that were kept for one go to the visible log."""
        self._ended = True
        for early in self._early.take_all():
            message = f"step {early.step_id!r} did not ask before the run ended."
            self.log(TooLate.code, message, early.model_dump(mode="json", exclude_none=True))

    def log(self, code: str, message: str, payload: Json) -> None:
        """Keep a message that did not count."""
        self._refused.add(code, message, payload)

    def check(self, request: DecideRequest, arrived: datetime | None = None) -> None:
        """Raise what `decide` would raise, and change nothing. A key that is not known yet may be when the decision is taken."""
        heard = Heard(request, arrived)
        error = self._verdict(heard).error
        if error is not None and not (isinstance(error, UnknownKey) and self.identity.may_look(heard.arrived)):
            raise error

    def decide(self, request: DecideRequest, arrived: datetime | None = None) -> DecisionReceipt:
        """Count a decision that came at this moment, by default now, or keep one that is early.

        Raises a `DecisionRejected` when it cannot count.
        """
        heard = Heard(request, arrived)
        verdict = self._agreed(heard, self._verdict(heard))
        if patched(Patch.RULES_3):
            self._state.thinking.spend(heard.cost)
        if verdict.error is not None or verdict.record is None:
            raise verdict.error or UnknownStep("the decision names no step.")
        record, asked = verdict.record, self.open.get(verdict.record.path)
        if verdict.kind == "duplicate":
            return _receipt(record, asked, "duplicate")
        self._ids.take(heard, record.path)
        if verdict.kind == "early" or asked is None:
            self._early.keep(record.path, heard)
            return _receipt(record, None, "early")
        self._count(asked, heard)
        return _receipt(record, asked, "decided" if asked.answer.done() else "counted")

    def dump(self) -> dict[str, Json]:
        """Early and refused decisions as plain data; open approvals are in their steps' records."""
        refused = self._refused.dump()
        own = {"early": self._early.dump(), "asked": self._asked, "ids": self._ids.dump()}
        return {**own, **self.identity.dump(), **refused}

    def load(self, data: Mapping[str, Json]) -> None:
        """Take over what `dump` gave."""
        self._early.load(data["early"])
        self._asked = data.get("asked", 0)
        self._ids.load(data.get("ids", ()))
        self.identity.load(data)
        self._refused.load(data)

    def _agreed(self, heard: Heard, verdict: Ruling) -> Ruling:
        """What becomes of a decision: by the rules of today, or by those of 0.1.0 in a history that was written by them."""
        if patched(Patch.RULES_2):
            return verdict
        former = self._former.verdict(heard, self._early.kept, ended=self.ended)
        # Where both come to the same, the sentence is that of today. What is kept is judged again when its step asks.
        return verdict if former.effect == verdict.effect and verdict.kind != "early" else former

    def _verdict(self, heard: Heard) -> Ruling:
        try:
            heard.require_sound()
            taken = self._ids.known(heard)
            if taken is not None:
                return Ruling("duplicate", self._record(taken.path))
            address = self._addresses.find(heard.request.step_id, heard.request.digest)
            return self._verdict_at(address, heard)
        except DecisionRejected as error:
            return Ruling("refused", error=error)

    def _verdict_at(self, address: Address, heard: Heard) -> Ruling:
        record = address.record
        asked = self.open.get(record.path)
        self._require_live(address, asked)
        if asked is None:
            return self._early_verdict(address, heard)
        meant = asked.digest if heard.request.digest is None and not address.again else heard.request.digest
        if meant == asked.digest and is_repeated(asked, heard):
            return Ruling("duplicate", record)
        self._judge.judge(asked, heard, again=address.again)
        self._require_room(heard)
        return Ruling("counts", record)

    def _early_verdict(self, address: Address, heard: Heard) -> Ruling:
        record = address.record
        before = self._early.of(record.path, heard.person)
        if before is not None and before.content == heard.content:
            return Ruling("duplicate", record)
        self._judge.judge_early(address, heard)
        if before is not None:
            raise AlreadyDecided(
                f"{told(heard.request.approver)} has decided step {record.path!r} already; that word is kept."
            )
        self._require_room(heard)
        return Ruling("early", record)

    def _verdict_when_asked(self, asked: OpenApproval, heard: Heard) -> Ruling:
        """Of a decision that came early."""
        try:
            address = self._addresses.find(heard.request.step_id, heard.request.digest)
            self._judge.judge(asked, heard, again=address.again)
        except DecisionRejected as error:
            return Ruling("refused", error=error)
        return Ruling("counts", asked.record)

    def _require_live(self, address: Address, asked: OpenApproval | None) -> None:
        record = address.record
        if asked is None and record.end_time is not None:
            raise settled_already(record)
        if self.ended:
            raise TooLate(f"step {record.path!r} can no longer be decided: the run is {self._state.status.value}.")
        if asked is None and address.over is not None:
            raise TooLate(f"step {record.path!r} no longer asks: {address.over}.")

    def _require_room(self, heard: Heard) -> None:
        taken = self._early.size + sum(one.size for one in self.open.values())
        if taken + heard.size > self._room:
            raise InvalidDecision(
                f"the run's decisions would take {taken + heard.size:,} bytes and at most {self._room:,} are kept; "
                "say less in comment and form."
            )

    def _count(self, asked: OpenApproval, heard: Heard) -> None:
        asked.decisions.append(recorded(heard.request, heard.signed_by))
        asked.size += heard.size
        asked.record.cursor["asked"] = asked.dump()
        if heard.request.decision == "reject":
            asked.answer.set_result("rejected")
        elif len(asked.approvals) >= asked.required:
            asked.answer.set_result("approved")

    def _record(self, path: str) -> Record:
        return self._state.records.get(path) or Record(self._state.plan.plan_at(StepPath(path)), StepPath(path))


def _receipt(record: Record, asked: OpenApproval | None, state: State) -> DecisionReceipt:
    approval = record.plan.step.approval or Approval()
    return DecisionReceipt(
        step_id=record.plan.step_id,
        path=record.path,
        state=state,
        approvals=len(asked.approvals) if asked else 0,
        required=asked.required if asked else quorum_of(approval),
    )
