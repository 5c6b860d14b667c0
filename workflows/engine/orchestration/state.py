"""The state of an orchestrator: plain data in the cursor of its step, so that it continues in another history."""

from __future__ import annotations

from typing import Final, Literal, TypedDict

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.engine.state.record import ORCHESTRATION, Record

WAITING, RUNNING, COMPLETED, FAILED, SKIPPED, DEGRADED = (
    "waiting",
    "running",
    "completed",
    "failed",
    "skipped",
    "degraded",
)
ENDED: Final = frozenset({COMPLETED, SKIPPED, DEGRADED})
"""How a subtask may stand so that those which need it may begin."""
_SHOWN = 50
"""Decisions that are shown, the latest ones."""

Subtask = dict[str, Json]
"""`id`, `worker`, `input`, `input_mapping`, `needs`, `when`, as a plan has them, and how it stands: `status`, `pass` (the number in its
path), `arguments`, `error`, `tried` (workers), `approved`, `tested`."""


class EnterpriseWorkflowState(TypedDict):
    """What the nodes of the graph hand to each other."""

    workflow_id: str
    current_step: str
    context: dict[str, Json]
    """The task, and what is kept for its next analysis."""
    next_action: str
    last_error: Json
    error_count: int
    audit_trail: list[Json]
    approval_requests: list[Json]
    rollback_points: list[Json]
    task_analysis: Json
    execution_strategy: str
    results: dict[str, Json]
    budget: dict[str, Json]
    subtasks: dict[str, Subtask]
    decisions: list[dict[str, Json]]
    open: Json
    """The decision that is being carried out."""
    degraded: list[str]
    limit: str


def standing_of(record: Record) -> EnterpriseWorkflowState | None:
    """Where an orchestrator stands; None where it did not begin."""
    return record.cursor.get(ORCHESTRATION)


def begin_state(record: Record, workflow_id: str, task: Json) -> EnterpriseWorkflowState:
    """The state of one that begins."""
    state = EnterpriseWorkflowState(
        workflow_id=workflow_id,
        current_step=record.path,
        context={"task": task, "failures": []},
        next_action="",
        last_error=None,
        error_count=0,
        audit_trail=[],
        approval_requests=[],
        rollback_points=[],
        task_analysis=None,
        execution_strategy="",
        results={},
        budget={"passes": 0, "steps": 0, "replans": 0, "tokens": 0, "cost": 0.0, "priced": True},
        subtasks={},
        decisions=[],
        open=None,
        degraded=[],
        limit="",
    )
    record.cursor[ORCHESTRATION] = state
    return state


def allow_again(state: EnterpriseWorkflowState) -> None:
    """An operator runs the failed step again: it has its limits once more, and each failed subtask another attempt."""
    state["budget"].update({"steps": 0, "replans": 0, "tokens": 0, "cost": 0.0, "priced": True, "used": {}})
    state["open"], state["limit"], state["last_error"] = None, "", None
    state["context"].pop("problems", None)
    for subtask in state["subtasks"].values():
        if subtask["status"] in (FAILED, RUNNING):
            begin_again(subtask)
            subtask.pop("tried", None)
            subtask.pop("retried", None)


def begin_again(subtask: Subtask) -> None:
    """It is to be done again, under a path of its own."""
    subtask["status"] = WAITING
    for name in ("pass", "error", "arguments", "exact", "approved"):
        subtask.pop(name, None)


def next_pass(state: EnterpriseWorkflowState) -> int:
    """The number in the paths of what runs next."""
    number: int = state["budget"]["passes"]
    state["budget"]["passes"] = number + 1
    return number


def note(state: EnterpriseWorkflowState, event: str, **more: Json) -> None:
    """Add a line to the trail."""
    state["audit_trail"] = [*state["audit_trail"][-4 * _SHOWN :], {"event": event, **more}]


def show(record: Record, state: EnterpriseWorkflowState) -> None:
    """Show how far it is beside the step's output."""
    record.notes[ORCHESTRATION] = {
        "decisions": state["decisions"][-_SHOWN:],
        "subtasks": {id: one["status"] for id, one in state["subtasks"].items()},
        "budget": {name: state["budget"][name] for name in ("steps", "replans", "tokens", "cost")},
    }


Action = Literal["parallel", "conditional", "react", "approval", "error", "complete"]
