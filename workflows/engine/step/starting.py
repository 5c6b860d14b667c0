"""Whether a step may start something now: the run is not paused or held, nothing around it is being ended, and no operator skips it.

Whatever a step starts (an activity, a child, a round) is asked for here once more after all that it had to wait for: `pause` is
answered at once, and from then on nothing starts.
"""

from __future__ import annotations

import asyncio

from advanced_workflow.workflows.contract import SkipReason
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.failures import StepSkipped
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.quiet import is_being_cancelled

_GATE = "the run to be resumed"


class GateShut(Exception):
    """The gate was shut while the step waited for something else: what it holds is given back, and it waits at the gate."""


def may_start(step: StepContext) -> bool:
    """Whether the gate is open for the step. Raises `StepSkipped` where it is not wanted any more."""
    require_wanted(step)
    operations = step.run.operations
    if operations.is_open and step.path not in operations.to_skip:
        return True
    if not patched(Patch.RULES_2):  # It was asked for only before a step waited for anything.
        return True
    skip_if_told(step)
    return False


def require_wanted(step: StepContext) -> None:
    """Raise `StepSkipped` where what is around the step is being ended, `CancelledError` where the step is being cancelled.

    An action may complete although it was cancelled, and then its step goes on; nothing more starts in it.
    """
    reason = step.run.withdrawals.reason(step.path)
    if reason is not None and patched(Patch.RULES_2):
        raise StepSkipped(reason)
    if is_being_cancelled() and patched(Patch.RULES_2):
        raise asyncio.CancelledError


def skip_if_told(step: StepContext) -> None:
    """Raise `StepSkipped` where an operator does without the step."""
    to_skip = step.run.operations.to_skip
    if step.path in to_skip:
        raise StepSkipped(SkipReason.BY_OPERATOR, to_skip[step.path])


def require_open(step: StepContext) -> None:
    """Raise `GateShut` or `StepSkipped` unless the step may start something now."""
    if not may_start(step):
        raise GateShut


async def open_gate(step: StepContext) -> None:
    """Wait until the step may start something. Raises `StepSkipped`."""
    before = step.record.status
    if may_start(step):
        return
    if before is not StepStatus.PENDING:  # It began before, and says what it waits for now.
        step.wait(_GATE)
    while not may_start(step):
        await step.run.operations.gate()
    if before is StepStatus.RUNNING:
        step.begin()
