"""Which events are meant for a step, and waiting for one."""

from __future__ import annotations

from datetime import datetime

from advanced_workflow.workflows.contract import EventMessage, Json
from advanced_workflow.workflows.definition.problems.places import shorten
from advanced_workflow.workflows.engine.state.changes import VARIABLES, step_read
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.waiting import wait_or_skip
from advanced_workflow.workflows.engine.temporal.clock import timestamp
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.errors import EventTimeout, ExpressionError
from advanced_workflow.workflows.expressions import Expression

MATCH_ERROR = "match_error"
"""In the notes: why `match` could say nothing of an event that came."""
_MISFIT = "; of an event 'match' could not say whether it fits: "
_MOST_CHARACTERS = 300


async def await_event(
    step: StepContext, name: str, deadline: datetime | None, *, transient: bool = False
) -> EventMessage | None:
    """Wait for the event this step takes; None when the deadline passed."""
    match = step.plan.event_match
    events = step.run.events
    answer = events.wait(name, lambda data: event_fits(step, match, data), transient=transient, reads=_reads(match))
    step.wait(f"event {name!r}" + (f" until {timestamp(deadline)}" if deadline else ""))
    _show_misfit(step)
    consumed, label = False, step.plan.step.label
    row = f"{label}: waits for event {name!r}" if patched(Patch.RULES_4) else label
    try:
        event = await wait_or_skip(step, answer, deadline, row)
        consumed = True
    finally:
        # An operator may have skipped the step in the very task that brought the event.
        events.leave(name, answer, consumed=consumed)
    if event is not None:
        step.record.notes.pop(MATCH_ERROR, None)
    return event


def did_not_come(step: StepContext, name: str, seconds: float | None) -> EventTimeout:
    """That an event did not come in time; where some of its name came, how many, and why `match` took none if that is known."""
    kept = step.run.events.kept_of(name) if step.plan.event_match is not None else 0
    why = step.record.notes.get(MATCH_ERROR)
    others = f"; {kept} of that name came, and 'match' took none" if kept else ""
    reason = f" ({why})" if kept and why else ""
    return EventTimeout(
        f"step {step.path!r}: event {name!r} did not come within {seconds or 0:g} seconds{others}{reason}."
    )


def event_fits(step: StepContext, match: Expression | None, data: Json) -> bool:
    """Whether an event is the one a step means; where that cannot be said, the step shows why."""
    if match is None:
        return True
    try:
        value: object = match.evaluate(step.scope(event=data))
    except ExpressionError as error:
        # An event of another shape is somebody else's: it stays for the step it was meant for.
        misfit = str(error)
    else:
        if isinstance(value, bool):
            return value
        misfit = f"the expression must give true or false, not {value!a}"
    step.record.notes[MATCH_ERROR] = shorten(misfit, _MOST_CHARACTERS)
    _show_misfit(step)
    return False


def _show_misfit(step: StepContext) -> None:
    misfit, record = step.record.notes.get(MATCH_ERROR), step.record
    if misfit is not None and record.waiting_for is not None:
        record.waiting_for = f"{record.waiting_for.partition(_MISFIT)[0]}{_MISFIT}{misfit}"


def _reads(match: Expression | None) -> frozenset[str]:
    """What of the run's state a match depends on; the rest of what it reads stays as it is."""
    steps = {step_read(one.path[0]) for one in match.references if one.root == "steps"} if match else set[str]()
    variables = {VARIABLES} if match and any(one.root == VARIABLES for one in match.references) else set[str]()
    return frozenset(steps | variables)
