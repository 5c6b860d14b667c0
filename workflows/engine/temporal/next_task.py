"""Ends a workflow task from within: the server hears what the run did, and the run hears what came meanwhile.

While local activities run, one after the other, their workflow task stays open: signals and queries wait for its end. A timer ends
it, but fires up to a second late. An activity that does nothing goes to the worker with the answer to the completed task, and has ended
a moment later.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityCancellationType

from advanced_workflow.workflows.contract import NEXT_TASK_ACTIVITY, WAKE_ACTIVITY
from advanced_workflow.workflows.engine.temporal.activities import own_activity, start_activity
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.quiet import quiet
from advanced_workflow.workflows.engine.temporal.task_number import task_number, wakes_heard
from advanced_workflow.workflows.engine.temporal.task_work import EVENTS_OF_TASK, task_work

MOMENT = timedelta(milliseconds=1)
_LASTS = timedelta(seconds=10)


async def next_task(why: str) -> None:
    """Return in a later workflow task, once the local activities that run have ended. `why` is shown in the history."""
    if patched(Patch.RULES_3):
        await start_activity(
            NEXT_TASK_ACTIVITY,
            id=f"{NEXT_TASK_ACTIVITY}#{_next_number()}",
            summary=why,
            timeout=_LASTS,
            retries=RetryPolicy(initial_interval=MOMENT * 100, maximum_interval=_LASTS),
            cancellation=ActivityCancellationType.TRY_CANCEL,
        )
        task_work().events.add(2 * EVENTS_OF_TASK)  # Those of the activity, and of the task.
    else:
        await _next_task_as_before(why)


def _next_number() -> int:
    run = workflow.instance()
    run.ended_tasks += 1
    number: int = run.ended_tasks
    return number


async def _next_task_as_before(why: str) -> None:
    heard = wakes_heard()
    if patched(Patch.SHORT_TASKS) and await _is_woken(why):
        task = task_number()
        await quiet(lambda: wakes_heard() != heard or task_number() != task)
    else:
        await workflow.sleep(MOMENT, summary=why)


async def _is_woken(why: str) -> bool:
    try:
        await own_activity(WAKE_ACTIVITY, summary=why, attempt_timeout=_LASTS, retries=RetryPolicy(maximum_attempts=1))
    except FailureError:
        return False
    return True
