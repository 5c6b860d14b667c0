"""Tells workflow tasks apart."""

from __future__ import annotations

from temporalio import workflow


def task_number() -> int:
    """Another number in each workflow task: the history grows between them and never within one."""
    number: int = workflow.info().get_current_history_length()
    return number
