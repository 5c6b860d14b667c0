"""`parallel`: a nested graph whose failures count against a threshold."""

from __future__ import annotations

from workflows.contract import ErrorInfo, Json
from workflows.definition.models import StepStatus
from workflows.engine.context import Done, StepContext
from workflows.engine.driver import GraphDriver
from workflows.engine.failures import StepFailure
from workflows.engine.scheduler import Outcome, Settled
from workflows.engine.slots import Slots
from workflows.engine.state import Record
from workflows.engine.step_plan import GraphPlan


async def run_parallel(step: StepContext) -> Done:
    """Run the nested steps at once; succeed when enough of those that ran succeeded.

    Steps that completed in an earlier try of this container keep their results.
    """
    graph = step.plan.children
    if graph is None:
        raise AssertionError(f"step {step.path!r} has no nested graph")
    step.begin()
    prefix = f"{step.path}."
    known = _take_up(step, graph, prefix)
    limit = step.plan.step.max_concurrency
    slots = Slots(limit) if limit else None

    async def run_child(step_id: str) -> Settled:
        plan = graph.steps[step_id]
        if slots is None:
            return await step.run.execute(plan, prefix)
        async with slots.hold():
            return await step.run.execute(plan, prefix)

    def note_skip(step_id: str, reason: Json) -> None:
        step.run.skip(step.run.state.open(prefix + step_id, graph.steps[step_id]), reason)

    await GraphDriver(graph.shape, run_child, on_skip=note_skip).drive(known)
    return _judge(step, graph, prefix)


def _take_up(step: StepContext, graph: GraphPlan, prefix: str) -> dict[str, Settled]:
    known: dict[str, Settled] = {}
    for step_id, plan in graph.steps.items():
        record = step.run.state.open(prefix + step_id, plan)
        if record.status is StepStatus.COMPLETED:
            known[step_id] = Settled(Outcome.COMPLETED, record.routed)
        else:
            step.run.state.reset(record)
    return known


def _judge(step: StepContext, graph: GraphPlan, prefix: str) -> Done:
    records = [step.run.state.records[prefix + step_id] for step_id in graph.steps]
    completed = [one for one in records if one.status is StepStatus.COMPLETED]
    failed = [one for one in records if one.status is StepStatus.FAILED]
    total = len(completed) + len(failed)
    rate = len(completed) / total if total else 1.0
    output: dict[str, Json] = {
        "total_steps": total,
        "successful_steps": len(completed),
        "failed_steps": len(failed),
        "skipped_steps": len(records) - total,
        "success_rate": rate,
        "results": [{"step_id": one.plan.step_id, "output": one.output} for one in completed],
        "failures": [_failure(one) for one in failed],
    }
    needed = step.plan.retries.success_threshold
    if rate >= needed:
        return Done(output)
    names = ", ".join(f"{one.plan.step_id} ({one.error.type})" for one in failed if one.error)
    message = f"step {step.path!r}: {len(completed)} of {total} nested steps succeeded and {needed:g} is needed; failed: {names}."
    raise StepFailure(ErrorInfo(type="ParallelFailed", message=message, details={**output, "results": []}))


def _failure(record: Record) -> dict[str, Json]:
    return {"step_id": record.plan.step_id, "error": record.error.model_dump(mode="json") if record.error else None}
