"""What happened to one step of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from advanced_workflow.workflows.contract import ErrorInfo, Json, SkipReason, StepState
from advanced_workflow.workflows.contract.paths import StepPath, round_key
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339

_PLAIN = ("start_time", "end_time", "output", "has_output", "notes", "retry_count", "recovered", "waiting_for")
_MORE = ("cursor", "closed")
AGENT, MESSAGES = "agent", "messages"
"""In the cursor of an agent: where it stands, and in that its conversation."""
ORCHESTRATION, GRAPH = "orchestration", "graph"
"""In the cursor of an orchestrator: where it stands, or the graph that it runs."""
_STAND = frozenset(
    {
        "round",
        "under_way",
        "items",
        "next",
        "running",
        "results",
        "failures",
        "cut_off",
        "enough",
        "undone",
        AGENT,
        ORCHESTRATION,
        GRAPH,
    }
)
"""Where a loop, a fan-out, an agent or an orchestrator stands; the only thing in a cursor that outlives a failure."""


@dataclass(slots=True)
class Record:
    """What happened to one step of the run. Times are RFC 3339 in UTC."""

    plan: StepPlan
    path: StepPath
    status: StepStatus = StepStatus.PENDING
    start_time: str | None = None
    end_time: str | None = None
    output: Json = None
    has_output: bool = False
    notes: dict[str, Json] = field(default_factory=dict[str, Json])
    """Shown beside the output."""
    cursor: dict[str, Json] = field(default_factory=dict[str, Json])
    """Where a step that runs stands, for its runner: what it needs to continue when the run continues as new."""
    error: ErrorInfo | None = None
    routed: frozenset[str] | None = None
    retry_count: int = 0
    recovered: bool = False
    skip_reason: SkipReason | None = None
    waiting_for: str | None = None
    closed: bool = False
    """Nothing more follows: its error handlers have run too, and its dependents know."""
    resumed: bool = False
    """It was under way when the run continued as new, and nothing took it up again yet."""

    @property
    def seconds(self) -> float:
        """How long it took; 0 for a step that never ran."""
        if self.start_time is None or self.end_time is None:
            return 0
        return (parse_rfc3339(self.end_time) - parse_rfc3339(self.start_time)).total_seconds()

    @property
    def round_key(self) -> str | None:
        """The latest round of a loop, as its path says it."""
        number = self.cursor.get("round")
        return None if number is None else round_key(number)

    @property
    def mirrors(self) -> str | None:
        """Path of the record that this one shows: that of an error handler of several steps shows its latest run."""
        return self.cursor.get("mirrors")

    @property
    def is_told(self) -> bool:
        """Whether there is anything to carry on about it."""
        return self.status is not StepStatus.PENDING or self.retry_count > 0 or bool(self.cursor)

    def forget(self) -> None:
        """Forget how it ended, so that it can run again; a loop or a fan-out continues where it stood."""
        if self.round_key is None or self.plan.children is not None:  # A loop over an action sees its latest output.
            self.output, self.has_output = None, False
        self.start_time = self.end_time = self.error = self.routed = None
        self.skip_reason = self.waiting_for = None
        self.recovered = self.closed = self.resumed = False
        self.notes.clear()
        self.cursor = {name: value for name, value in self.cursor.items() if name in _STAND}

    def forget_copies(self) -> None:
        """A fan-out is over: its output says all, and is carried on in its place."""
        if "items" in self.cursor:
            for name in ("items", "results", "failures", "running", "cut_off"):
                self.cursor.pop(name, None)

    def take_over(self, source: Record) -> None:
        """Show another record's end."""
        self.cursor["mirrors"] = source.path
        self.start_time, self.end_time = source.start_time, source.end_time
        self.output, self.has_output, self.error = source.output, source.has_output, source.error
        self.skip_reason, self.routed = source.skip_reason, source.routed

    def as_state(self, *, include_data: bool = True) -> StepState:
        """The record under the names that callers know."""
        data: dict[str, Json] = dict(self.notes)
        if include_data and self.has_output:
            data["output"] = self.output
        return StepState(
            path=self.path,
            step_id=self.plan.step_id,
            name=self.plan.step.label,
            step_type=self.plan.step.step_type,
            status=self.status,
            start_time=self.start_time,
            end_time=self.end_time,
            execution_data=data,
            error_info=self.error,
            retry_count=self.retry_count,
            recovered=self.recovered,
            skip_reason=self.skip_reason,
            waiting_for=self.waiting_for,
        )

    def dump(self) -> dict[str, Json]:
        """As plain data; what is at its default is left out."""
        data: dict[str, Any] = {"step": self.plan.step_id, "path": self.path, "status": self.status.value}
        data.update({name: value for name in (*_PLAIN, *_MORE) if (value := getattr(self, name))})
        if self.closed and AGENT in self.cursor:  # What was said is in the history in which the agent ended.
            stand: dict[str, Json] = self.cursor[AGENT]
            data["cursor"] = {**self.cursor, AGENT: {name: stand[name] for name in stand if name != MESSAGES}}
        if self.closed and GRAPH in self.cursor:
            data["cursor"] = {name: value for name, value in self.cursor.items() if name != GRAPH}
        if self.has_output:
            data["output"] = self.output
        if self.error is not None:
            data["error"] = self.error.model_dump(mode="json")
        if self.routed is not None:
            data["routed"] = sorted(self.routed)
        if self.skip_reason is not None:
            data["skip_reason"] = self.skip_reason.value
        return data

    @staticmethod
    def load(data: Mapping[str, Json], plans: Mapping[str, StepPlan]) -> Record:
        """The record of `dump`."""
        record = Record(plans[data["step"]], StepPath(data["path"]), StepStatus(data["status"]))
        for name in (*_PLAIN, *_MORE):
            if name in data:
                setattr(record, name, data[name])
        if "error" in data:
            record.error = ErrorInfo.model_validate(data["error"])
        if "routed" in data:
            record.routed = frozenset(data["routed"])
        if "skip_reason" in data:
            record.skip_reason = SkipReason(data["skip_reason"])
        record.resumed = not record.closed and record.status is not StepStatus.PENDING
        return record
