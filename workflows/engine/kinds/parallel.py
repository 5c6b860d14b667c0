"""`parallel`: a nested graph whose failures count against a threshold."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from advanced_workflow.workflows.contract import ErrorInfo, Json, SkipReason
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.containers.graphs import run_graph
from advanced_workflow.workflows.engine.graph.step_plan import GraphPlan
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.state.slots import Slots
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure

ALONE = ""
"""Key of the only pass of a container that does not repeat."""


async def run_parallel(step: StepContext) -> Done:
    """Run the nested steps at once; succeed when enough of those that ran succeeded, or when `complete_when` holds.

    Steps that completed in an earlier try of this container keep their results.
    """
    graph = nested_graph(step)
    again = step.record.status is not StepStatus.PENDING
    step.begin()
    passes = step.frame.undo.passes(step.key)
    frame = step.frame.within(step.plan.step_id, step.key, passes.begin(ALONE))
    if not again:
        step.run.state.reset_failed(graph, frame)
    limit = step.plan.step.max_concurrency
    enough = Enough(step)

    def settled() -> None:
        records = _records(step, graph, frame)
        enough.look(len(records), *(_count(records, one) for one in (StepStatus.COMPLETED, StepStatus.FAILED)))

    try:
        await enough.watch(
            run_graph(
                step.run,
                graph,
                frame,
                slots=Slots(limit) if limit else None,
                on_settled=settled if step.plan.complete_when is not None else None,
            )
        )
    except asyncio.CancelledError:
        step.record.output = _output(_records(step, graph, frame))
        raise
    return _judge(step, _records(step, graph, frame), satisfied=enough.reached)


class Enough:
    """`complete_when`: ends what runs inside a container once its expression holds."""

    def __init__(self, step: StepContext) -> None:
        """Nothing was looked at yet."""
        self._step = step
        self._task: asyncio.Future[None] | None = None
        self._error: StepFailure | None = None
        self.reached = False

    def look(self, total: int, completed: int, failed: int) -> None:
        """A nested step or copy ended: evaluate."""
        test = self._step.plan.complete_when
        if test is None or self.reached or self._task is None:
            return
        progress = {"total": total, "completed": completed, "failed": failed}
        try:
            with self._step.reading("complete_when"):
                self.reached = test.holds(self._step.scope(progress=progress))
        except StepFailure as failure:
            self._error = failure
        if self.reached or self._error:
            self._step.run.withdrawals.empty(self._step.path, SkipReason.NOT_NEEDED)
            self._task.cancel()

    async def watch(self, work: Coroutine[Any, Any, None]) -> None:
        """Await the work, until it ends or is no longer needed."""
        if self._step.plan.complete_when is None:
            await work
            return
        self._task = asyncio.ensure_future(work)
        try:
            await self._task
        except asyncio.CancelledError:
            if not self.reached and self._error is None:
                raise
        if self._error is not None:
            raise self._error


def nested_graph(step: StepContext) -> GraphPlan:
    """The graph inside of a container."""
    if step.plan.children is None:
        raise AssertionError(f"step {step.path!r} has no nested graph")
    return step.plan.children


def fails_its_pass(record: Record) -> bool:
    """Whether a round or copy fails with this step; of a failed error handler the end of its owner tells."""
    return record.status is StepStatus.FAILED and not record.plan.retries.continue_on_failure and not record.plan.owners


def _records(step: StepContext, graph: GraphPlan, frame: Frame) -> list[Record]:
    return [step.run.state.open(step_id, plan, frame) for step_id, plan in graph.steps.items()]


def _count(records: list[Record], status: StepStatus) -> int:
    return sum(one.status is status for one in records)


def _output(records: list[Record]) -> dict[str, Json]:
    completed = [one for one in records if one.status is StepStatus.COMPLETED]
    failed = [one for one in records if one.status is StepStatus.FAILED]
    total = len(completed) + len(failed)
    return {
        "total_steps": total,
        "successful_steps": len(completed),
        "failed_steps": len(failed),
        "skipped_steps": len(records) - total,
        "success_rate": len(completed) / total if total else 1.0,
        "results": [{"step_id": one.plan.step_id, "output": one.output} for one in completed],
        "failures": [_failure(one) for one in failed],
    }


def _judge(step: StepContext, records: list[Record], *, satisfied: bool) -> Done:
    output = _output(records)
    names = ", ".join(
        f"{one.plan.step_id} ({one.error.type})" for one in records if one.status is StepStatus.FAILED and one.error
    )
    return judged(step, output, names, "nested steps", satisfied=satisfied)


def judged(step: StepContext, output: dict[str, Json], names: str, what: str, *, satisfied: bool) -> Done:
    """The container's success, or its failure where fewer succeeded than its policy needs."""
    needed = step.plan.retries.success_threshold
    if satisfied or output["success_rate"] >= needed:
        return Done(output)
    counts = f"{output['successful_steps']} of {output['total_steps']} {what} succeeded and {needed:g} is needed"
    message = f"step {step.path!r}: {counts}; failed: {names}."
    raise StepFailure(ErrorInfo(type="ParallelFailed", message=message, details={**output, "results": []}))


def _failure(record: Record) -> dict[str, Json]:
    return {"step_id": record.plan.step_id, "error": record.error.model_dump(mode="json") if record.error else None}
