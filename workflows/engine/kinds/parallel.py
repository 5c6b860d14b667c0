"""`parallel`: a nested graph whose failures count against a threshold; with `for_each`, a copy of it for each item."""

from __future__ import annotations

import asyncio

from advanced_workflow.workflows.contract import Json, SkipReason
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.containers.copies import run_copies
from advanced_workflow.workflows.engine.containers.enough import ENOUGH, Enough, judged, rate_is_lost
from advanced_workflow.workflows.engine.containers.graphs import run_graph
from advanced_workflow.workflows.engine.containers.nested import fails_its_pass, nested_graph
from advanced_workflow.workflows.engine.containers.tolerated import branches_of, run_undone_as_new, settle_tolerated
from advanced_workflow.workflows.engine.graph.limits import number_at
from advanced_workflow.workflows.engine.graph.step_plan import GraphPlan
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.state.slots import Slots
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.undo.backwards import Part

ALONE = ""
"""Key of the only pass of a container that does not repeat."""


async def run_parallel(step: StepContext) -> Done:
    """Run the nested steps at once, or with `for_each` the copies of them."""
    return await run_copies(step) if step.plan.items is not None else await _run_once(step)


async def _run_once(step: StepContext) -> Done:
    """Run the nested steps at once; succeed when enough of those that ran succeeded, or when `complete_when` holds.

    As soon as the success rate is out of reach, what runs is cancelled and nothing more starts. Steps that completed in an earlier try of
    this container keep their results.
    """
    graph = nested_graph(step)
    again = step.record.status is not StepStatus.PENDING
    if not again:
        run_undone_as_new(step)
    step.begin()
    passes = step.frame.undo.passes(step.key)
    frame = step.frame.within(step.plan.step_id, step.key, passes.begin(ALONE))
    if not again and not step.record.cursor.get(ENOUGH):
        step.run.state.reset_failed(graph, frame)
    limit = number_at("max_concurrency", step.plan.step.max_concurrency, step.numbers)
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
                is_lost=lambda one: rate_is_lost(step, one.completed, one.failed, one.left),
            )
        )
    except asyncio.CancelledError:
        step.record.output = _output(_records(step, graph, frame))
        raise
    records = _records(step, graph, frame)
    done = _judge(step, records, satisfied=bool(step.record.cursor.get(ENOUGH)))
    failed = {one.plan.step_id for one in records if fails_its_pass(one)}
    if failed:
        part = Part(step.plan, passes, (ALONE,), branches_of(graph.shape, failed))
        await settle_tolerated(step, part, {"failed": len(failed), "of": len(records), "what": "steps"})
    return done


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
    cut_off = sum(one.skip_reason is SkipReason.NOT_NEEDED for one in records)
    return judged(step, output, names, "nested steps", satisfied=satisfied, cut_off=cut_off)


def _failure(record: Record) -> dict[str, Json]:
    return {"step_id": record.plan.step_id, "error": record.error.model_dump(mode="json") if record.error else None}
