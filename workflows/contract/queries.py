"""Queries and their answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from advanced_workflow.workflows.contract.messages import AuditEntry, RejectedDecision, UnconsumedEvent
from advanced_workflow.workflows.contract.report import ErrorInfo, RollbackReport, RunStatus, StepState
from advanced_workflow.workflows.contract.wire import UserModel, WireModel


class StateRequest(UserModel):
    """Optional argument of the `state` query."""

    step_id: str | None = None
    """Only this step (id or path)."""
    include_data: bool = True
    """Whether outputs are included."""


class BreakerState(WireModel):
    """One circuit breaker as a run met it."""

    action: str
    state: Literal["open", "half_open", "closed"]
    until: str | None = None
    """When an open one lets a probe through."""


class RunState(WireModel):
    """Answer of the `state` query."""

    execution_id: str
    workflow_id: str
    version: str
    definition_sha256: str
    status: RunStatus
    rerun_of: str | None = None
    """The run that this one repeats."""
    start_time: str
    deadline: str | None = None
    steps: list[StepState] = Field(default_factory=list)
    """In the order of the definition, then of starting."""
    data_left_out: bool = False
    """Outputs were left out because the answer would be too large; ask for one step."""
    workflow: dict[str, JsonValue] = Field(default_factory=dict)
    """The variables."""
    output_error: ErrorInfo | None = None
    """Why the definition's `output` failed, while that holds the run for an operator."""
    error: ErrorInfo | None = None
    rollback: RollbackReport | None = None
    rejected_decisions: list[RejectedDecision] = Field(default_factory=list)
    """The latest messages that did not count."""
    rejected_left_out: dict[str, int] = Field(default_factory=dict)
    """How many earlier ones are no longer listed, by code."""
    unconsumed_events: list[UnconsumedEvent] = Field(default_factory=list)
    """The oldest events that no step took yet."""
    unconsumed_left_out: int = 0
    """How many more there are."""
    audit: list[AuditEntry] = Field(default_factory=list)
    """The latest acts of operators."""
    audit_left_out: dict[str, int] = Field(default_factory=dict)
    """How many earlier ones are no longer listed, by operation; the history has them."""
    circuit_breakers: list[BreakerState] = Field(default_factory=list)
    """Breakers that kept a step of this run from calling its action."""


class AgentProgress(WireModel):
    """How far an agent is that runs."""

    path: str
    turn: int = 0
    """The turn that it is in, from 1: a turn begins when the model is asked, and ends with the calls that its answer asks for."""
    turns: int = 0
    """How often its model has answered."""
    tool_calls: int = 0
    tokens: int = 0
    """Of all model calls together."""
    cost: float | None = None
    """Where it is known."""
    limit: str | None = None
    """The limit that it has reached, where it is asked for its answer a last time."""
    calls: list[str] = Field(default_factory=list[str])
    """Its calls of tools that run or wait for people, as people read them; none while its model is asked."""
    last: str = ""
    """The last words of the model's answer that is under way. The run does not know them: `Run.progress` adds them from the signs of life."""

    @property
    def spent(self) -> str:
        """What it has spent, in words."""
        calls = f"{self.tool_calls} tool call{'' if self.tool_calls == 1 else 's'}"
        cost = "" if self.cost is None else f", cost {self.cost:g}"
        last = f", its last answer is wanted ({self.limit})" if self.limit else ""
        return f"{calls}, {self.tokens} token{'' if self.tokens == 1 else 's'}{cost}{last}"


ORCHESTRATION_DECISION = "orchestration_decision"
"""What a decision of an orchestrator is called in the audit trail of the run."""


class Decided(WireModel):
    """A decision of an orchestrator, as far as it is told in a line."""

    strategy: str
    reason: str = ""


class Spending(WireModel):
    """What an orchestrator has used up, as far as it is told in a line."""

    replans: int = 0
    tokens: int = 0


class OrchestratorProgress(WireModel):
    """How far an orchestrator is, as it stands in the `execution_data` of its step under `orchestration`."""

    decisions: list[Decided] = Field(default_factory=list[Decided])
    subtasks: dict[str, str] = Field(default_factory=dict[str, str])
    """The status of each."""
    budget: Spending = Field(default_factory=Spending)

    @property
    def words(self) -> str:
        """In a line: what was decided last, and how much of the plan is done."""
        done = sum(status == "completed" for status in self.subtasks.values())
        replans = self.budget.replans
        parts = (
            f"{self.decisions[-1].strategy}: {self.decisions[-1].reason}" if self.decisions else "",
            f"{done} of {len(self.subtasks)} subtasks done" if self.subtasks else "",
            f"{replans} replan{'' if replans == 1 else 's'}" if replans else "",
            f"{self.budget.tokens} tokens" if self.budget.tokens else "",
        )
        return "; ".join(one for one in parts if one)


class Progress(WireModel):
    """Answer of the `progress` query: counts, cheap at any size."""

    status: RunStatus
    total: int
    pending: int = 0
    running: int = 0
    waiting: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    waiting_for: list[str] = Field(default_factory=list)
    """One sentence for each step that waits."""
    agents: list[AgentProgress] = Field(default_factory=list[AgentProgress])
    """The agents that run."""


class KeptStep(WireModel):
    """A completed step with all that ran inside of it."""

    records: list[dict[str, JsonValue]]
    undo: JsonValue = None
    """What may have to be undone of it."""
    output: JsonValue = None
    ended: str = ""
    """When it ended; UTC, RFC 3339."""
    undone: bool = False
    """Its effects were undone, so that its result must not be kept."""


class Checkpoint(WireModel):
    """Answer of the `checkpoint` query: what another run could keep of this one."""

    execution_id: str
    definition: dict[str, JsonValue]
    input_data: JsonValue = None
    options: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    variables: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    steps: dict[str, KeptStep] = Field(default_factory=dict[str, "KeptStep"])
    """The completed steps of the definition's own graph, by id."""
    signed: list[str] = Field(default_factory=list[str])
    """Ids of its steps that lead to decisions which must be signed: what people signed is for that run only."""
