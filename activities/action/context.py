"""What a running action can ask about itself.

Works in plain and in `async` actions, and in threads that were started with a copy of the action's context. In tests, run the
function in `temporalio.testing.ActivityEnvironment`.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from contextvars import ContextVar
from hashlib import sha256
from typing import Any

from pydantic import JsonValue
from temporalio import activity

from advanced_workflow.activities.action.heartbeat import beat
from advanced_workflow.workflows.contract.paths import idempotency_key as key_of

_execution: ContextVar[str | None] = ContextVar("adw_execution", default=None)


def bind_execution(execution: str | None) -> None:
    """Remember the execution id that came with the activity; None falls back to the Temporal run id."""
    _execution.set(execution)


def idempotency_key() -> str:
    """Key that is the same in every attempt of this step and in no other step: `EXECUTION:STEP_PATH`.

    A step that was undone and is run again has another one.

    Give it to the service that takes effect, so that a repeated attempt takes effect once.
    """
    info = _info()
    execution = _execution.get() or info.workflow_run_id or info.activity_run_id or ""
    return key_of(execution, info.activity_id)


def new_id(prefix: str) -> str:
    """An id for what this step creates, such as `pay_4f0c...`; every attempt of the step makes the same."""
    return f"{prefix}_{sha256(idempotency_key().encode()).hexdigest()[:12]}"


def step_path() -> str:
    """Where the step is in its run, e.g. `ship[3].label`; undo actions end in `.rollback[0]`."""
    return _info().activity_id


def attempt() -> int:
    """Number of this attempt; the first is 1."""
    return _info().attempt


def heartbeat(*details: JsonValue) -> None:
    """Report progress. Signs of life are sent without this call too; `details` (plain JSON) are kept for the next attempt."""
    _info()
    beat(*details)


def heartbeat_details() -> tuple[Any, ...]:
    """What the previous attempt reported last with `heartbeat`."""
    return tuple(_info().heartbeat_details)


def cancelled() -> bool:
    """Whether the step was cancelled or ran out of time. A plain (not `async`) action is not interrupted: it can ask here.

    Such an action either finishes, and its result counts, or raises `ActionError` when it took no effect.
    """
    _info()
    return activity.is_cancelled()


def _info() -> activity.Info:
    if not activity.in_activity():
        raise RuntimeError(
            "advanced_workflow.activities.action.context works only while an action runs; in a test, run the function with "
            "temporalio.testing.ActivityEnvironment().run(function, ...)."
        )
    return activity.info()


class _StepLog(logging.LoggerAdapter[logging.Logger]):
    """Adds run, step and attempt to each record as `extra` fields; outside an action it adds nothing."""

    def process(self, msg: object, kwargs: MutableMapping[str, Any]) -> tuple[object, MutableMapping[str, Any]]:
        if activity.in_activity():
            info = activity.info()
            fields: dict[str, Any] = {
                "workflow_id": info.workflow_id,
                "run_id": info.workflow_run_id,
                "execution_id": _execution.get() or info.workflow_run_id,
                "step_path": info.activity_id,
                "action": info.activity_type,
                "attempt": info.attempt,
            }
            kwargs["extra"] = {**fields, **(kwargs.get("extra") or {})}
        return msg, kwargs


log = _StepLog(logging.getLogger("activities.step"), {})
"""Logger for actions: its records carry `workflow_id`, `run_id`, `execution_id`, `step_path`, `action` and `attempt`."""
