"""Which decisions count: who may decide, what the form must hold, and what was decided already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from advanced_workflow.workflows.definition.kinds.human_approval import GROUP_PREFIX, Approval
from advanced_workflow.workflows.definition.problems.places import listed, shorten
from advanced_workflow.workflows.engine.people.addresses import Address
from advanced_workflow.workflows.engine.people.heard import Heard, content_of, told
from advanced_workflow.workflows.engine.people.identity import Identity
from advanced_workflow.workflows.engine.people.open_approval import OpenApproval
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.errors import (
    AlreadyDecided,
    DecisionRejected,
    DigestMismatch,
    NotAnApprover,
    NotAskedYet,
    SelfApproval,
    TooLate,
)
from advanced_workflow.workflows.plain.names import same_name, same_names

Effect = tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a decision."""

    kind: Literal["counts", "early", "duplicate", "refused"]
    record: Record | None = None
    """Of the step it is for."""
    error: DecisionRejected | None = None
    """Why it is refused."""

    @property
    def effect(self) -> Effect:
        """What it changes in the run; what is refused, or was known, changes nothing."""
        changes = self.record is not None and self.kind in ("counts", "early")
        return (self.kind, self.record.path) if changes and self.record is not None else None


class Judge:
    """Says which decisions of one run cannot count."""

    def __init__(self, started_by: str | None, groups: Mapping[str, list[str]], identity: Identity) -> None:
        """`groups` are the members of groups that definitions do not list; `identity` knows who can sign."""
        self._identity = identity
        self._started_by = same_name(started_by or "")
        self._groups = {same_name(name): same_names(members) for name, members in groups.items()}

    def judge_early(self, address: Address, heard: Heard) -> None:
        """Raise what can be known before the step is reached; the rest is judged then."""
        record = address.record
        if address.again:
            why = "runs again and does not ask yet" if record.plan.tool is None else "is a call that does not ask now"
            raise NotAskedYet(f"step {record.path!r} {why}; decide when it asks.")
        if heard.request.digest is not None:
            raise DigestMismatch(f"step {record.path!r} does not ask yet, so the digest is of something else.")
        approval = record.plan.step.approval or Approval()
        if approval.identity == "signed":
            raise NotAskedYet(
                f"step {record.path!r} does not ask yet, and what is signed names the asking; decide when it asks."
            )
        plain = tuple(one for one in record.plan.approvers if isinstance(one, str))
        if len(plain) == len(record.plan.approvers):
            self.require_approver(approval, plain, heard)
        heard.require_form(approval)

    def judge(self, asked: OpenApproval, heard: Heard, *, again: bool = False) -> None:
        """Raise a `DecisionRejected` where the decision cannot count; with `again` it must say for which asking it is."""
        path, request = asked.record.path, heard.request
        if asked.answer.done():
            raise AlreadyDecided(f"step {path!r} has its decision already, or no longer waits.")
        if request.digest is None and again:
            why = "asks again" if asked.record.plan.tool is None else "is one call of many"
            raise DigestMismatch(
                f"step {path!r} {why}: the decision must carry the digest of what is asked now ('adw show' gives it)."
            )
        if request.digest is not None and request.digest != asked.digest:
            raise DigestMismatch(
                f"the decision carries digest {told(request.digest[:12])} and step {path!r} asks about "
                f"{asked.digest[:12]!r}; look at the approval again before deciding."
            )
        if asked.approval.identity == "signed":
            self._identity.require(asked, heard)
        self.require_approver(asked.approval, asked.approvers, heard)
        if any(same_name(one.approver) == heard.person for one in asked.decisions):
            raise AlreadyDecided(f"{told(request.approver)} has decided step {path!r} already.")
        heard.require_form(asked.approval)

    def require_approver(self, approval: Approval, approvers: tuple[str, ...], heard: Heard) -> None:
        """Raise where the person may not decide."""
        step_id, name = told(heard.request.step_id), told(heard.request.approver)
        if heard.person == self._started_by and not approval.allow_self_approval:
            raise SelfApproval(f"{name} started this run and may not decide step {step_id}.")
        if not approvers or any(self._is_one(approval, entry, heard) for entry in approvers):
            return
        known = listed([shorten(one) for one in approvers])
        raise NotAnApprover(f"{name} is not among the approvers of step {step_id}: {known}.")

    def _is_one(self, approval: Approval, entry: str, heard: Heard) -> bool:
        known = same_name(entry)
        if not known.startswith(GROUP_PREFIX):
            return known == heard.person
        name = same_name(known.removeprefix(GROUP_PREFIX))
        members = approval.members_of(name)
        if members is None and approval.identity != "signed":  # Nobody signed whom a start lists.
            members = self._groups.get(name)
        # A group that is listed is closed, and one that is listed without members has none.
        return heard.person in members if members is not None else name in heard.groups


def is_repeated(asked: OpenApproval, heard: Heard) -> bool:
    """Whether the same person has said the very same to an open approval."""
    of_this = [one for one in asked.decisions if same_name(one.approver) == heard.person]
    return any(content_of(one, asked.record.plan.step.step_id.rpartition(".")[2]) == heard.content for one in of_this)


def settled_already(record: Record) -> DecisionRejected:
    """Why a step that has settled cannot be decided."""
    if record.notes.get("decision") in ("approved", "rejected"):
        return AlreadyDecided(f"step {record.path!r} was {record.notes['decision']} already.")
    return TooLate(f"step {record.path!r} no longer waits (it is {record.status.value}).")
