"""Ends a workflow task from within: the server hears what the run did, and the run hears what came meanwhile.

While local activities run, one after the other, their workflow task stays open: signals and queries wait for its end. A timer ends
it, but fires up to a second late. A signal that came meanwhile makes the server begin the next task in the moment this one ends.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

from advanced_workflow.workflows.contract import WAKE_ACTIVITY
from advanced_workflow.workflows.engine.temporal.activities import own_activity
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.quiet import quiet
from advanced_workflow.workflows.engine.temporal.task_number import task_number, wakes_heard

WAKE_TIMEOUT = timedelta(seconds=10)
MOMENT = timedelta(milliseconds=1)


async def next_task(why: str) -> None:
    """Return in a later workflow task, once the local activities that run have ended. `why` is shown in the history.

    A task that completes with nothing to send, as a query came while the local activity ran, does not exist in a replay: there
    the activity ends in the task before. So what counts is the signal, or else the first task after the one in which the activity ended.
    """
    heard = wakes_heard()
    if patched(Patch.SHORT_TASKS) and await _is_woken(why):
        task = task_number()
        await quiet(lambda: wakes_heard() != heard or task_number() != task)
    else:
        await workflow.sleep(MOMENT, summary=why)


async def _is_woken(why: str) -> bool:
    try:
        await own_activity(
            WAKE_ACTIVITY, summary=why, attempt_timeout=WAKE_TIMEOUT, retries=RetryPolicy(maximum_attempts=1)
        )
    except FailureError:
        return False
    return True
