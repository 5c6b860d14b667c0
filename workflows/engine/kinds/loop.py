"""`loop`: repeats an action or a nested graph while a condition holds."""

from __future__ import annotations

from dataclasses import replace

from advanced_workflow.workflows.contract import ErrorInfo, Json
from advanced_workflow.workflows.contract.paths import round_key
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.actions.armed_call import ArmedCall
from advanced_workflow.workflows.engine.containers.graphs import run_graph
from advanced_workflow.workflows.engine.containers.nested import fails_its_pass
from advanced_workflow.workflows.engine.containers.tolerated import run_undone_as_new
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.state.scope import scope_of
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure, failure_of
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.errors import LoopLimitExceeded

ROUND = "round"
"""In the cursor: number of the latest round."""
_UNDER_WAY = "under_way"


async def run_loop(step: StepContext) -> Done:
    """Repeat; the output is that of the latest action, or of a `body` the number of rounds."""
    if step.record.status is StepStatus.PENDING:
        run_undone_as_new(step)
    again = step.record.status is StepStatus.PENDING and ROUND in step.record.cursor
    step.begin()
    loop = _Loop(step, again=again)
    try:
        while loop.goes_on():
            await loop.run_round()
    finally:
        loop.end()
        if step.plan.children is not None:
            step.record.output = {"iterations": loop.finished}
    return Done(step.record.output)


class _Loop:
    """One loop. The step's cursor says which round it is in, so that it can continue in another history."""

    def __init__(self, step: StepContext, *, again: bool) -> None:
        """`again`: an operator runs the failed step again; the round that failed is repeated, less what completed in it."""
        self._step = step
        self._again = again
        self._passes = step.frame.undo.passes(step.key)
        self._latest: Frame | None = None

    @property
    def finished(self) -> int:
        """How many rounds have ended."""
        latest = self._step.record.cursor.get(ROUND, -1)
        return latest if self._step.record.cursor.get(_UNDER_WAY) else latest + 1

    def goes_on(self) -> bool:
        """Whether another round follows, or one that was under way is to be finished."""
        step, finished = self._step, self.finished
        if step.record.cursor.get(_UNDER_WAY):
            return True
        if finished == 0 and step.plan.step.loop_check == "after":
            return True
        if not self._holds(finished):
            return False
        if finished >= step.plan.step.loop_max_iterations:
            message = f"step {step.path!r}: the loop ran {finished} rounds and its condition still holds; "
            raise failure_of(LoopLimitExceeded(message + "correct it, or raise 'loop_max_iterations'."))
        return True

    async def run_round(self) -> None:
        """Run the next round, or finish the one that was under way."""
        step, cursor = self._step, self._step.record.cursor
        if not step.run.operations.is_open and not (cursor.get(_UNDER_WAY) and patched(Patch.RULES_2)):
            await step.run.operations.gate()  # A round is a new step for an operator; one that is under way is not.
        number = self.finished
        cursor[ROUND], cursor[_UNDER_WAY] = number, True
        step.record.notes["iterations"] = number
        key = round_key(number)
        if self._again and patched(Patch.RULES_2):
            self._passes.take_back({key})
        # Taken back with what is around the loop, and over: the order of rounds stays.
        for earlier in self._passes.before(key):
            step.run.saga.end_pass(self._passes, earlier)
        frame = step.frame.repeated(
            step.plan.step_id, f"{step.key}{key}", self._passes.begin(key), {"iteration": number}
        )
        self._clear_before(frame, number)
        await step.run.budget.breathe()
        await step.run.state.thinking.pause()
        try:
            if step.plan.children is None:
                await self._call(frame, number)
            else:
                await run_graph(step.run, step.plan.children, frame, is_lost=lambda standing: standing.broken)
                self._require_success(frame)
        finally:
            step.run.saga.end_pass(self._passes, key)
        cursor[_UNDER_WAY] = False
        if not step.contained:  # What is around another one may run again, and all its rounds.
            step.run.saga.note_over(step.path.round(number))
        step.record.notes["iterations"] = number + 1

    async def _call(self, frame: Frame, number: int) -> None:
        step = self._step
        within = StepContext(step.run, step.plan, step.record, frame)
        path = step.path.round(number)
        step.record.output = await ArmedCall(within, step.plan.step.action or "", path, frame.undo, "").run()
        step.record.has_output = True
        step.run.state.changes.note_step(step.plan.step_id)
        step.run.budget.settled()

    def _holds(self, finished: int) -> bool:
        step, condition = self._step, self._step.plan.loop_condition
        with step.reading("loop_condition"):
            return condition is not None and condition.holds(
                scope_of(step.run.state, self._seen(), iteration=finished, step=step.own)
            )

    def _seen(self) -> Frame:
        """Where its condition looks from: an error handler of several steps has its rounds beside those for other owners."""
        step = self._step
        if step.key == step.plan.step_id or not self.finished or not patched(Patch.RULES_2):
            return step.frame
        latest = f"{step.path}{round_key(self.finished - 1)}."
        return replace(step.frame, inside={**step.frame.inside, step.plan.step_id: latest})

    def _require_success(self, frame: Frame) -> None:
        graph = self._step.plan.children
        records = [self._step.run.state.records[frame.prefix + one] for one in (graph.steps if graph else ())]
        for record in records:
            if fails_its_pass(record):
                error = record.error or ErrorInfo(type="Failed", message=f"step {record.path!r} failed.")
                details: Json = {"round": self._step.record.cursor[ROUND], "step": record.path}
                raise StepFailure(ErrorInfo(type=error.type, message=error.message, details=error.details or details))

    def _clear_before(self, frame: Frame, number: int) -> None:
        """Expressions see the latest round; the records of the one before go when the next begins."""
        state, outer = self._step.run.state, self._step.frame
        state.adopt(frame)
        if self._again and self._step.plan.children is not None:
            state.reset_failed(self._step.plan.children, frame)
        self._again = False
        previous, self._latest = self._latest, frame
        if previous is None and number:  # It ran in another history.
            previous = outer.repeated(
                self._step.plan.step_id, f"{self._step.key}{round_key(number - 1)}", frame.undo, {}
            )
            state.adopt(previous)
        if previous is not None:
            state.end_pass(previous, outer, keep=False)

    def end(self) -> None:
        """The loop is over; what expressions may still read goes with the pass around it."""
        if self._latest is not None:
            self._step.run.state.end_pass(self._latest, self._step.frame, keep=True)
