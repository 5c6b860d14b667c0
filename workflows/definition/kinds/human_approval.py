"""`human_approval` steps: what is asked of whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StrictBool

from advanced_workflow.workflows.definition.kinds.kind import Kind, always
from advanced_workflow.workflows.definition.model.base import (
    CountOrExpression,
    DefinitionModel,
    Schema,
    Seconds,
    SecondsOrExpression,
)
from advanced_workflow.workflows.definition.model.markers import (
    LIST,
    TEXT,
    ActionName,
    EndsWait,
    Expr,
    Mapped,
    NotYet,
    WithinRun,
)
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, problem, warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.plain.names import same_name, same_names

GROUP_PREFIX = "group:"
"""What an approver that is a group begins with, in any spelling."""


class ApproverExpression(DefinitionModel):
    """Approvers computed when the step is reached: an expression that gives a string or a list of strings."""

    expression: Annotated[str, Expr(gives=TEXT | LIST)]
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
    action: Annotated[str | None, ActionName()] = None
    """The action that sends it."""


class Assurance(DefinitionModel):
    """How the person who decides must have logged in."""

    amr: tuple[str, ...] = ()
    """Methods that must all be among the token's (RFC 8176: `otp`, `hwk`, `mfa`, ...)."""
    max_age: Seconds | None = None
    """Seconds since the login at most; the token must say when that was (`auth_time`)."""


class Approval(DefinitionModel):
    """What a `human_approval` step asks, whom, and what follows.

    Names are claims of the caller unless `identity` is `signed`: Temporal shows workflow code no verified identity.
    """

    prompt: str = ""
    """The question as people read it."""
    subject: Annotated[dict[str, JsonValue], Mapped()] = Field(default_factory=dict)
    """Mapping (as `input_mapping`) that builds what exactly is approved; it goes into the digest."""
    approvers: tuple[str | ApproverExpression, ...] = ()
    """Who may decide: a person, `group:NAME`, or an expression. Empty: anybody. Spellings that look the same are one name."""
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Members of groups. A group listed here is closed, an empty one has nobody in it; for a group that neither the definition nor
    the start lists, the decision claims membership in its `groups`."""
    required: CountOrExpression = 1
    """How many distinct people must approve, or an expression that gives it when people are asked. One rejection rejects."""
    allow_self_approval: StrictBool = False
    """Whether the run's `started_by` may decide."""
    deadline: Annotated[SecondsOrExpression | None, WithinRun(), EndsWait("it waits for people to decide")] = None
    """Time from the request until `on_timeout`, or an expression that gives it when people are asked."""
    on_timeout: Annotated[
        Literal["reject", "approve", "escalate", "fail"], NotYet("'on_timeout: escalate'", "escalate")
    ] = "reject"
    """What happens at the deadline."""
    escalation: Annotated[Escalation | None, NotYet("escalation")] = None
    reminders: Annotated[tuple[Reminder, ...], NotYet("reminders")] = ()
    form: Schema = Field(default_factory=dict)
    """JSON Schema of the answer that must come with an approval."""
    identity: Literal["claimed", "signed"] = "claimed"
    """`signed`: a decision counts only with a `token` that one of the worker's `ADW_DECISION_KEYS` signed, which the run checks; and so
    must be who starts the run, unless `allow_self_approval`. It holds against everybody but those who may be a worker."""
    assurance: Assurance | None = None
    """Of a signed decision: how the person must have logged in."""
    on_reject: Literal["fail", "continue"] = "fail"
    """`fail`: the step fails with `ApprovalRejected`; `continue`: it completes and its output says `rejected`."""

    def members_of(self, group: str) -> frozenset[str] | None:
        """Who is in a group, both by `same_name`; None for a group that is not listed."""
        listed = [same_names(members) for name, members in self.groups.items() if same_name(name) == group]
        return frozenset[str]().union(*listed) if listed else None

    def possible_people(self, groups: Mapping[str, list[str]] | None = None) -> frozenset[str] | None:
        """Who may decide, by `same_name`, or None where that is not settled; `groups` are those that the start lists."""
        given = {same_name(name): same_names(members) for name, members in (groups or {}).items()}
        people: set[str] = set()
        for approver in self.approvers:
            if not isinstance(approver, str):
                return None
            name = same_name(approver)
            if not name.startswith(GROUP_PREFIX):
                people.add(name)
                continue
            group = same_name(name.removeprefix(GROUP_PREFIX))
            members = self.members_of(group)
            members = given.get(group) if members is None else members
            if members is None:
                return None
            people |= members
        return frozenset(people) if self.approvers else None


_FIX_GROUP = "Name who is in it, or remove it from 'groups': then the start, or the decision itself, says who is in it."


def approval_problems(approval: Approval, loc: Loc) -> Iterator[Problem]:
    """Everything that is wrong in what is asked of people."""
    yield from _quorum_problems(approval, loc)
    if approval.on_timeout == "escalate" and approval.escalation is None:
        message = "'on_timeout' is 'escalate' but there is no 'escalation'."
        yield problem(Code.MISSING_FIELD, (*loc, "escalation"), message, "Say 'after' how long and 'to' whom.")
    if approval.assurance is not None and approval.identity != "signed":
        message = "'assurance' says how a signed decision must be made, and decisions are not signed here."
        yield problem(Code.MEANINGLESS_FIELD, (*loc, "assurance"), message, "Add 'identity: signed', or remove it.")
    if approval.identity == "signed" and approval.on_timeout == "approve":
        message = "'on_timeout: approve' lets everybody pass who waits, and nobody has signed that."
        yield warning(Code.MEANINGLESS_FIELD, (*loc, "on_timeout"), message, "Reject or fail at the deadline.")
    if approval.on_timeout != "reject" and approval.deadline is None:
        message = "'on_timeout' means nothing without a 'deadline'."
        yield warning(Code.MEANINGLESS_FIELD, (*loc, "on_timeout"), message, "Add a 'deadline', or remove it.")
    after, deadline = approval.escalation and approval.escalation.after, approval.deadline
    if after is not None and isinstance(deadline, int | float) and after >= deadline:
        message = f"it escalates after {after:g} s, but the deadline is at {deadline:g} s."
        yield warning(Code.TIMEOUT_RELATION, (*loc, "escalation", "after"), message, "Escalate earlier.")


def _quorum_problems(approval: Approval, loc: Loc) -> Iterator[Problem]:
    yield from _unseen_names(approval, loc)
    empty = [one for one in approval.groups if not approval.members_of(one) and _is_asked(approval, one)]
    people = approval.possible_people()
    for group in empty if people or people is None else ():
        message = f"group {group!r} is listed without members, so nobody in it may decide."
        yield warning(Code.QUORUM_UNREACHABLE, (*loc, "groups", group), message, _FIX_GROUP)
    if people is None:
        return
    count, place = len(people), (*loc, "required")
    if not people:
        named = " and ".join(f"group {one!r}" for one in empty)
        message = f"nobody may decide: {named} is listed without members." if empty else "nobody may decide."
        yield problem(Code.QUORUM_UNREACHABLE, (*loc, "groups", empty[0]) if empty else place, message, _FIX_GROUP)
    elif isinstance(approval.required, str):
        return  # Known when people are asked.
    elif approval.required > count:
        message = f"{approval.required} approvals are required, but only {count} distinct people may decide."
        fix = "Lower 'required', or name more approvers; a group that is listed without members has nobody in it."
        yield problem(Code.QUORUM_UNREACHABLE, place, message, fix)
    elif approval.required == count and not approval.allow_self_approval:
        message = f"all {count} approvers must approve, so the run cannot be approved when one of them starts it."
        fix = "Name one approver more, or set 'allow_self_approval'."
        yield warning(Code.QUORUM_UNREACHABLE, place, message, fix)


def _is_asked(approval: Approval, group: str) -> bool:
    """Whether a group is one of the approvers."""
    asked = [same_name(one) for one in approval.approvers if isinstance(one, str)]
    return any(
        one.startswith(GROUP_PREFIX) and same_name(one.removeprefix(GROUP_PREFIX)) == same_name(group) for one in asked
    )


def _unseen_names(approval: Approval, loc: Loc) -> Iterator[Problem]:
    """Approvers and members that are nobody: no character of theirs can be seen."""
    places = [
        ((*loc, "approvers", number), name) for number, name in enumerate(approval.approvers) if isinstance(name, str)
    ]
    for group, members in approval.groups.items():
        places += [((*loc, "groups", group, number), name) for number, name in enumerate(members)]
    for place, name in places:
        if not same_name(name).removeprefix(GROUP_PREFIX):
            yield problem(Code.WRONG_VALUE, place, f"{name!r} names nobody.", "Write a name, or remove the entry.")


KIND = Kind[Approval](
    StepType.HUMAN_APPROVAL,
    field="approval",
    output=always("decision", "approver", "decided_at", "comment", "form", "by_deadline", "decisions"),
    problems=approval_problems,
    drawn=("[/", "/]"),
)
