"""What becomes of a subtask that failed: what it did is undone, and then the ways of the definition are tried in their order."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from advanced_workflow.workflows.contract import ErrorInfo, Json
from advanced_workflow.workflows.definition.kinds.orchestrator import APPROVAL, Recovery, Worker
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.orchestration.plans import branch_of, calls_left
from advanced_workflow.workflows.engine.orchestration.state import (
    DEGRADED,
    FAILED,
    Subtask,
    begin_again,
    note,
)
from advanced_workflow.workflows.engine.orchestration.work import Work
from advanced_workflow.workflows.engine.step.failures import StepFailure, failure_of
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.errors import ApprovalRejected
from advanced_workflow.workflows.plain.text import for_people


async def recover(work: Work) -> None:
    """Do something about each failed subtask. Raises `StepFailure` where nothing is left to try."""
    state = work.state
    for id in [id for id, one in state["subtasks"].items() if one["status"] == FAILED]:
        subtask = state["subtasks"].get(id)
        if subtask is None or subtask["status"] != FAILED:  # It went with the branch of another one.
            continue
        await work.undo(subtask)
        way = await _way(work, subtask)
        if way is None:
            raise _failure(work, subtask)
        note(state, "recovery", subtask=id, way=way, error=subtask.get("error"))
        await _take(work, subtask, way)


async def _way(work: Work, subtask: Subtask) -> Recovery | None:
    """The first way that there is."""
    for way in work.made.recovery:
        if way == "person" and await _is_let_go(work, subtask):
            return way
        if way != "person" and _is_open(work, subtask, way):
            return way
    return None


def _is_open(work: Work, subtask: Subtask, way: Recovery) -> bool:
    made, state = work.made, work.state
    rejected = subtask["error"]["type"] == ApprovalRejected.code
    if way == "retry":
        return not subtask.get("retried") and not rejected and _has_calls_left(work, made.worker(subtask["worker"]))
    if way == "another":
        return not rejected and _stand_in(work, subtask) is not None
    if way == "degrade":
        worker = made.worker(subtask["worker"])
        return worker is not None and worker.optional
    return made.analysis == "model" and state["budget"]["replans"] < made.max_replans


def _stand_in(work: Work, subtask: Subtask) -> str | None:
    """Another worker that can do it."""
    worker = work.made.worker(subtask["worker"])
    if worker is None or worker.capability is None:
        return None
    tried: list[str] = [*subtask.get("tried", ()), worker.label]
    alike = (one for one in work.made.workers if one.capability == worker.capability and one.label not in tried)
    return next((one.label for one in alike if _has_calls_left(work, one)), None)


def _has_calls_left(work: Work, worker: Worker | None) -> bool:
    return worker is None or calls_left(worker, work.state) != 0


async def _take(work: Work, subtask: Subtask, way: Recovery) -> None:
    if way == "replan":
        await _replan(work, subtask)
    elif way in ("degrade", "person"):
        subtask["status"] = DEGRADED
        work.state["results"][subtask["id"]] = None
        work.state["degraded"].append(subtask["id"])
    else:
        if way == "another":
            subtask["tried"] = [*subtask.get("tried", ()), subtask["worker"]]
            subtask["worker"] = _another(work, subtask)
        subtask["retried"] = True if way == "retry" else subtask.get("retried", False)
        begin_again(subtask)


def _another(work: Work, subtask: Subtask) -> str:
    found = _stand_in(work, subtask)
    if found is None:
        raise AssertionError("there was one")
    return found


async def _replan(work: Work, subtask: Subtask) -> None:
    """Undo the rest of its branch and what failed beside it, the latest first, and have the model plan what is left."""
    state = work.state
    branch = branch_of(state["subtasks"], subtask["id"])
    gone = [*branch, *_failed_beside(state["subtasks"], branch)] if patched(Patch.RULES_4) else branch
    for id in sorted(gone, key=lambda one: state["subtasks"][one].get("pass", -1), reverse=True):
        await work.undo(state["subtasks"][id])
    state["context"]["failures"].append(
        {"subtask": subtask["id"], "worker": subtask["worker"], "error": subtask["error"], "undone": branch}
    )
    for id in branch:
        state["results"].pop(id, None)
    kept = {id: one for id, one in state["subtasks"].items() if id not in branch and id in state["results"]}
    state["subtasks"].clear()
    state["subtasks"].update(kept)
    state["degraded"][:] = [one for one in state["degraded"] if one in kept]
    state["budget"]["replans"] += 1
    state["task_analysis"] = None


def _failed_beside(subtasks: Mapping[str, Subtask], branch: Collection[str]) -> list[str]:
    """What failed in other branches: the new plan takes its place, too."""
    return [id for id, one in subtasks.items() if one["status"] == FAILED and id not in branch]


async def _is_let_go(work: Work, subtask: Subtask) -> bool:
    """Ask a person whether the task goes on without it."""
    asking: dict[str, Json] = subtask.setdefault("asking", {})
    error: dict[str, Json] = subtask["error"]
    subject = {"id": subtask["id"], "worker": subtask["worker"], "error": error}
    record = await work.run(APPROVAL, {"what": "go on without what failed", "subtasks": [subject]}, asking)
    del subtask["asking"]
    return record.status is StepStatus.COMPLETED


def _failure(work: Work, subtask: Subtask) -> StepFailure:
    error: dict[str, str] = subtask["error"]
    where = f"step {work.step.path!r}: subtask {subtask['id']!r} of worker {subtask['worker']!r} failed"
    if error["type"] == ApprovalRejected.code:
        return failure_of(ApprovalRejected(for_people(f"{where}: {error['message']}")))
    message = for_people(f"{where} and nothing is left to try: {error['message']}")
    return StepFailure(ErrorInfo(type=error["type"], message=message, details={"subtask": subtask["id"]}))
