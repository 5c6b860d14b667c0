"""Runs one step of a graph to its end: its kind's runner, surrounded by what every step has."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from advanced_workflow.workflows.engine.around.approval import approved_by_people
from advanced_workflow.workflows.engine.around.cancel_on import ending_at_its_event
from advanced_workflow.workflows.engine.around.conditions import where_conditions_hold
from advanced_workflow.workflows.engine.around.gate import through_the_gate
from advanced_workflow.workflows.engine.around.handlers import with_error_handlers
from advanced_workflow.workflows.engine.around.lock import holding_its_lock
from advanced_workflow.workflows.engine.around.numbers import with_its_numbers
from advanced_workflow.workflows.engine.around.operator import held_for_an_operator
from advanced_workflow.workflows.engine.around.outputs import writing_outputs
from advanced_workflow.workflows.engine.around.recorded import recorded
from advanced_workflow.workflows.engine.around.resumed import failing_again
from advanced_workflow.workflows.engine.around.tolerated import undoing_what_it_left
from advanced_workflow.workflows.engine.around.withdrawn import skipped_when_withdrawn
from advanced_workflow.workflows.engine.graph.scheduler import Outcome, Settled
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.engine.kinds.table import run_kind
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.step.context import Done, RunContext, RunStep, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure, StepSkipped
from advanced_workflow.workflows.engine.step.settling import skip
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched

Wrapper = Callable[[StepContext, RunStep], Coroutine[Any, Any, Done]]
"""Does its part around a step and calls the rest, which knows nothing of it. What the rest raises it handles, or lets through."""

AROUND: tuple[Wrapper, ...] = (
    skipped_when_withdrawn,
    held_for_an_operator,
    through_the_gate,
    undoing_what_it_left,
    with_error_handlers,
    failing_again,
    holding_its_lock,
    recorded,
    where_conditions_hold,
    with_its_numbers,
    writing_outputs,
    ending_at_its_event,
    approved_by_people,
)
"""From the outside in: each surrounds those after it, and the last one the runner of the step's kind."""


def surrounded(run_step: RunStep, around: tuple[Wrapper, ...]) -> RunStep:
    """A runner with the wrappers around it, the first one outermost."""
    for wrapper in reversed(around):
        run_step = _around(run_step, wrapper)
    return run_step


def _around(inner: RunStep, wrapper: Wrapper) -> RunStep:
    return lambda step: wrapper(step, inner)


_run = surrounded(run_kind, AROUND)


async def execute(run: RunContext, plan: StepPlan, frame: Frame, *, contained: bool = True, key: str = "") -> Settled:
    """Run a step to its end, as `RunContext.execute` says."""
    record = run.state.open(key or plan.step_id, plan, frame)
    step = StepContext(run, plan, record, frame, contained)
    try:
        done = await _run(step)
    except StepSkipped as skipped:
        settled = skip(run, record, skipped.reason)
        # An operator may go on without a step after its error handlers: how they ended counts for those after them.
        return replace(settled, handled=step.handled) if step.handled and patched(Patch.RULES_2) else settled
    except StepFailure:
        if not step.may_fail:
            raise
        settled = Settled(Outcome.FAILED, handled=step.handled)
    else:
        settled = Settled(Outcome.COMPLETED, done.routed, handled=step.handled)
    record.closed = True
    if not contained:
        run.saga.note_over(record.path)
    return settled
