"""What an orchestrator does next: decided by rules from where its subtasks stand."""

from __future__ import annotations

from dataclasses import dataclass

from advanced_workflow.workflows.definition.kinds.orchestrator import REACT, Orchestrator
from advanced_workflow.workflows.engine.orchestration.plans import in_order, is_sensitive
from advanced_workflow.workflows.engine.orchestration.state import (
    ENDED,
    FAILED,
    RUNNING,
    SKIPPED,
    WAITING,
    Action,
    EnterpriseWorkflowState,
    Subtask,
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A strategy, why, and the subtasks it is for."""

    strategy: Action
    reason: str
    subtasks: tuple[str, ...] = ()


def choose(made: Orchestrator, state: EnterpriseWorkflowState) -> Choice:
    """The next strategy: what failed first, then what ends the task, then what must be known or allowed before anything runs."""
    subtasks = state["subtasks"]
    failed = _with(subtasks, FAILED)
    if failed or state["last_error"] is not None:
        return Choice("error", f"{', '.join(failed) or 'the plan'} failed", failed)
    left = _with(subtasks, WAITING, RUNNING)
    if not left:
        return Choice("complete", "nothing is left to be done")
    if made.approve_plan and not state["task_analysis"].get("approved"):
        return Choice("approval", "each plan is to be approved", left)
    if left == (REACT,):
        return Choice("react", "the task is open-ended", left)
    ready = tuple(id for id in left if _is_ready(subtasks, subtasks[id]))
    tested = tuple(id for id in ready if must_be_tested(made, subtasks[id]))
    if tested:
        return Choice("conditional", f"a test decides about {', '.join(tested)}", tested)
    asked = tuple(id for id in ready if must_be_approved(made, subtasks[id]))
    if asked:
        are = "is" if len(asked) == 1 else "are"
        return Choice("approval", f"{', '.join(asked)} {are} sensitive", asked)
    free = _free(made, subtasks)
    count = "one subtask waits" if len(free) == 1 else f"{len(free)} subtasks wait"
    return Choice("parallel", f"{count} for nobody's test or approval", free)


def must_be_tested(made: Orchestrator, subtask: Subtask) -> bool:
    """Whether it is not known yet if it is done at all."""
    if subtask.get("tested"):
        return False
    worker = made.worker(subtask["worker"])
    return subtask.get("when") is not None or (worker is not None and worker.when is not None)


def must_be_approved(made: Orchestrator, subtask: Subtask) -> bool:
    """Whether people have still to approve it."""
    return is_sensitive(made, subtask) and not subtask.get("approved")


def skip_the_unneeded(subtasks: dict[str, Subtask]) -> None:
    """What needs a subtask that is not done is not done either."""
    for id in in_order(subtasks):
        one = subtasks[id]
        if one["status"] == WAITING and any(subtasks[need]["status"] == SKIPPED for need in _needs(subtasks, one)):
            one["status"] = SKIPPED


def _free(made: Orchestrator, subtasks: dict[str, Subtask]) -> tuple[str, ...]:
    """All that can be done without another decision, those that need each other included."""
    free: dict[str, None] = {}
    for id in in_order(subtasks):
        one = subtasks[id]
        if one["status"] not in (WAITING, RUNNING) or must_be_tested(made, one) or must_be_approved(made, one):
            continue
        if all(need in free or subtasks[need]["status"] in ENDED for need in _needs(subtasks, one)):
            free[id] = None
    return tuple(free)


def _is_ready(subtasks: dict[str, Subtask], one: Subtask) -> bool:
    return all(subtasks[need]["status"] in ENDED for need in _needs(subtasks, one))


def _needs(subtasks: dict[str, Subtask], one: Subtask) -> list[str]:
    return [need for need in one.get("needs", ()) if need in subtasks]


def _with(subtasks: dict[str, Subtask], *statuses: str) -> tuple[str, ...]:
    return tuple(id for id, one in subtasks.items() if one["status"] in statuses)
