"""What people and systems say to a run, and what it keeps of it."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

from pydantic import ConfigDict, Field, JsonValue

from advanced_workflow.workflows.contract.names import SIGNAL_EVENT
from advanced_workflow.workflows.contract.wire import UserModel, WireModel


class Decision(UserModel):
    """Payload of `approve_step` and `reject_step`."""

    step_id: str
    """The step's path; its id does where it asks once in a run."""
    approver: str
    """Who decides. Spellings that look the same are one person."""
    comment: str | None = None
    form: JsonValue = None
    """The answer, checked against the approval's `form`."""
    digest: str | None = None
    """The digest the approver saw; another one is refused. Needed where a step asks again."""
    decision_id: str | None = None
    """Makes sending twice count once in a run; it belongs to one person and one content."""
    groups: list[str] = Field(default_factory=list)
    """Groups the approver claims to be in (closed groups check against their list)."""
    token: str | None = None
    """Where the approval's `identity` is `signed`: `advanced_workflow.workflows.contract.tokens.DecisionClaims` as a compact JWS."""


class DecideRequest(Decision):
    """Argument of the update `decide_step`."""

    decision: Literal["approve", "reject"]


class DecisionReceipt(WireModel):
    """Answer of `decide_step`."""

    step_id: str
    state: Literal["early", "counted", "duplicate", "decided"]
    """`early`: kept until the step is reached; `counted`: more approvals needed; `decided`: it settled the step.

    `duplicate`: it was taken before, for the step of this `path`, and changed nothing now."""
    approvals: int = 0
    required: int = 0
    """0 where that is not known before the step asks."""
    path: str = ""
    """Path of the step that it counts for."""


class RecordedDecision(WireModel):
    """A decision as kept in the run."""

    decision: Literal["approve", "reject"]
    approver: str
    time: str
    comment: str | None = None
    form: JsonValue = None
    decision_id: str | None = None
    groups: list[str] = Field(default_factory=list)
    digest: str | None = None
    token: str | None = None
    """What was signed, which can be verified again."""


WHO_DECIDED = "who_decided"
"""Where `WhoDecided` stands in the `execution_data` of a step that asked people."""


class DecidedBy(WireModel):
    """One person's decision in short."""

    decision: Literal["approve", "reject"]
    by: str
    time: str
    comment: str | None = None
    """A long one is cut."""


class WhoDecided(WireModel):
    """Who decided an asking that is over, in short; the whole decisions are in the step's output."""

    people: list[DecidedBy] = Field(default_factory=list[DecidedBy])
    """The latest decisions, the oldest of them first."""
    more: int = 0
    """How many there were before them."""
    by_deadline: bool = False
    """The deadline settled it (`on_timeout`)."""


class RejectedDecision(WireModel):
    """A message that did not count, and why."""

    time: str
    code: str
    message: str
    payload: JsonValue = None
    """The message; of a large one only `left_out`: its size, its sha256 and who it says it is from."""


class PendingApproval(WireModel):
    """One approval the run waits for."""

    step_id: str
    path: str
    name: str
    prompt: str
    subject: JsonValue = None
    approvers: list[str] = Field(default_factory=list)
    not_by: str | None = None
    """Who started the run, where they may not decide it."""
    required: int
    approvals: list[RecordedDecision] = Field(default_factory=list)
    digest: str
    """Over run, definition, path, subject and `asked`: a decision that carries it counts for nothing else."""
    asked: int = 0
    """The how-manieth asking of the run this is; a step that asks again has another."""
    requested_at: str
    deadline: str | None = None
    on_timeout: str
    form: dict[str, JsonValue] = Field(default_factory=dict)
    identity: Literal["claimed", "signed"] = "claimed"
    """`signed`: a decision needs a `token`."""
    left_out: bool = False
    """The answer would be too large: `subject`, `form` and comments are left out, or the prompt is cut."""


class EventMessage(UserModel):
    """Payload of the `event` signal."""

    event: str
    """Name of the event."""
    data: JsonValue = None
    event_id: str | None = None
    """Makes sending twice count once; of one name it belongs to one content."""


def callback_of(namespace: str, workflow_id: str) -> dict[str, JsonValue]:
    """What a partner needs to send a run an event, as expressions see it in `run.callback`.

    `path` is that of the server's HTTP API (`POST`, with an `EventMessage` as the one item of `input`), and null for ids which that API
    does not take: those with a slash, as child runs have, and dots alone. Any client signals `workflow_id` with `signal`.
    """
    names = (quote(one, safe="") for one in (namespace, workflow_id, SIGNAL_EVENT))
    reached = "/" not in workflow_id and workflow_id not in (".", "..")
    path = "/api/v1/namespaces/{}/workflows/{}/signal/{}".format(*names) if reached else None
    return {"namespace": namespace, "workflow_id": workflow_id, "signal": SIGNAL_EVENT, "path": path}


class UnconsumedEvent(EventMessage):
    """An event that no step took yet, as a run shows it."""

    model_config = ConfigDict(extra="ignore")

    bytes: int = 0
    """Size of its data."""
    data_left_out: bool = False
    """The data is too large to be shown."""


class OperatorRequest(UserModel):
    """Argument of `pause` and `resume`."""

    by: str
    """Who."""
    reason: str
    """Why."""


class StepRequest(OperatorRequest):
    """Argument of `retry_step`."""

    step_id: str
    """The step's id or path."""


class SkipRequest(StepRequest):
    """Argument of `skip_step`."""

    output: JsonValue = None
    """What the step gives to those after it; where it is left out they find no output."""

    @property
    def gives_output(self) -> bool:
        """Whether there is one; null is one too."""
        return "output" in self.model_fields_set


class AuditEntry(WireModel):
    """One operator's act."""

    time: str
    operation: str
    by: str
    reason: str
    step_id: str | None = None
    output_sha256: str | None = None
    """Of the output that was given in the step's place, as JSON with sorted keys and no spaces; the value is in its record."""
