"""`wait`: for a time, or for an event."""

from __future__ import annotations

from datetime import datetime

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.definition.kinds.wait import WaitFor
from advanced_workflow.workflows.definition.model.results import read_wait
from advanced_workflow.workflows.engine.graph.limits import number_at
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.events import await_event, did_not_come
from advanced_workflow.workflows.engine.step.failures import failure_of
from advanced_workflow.workflows.engine.step.waiting import deadline_in, sleep_or_skip
from advanced_workflow.workflows.engine.temporal.clock import moment_after, timestamp
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.expressions import Expression
from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339


async def run_wait(step: StepContext) -> Done:
    """Wait as the step's `wait` says; the output is the event's data, or the time waited until."""
    wait = step.plan.step.wait
    if wait is None:
        raise AssertionError(f"step {step.path!r} has no 'wait'")
    if wait.event is not None:
        return await _wait_for_event(step, wait, wait.event)
    if "until" not in step.record.cursor:
        with step.reading("wait.until" if wait.until is not None else "wait.seconds"):
            step.record.cursor["until"] = _moment(step, wait).isoformat()
    until = parse_rfc3339(step.record.cursor["until"])
    step.wait(f"until {timestamp(until)}")
    await sleep_or_skip(step, until, step.plan.step.label)
    return Done({"until": timestamp(until)})


async def _wait_for_event(step: StepContext, wait: WaitFor, name: str) -> Done:
    timeout = number_at("wait.timeout", wait.timeout, step.numbers)
    deadline = deadline_in(step, timeout)
    event = await await_event(step, name, deadline, transient=wait.transient)
    if event is not None:
        return Done(event.data)
    if wait.on_timeout == "continue":
        return Done(None)
    raise failure_of(did_not_come(step, name, timeout))


def _moment(step: StepContext, wait: WaitFor) -> datetime:
    value = step.plan.wait_value
    if isinstance(value, Expression):
        value = value.evaluate(step.scope())
    if wait.until is not None:
        return _parsed(value)
    if isinstance(value, str) and not patched(Patch.RULES_4):
        raise DataInvalid(f"{value!r} is not a number of seconds.")
    try:
        return moment_after(read_wait(value))
    except ValueError as error:
        raise DataInvalid(f"{error}.") from None


def _parsed(value: Json) -> datetime:
    try:
        return parse_rfc3339(value)
    except (TypeError, ValueError):
        raise DataInvalid(f"{str(value)[:80]!r} is not a time; give RFC 3339 such as '2030-01-31T08:00:00Z'.") from None
