"""Tells workflow tasks apart."""

from __future__ import annotations

from temporalio import workflow


def task_number() -> int:
    """Another number in each workflow task: the history grows between them and never within one."""
    number: int = workflow.info().get_current_history_length()
    return number


def wakes_heard() -> int:
    """How many signals the run has heard that only began a workflow task: see `next_task.py`."""
    number: int = workflow.instance().wakes
    return number
