"""The six nodes of the enterprise graph. Each may begin again in another history, and goes on where the state says it stood."""

from __future__ import annotations

from advanced_workflow.workflows.contract import ErrorInfo, Json
from advanced_workflow.workflows.definition.kinds.orchestrator import APPROVAL
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.orchestration.analysis import analyse
from advanced_workflow.workflows.engine.orchestration.decisions import decide, limit_reached
from advanced_workflow.workflows.engine.orchestration.recovery import recover
from advanced_workflow.workflows.engine.orchestration.state import (
    FAILED,
    SKIPPED,
    EnterpriseWorkflowState,
    Subtask,
    note,
    show,
)
from advanced_workflow.workflows.engine.orchestration.strategy import (
    Choice,
    choose,
    must_be_approved,
    skip_the_unneeded,
)
from advanced_workflow.workflows.engine.orchestration.work import Work
from advanced_workflow.workflows.engine.step.failures import StepFailure, failure_of
from advanced_workflow.workflows.errors import AgentLimitExceeded, ApprovalRejected
from advanced_workflow.workflows.plain.text import for_people

_WORKING = frozenset({"parallel", "conditional", "react", "approval"})
"""Strategies that spend something."""


class EnterpriseNodes:
    """What the nodes do; what they change is in the state that they were made with, which is the step's own."""

    def __init__(self, work: Work) -> None:
        """The work is that of one orchestrator."""
        self._work = work
        self._state = work.state

    async def orchestrator(self, _: EnterpriseWorkflowState) -> EnterpriseWorkflowState:
        """Analyse what has no plan, and decide what is done next. It alone ends the graph."""
        state, made, run = self._state, self._work.made, self._work.step.run
        await run.budget.breathe()
        await run.state.thinking.pause()
        if state["open"] is not None:  # It was decided in an earlier history, and is not carried out yet.
            return state
        if state["task_analysis"] is None:
            await analyse(self._work)
        skip_the_unneeded(state["subtasks"])
        choice = self._within_limits(choose(made, state))
        decide(self._work.step, made, state, choice)
        return state

    def _within_limits(self, choice: Choice) -> Choice:
        state, made = self._state, self._work.made
        limit = limit_reached(made, state) if choice.strategy in _WORKING else ""
        if not limit:
            left = made.max_steps - int(state["budget"]["steps"])
            begun = [one for one in choice.subtasks if "pass" in state["subtasks"][one]]
            fresh = [one for one in choice.subtasks if one not in begun]
            cut = choice.strategy in ("parallel", "react") and len(fresh) > left
            return Choice(choice.strategy, choice.reason, (*begun, *fresh[:left])) if cut else choice
        if made.on_limit == "answer":
            state["limit"] = limit
            return Choice("complete", f"'{limit}' is used up")
        message = f"step {self._work.step.path!r}: the task is not done and has used up {limit!r}; raise it, or set 'on_limit: answer'."
        raise StepFailure(ErrorInfo(type=AgentLimitExceeded.code, message=message, details={"limit": limit}))

    async def parallel_executor(self, _: EnterpriseWorkflowState) -> EnterpriseWorkflowState:
        """Run subtasks that need no decision, each after those that it needs."""
        await self._work.run_all(self._decided())
        return self._done()

    async def conditional_router(self, _: EnterpriseWorkflowState) -> EnterpriseWorkflowState:
        """Look at the tests about subtasks; those that are to be done, and that nobody has to approve, are."""
        chosen: list[str] = []
        for id in self._decided():
            subtask = self._state["subtasks"][id]
            if not subtask.get("tested"):
                await self._work.step.run.state.thinking.pause()
                self._test(subtask)
            if subtask["status"] not in (SKIPPED, FAILED) and not must_be_approved(self._work.made, subtask):
                chosen.append(id)
        left = self._work.made.max_steps - int(self._state["budget"]["steps"])
        begun = [one for one in chosen if "pass" in self._state["subtasks"][one]]
        await self._work.run_all([*begun, *[one for one in chosen if one not in begun][: max(left, 0)]])
        return self._done()

    def _test(self, subtask: Subtask) -> None:
        try:
            if not self._work.holds(subtask):
                subtask["status"] = SKIPPED
        except StepFailure as failure:
            subtask["status"] = FAILED
            subtask["error"] = {"type": failure.error.type, "message": failure.error.message}
        subtask["tested"] = True

    async def react_agent(self, _: EnterpriseWorkflowState) -> EnterpriseWorkflowState:
        """Have an agent do an open-ended task, with the workers as its tools."""
        await self._work.run_all(self._decided())
        return self._done()

    async def human_approval(self, _: EnterpriseWorkflowState) -> EnterpriseWorkflowState:
        """Ask people about the plan, or about exactly what sensitive subtasks are given."""
        state = self._state
        is_plan = self._work.made.approve_plan and not state["task_analysis"].get("approved")
        subtasks = [state["subtasks"][id] for id in self._decided() if state["subtasks"][id]["status"] != FAILED]
        if not is_plan:
            for subtask in subtasks:
                await self._prepare(subtask)
            subtasks = [one for one in subtasks if one["status"] != FAILED]
        if not subtasks:
            return self._done()
        subject = {
            "what": "the plan" if is_plan else "these subtasks",
            "subtasks": [_told(one, is_plan=is_plan) for one in subtasks],
        }
        record = await self._work.run(APPROVAL, subject, state["open"])
        error = record.error
        approved = record.status is StepStatus.COMPLETED
        state["approval_requests"].append({"path": record.path, "what": subject["what"], "approved": approved})
        note(state, "approval", path=record.path, approved=approved)
        if approved:
            self._approve(subtasks, is_plan=is_plan)
        else:
            self._reject(subtasks, error or ErrorInfo(type="Skipped", message="nobody was asked."), is_plan=is_plan)
        return self._done()

    async def _prepare(self, subtask: Subtask) -> None:
        try:
            if "arguments" not in subtask:
                await self._work.prepare(subtask)
            self._work.fix(subtask)
        except StepFailure as failure:
            subtask["status"] = FAILED
            subtask["error"] = {"type": failure.error.type, "message": failure.error.message}

    def _approve(self, subtasks: list[Subtask], *, is_plan: bool) -> None:
        if is_plan:
            self._state["task_analysis"]["approved"] = True
        else:
            for subtask in subtasks:
                subtask["approved"] = True

    def _reject(self, subtasks: list[Subtask], error: ErrorInfo, *, is_plan: bool) -> None:
        said: Json = {"type": error.type, "message": error.message}
        if is_plan:
            self._state["last_error"] = said
        else:
            for subtask in subtasks:
                subtask["status"], subtask["error"] = FAILED, said

    async def error_recovery(self, _: EnterpriseWorkflowState) -> EnterpriseWorkflowState:
        """Undo what failed, and retry it, give it to another worker, go on without it, plan again, ask, or fail."""
        state = self._state
        if "error" not in self._work.made.strategies:
            raise self._first_failure()
        if state["last_error"] is not None:
            self._plan_again()
        else:
            await recover(self._work)
        return self._done()

    def _plan_again(self) -> None:
        """People did not want the plan: the model makes another one."""
        state, made = self._state, self._work.made
        said: dict[str, str] = state["last_error"]
        may = made.analysis == "model" and "replan" in made.recovery and state["budget"]["replans"] < made.max_replans
        if not may:
            raise self._first_failure()
        state["context"]["failures"].append({"plan": state["task_analysis"]["subtasks"], "error": said})
        kept = {id: one for id, one in state["subtasks"].items() if id in state["results"]}
        state["subtasks"].clear()
        state["subtasks"].update(kept)
        state["budget"]["replans"] += 1
        state["task_analysis"] = state["last_error"] = None

    def _first_failure(self) -> StepFailure:
        failed = (one["error"] for one in self._state["subtasks"].values() if one["status"] == FAILED)
        said: dict[str, str] = self._state["last_error"] or next(failed)
        if said["type"] == ApprovalRejected.code:
            return failure_of(ApprovalRejected(said["message"]))
        message = for_people(f"step {self._work.step.path!r}: {said['message']}")
        return StepFailure(ErrorInfo(type=said["type"], message=message))

    def _decided(self) -> list[str]:
        ids: list[str] = self._state["open"]["subtasks"]
        return [one for one in ids if one in self._state["subtasks"]]

    def _done(self) -> EnterpriseWorkflowState:
        """The decision is carried out."""
        state = self._state
        failed = sum(one["status"] == FAILED for one in state["subtasks"].values()) + (state["last_error"] is not None)
        if state["open"] is not None and state["open"]["strategy"] != "error":
            state["error_count"] += failed
        state["open"] = None
        show(self._work.step.record, state)
        return state


def _told(subtask: Subtask, *, is_plan: bool) -> dict[str, Json]:
    """What people approve: the plan as it was made, or exactly what a worker is given."""
    if not is_plan:
        return {"id": subtask["id"], "worker": subtask["worker"], "arguments": subtask["exact"]}
    names = ("id", "worker", "input", "input_mapping", "needs", "when")
    return {name: subtask[name] for name in names if name in subtask}
