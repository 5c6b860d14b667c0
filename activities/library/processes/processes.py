"""Processes: each is a row of the ledger's file that says when its work ends, and how."""

from __future__ import annotations

import sqlite3
import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import take_effect, transaction, undo_effect
from advanced_workflow.activities.library.namespaces import processes
from advanced_workflow.workflows.contract import UndoInput

PROCESS = "process"
STOP = "process_stop"

_TABLE = """
CREATE TABLE IF NOT EXISTS processes (
    process_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    ends_at REAL NOT NULL,
    ending TEXT NOT NULL CHECK (ending IN ('completed', 'failed', 'stopped'))
) STRICT
"""

State = Literal["running", "completed", "failed", "stopped"]
ProcessId = Annotated[str, Field(min_length=1)]


class Process(BaseModel):
    """A process as it is now."""

    process_id: str
    name: str
    state: State


class ProcessFailed(ActionError):
    """It ended badly; asking again does not help."""

    def __init__(self, name: str) -> None:
        """Name it."""
        super().__init__(f"process {name!r} failed", retryable=False)


class UnknownProcess(ActionError):
    """Nobody started it here."""

    def __init__(self, process_id: str) -> None:
        """Name it."""
        super().__init__(f"there is no process {process_id!r}", retryable=False)


@processes.action
def start_process(
    name: Annotated[str, Field(min_length=1)], seconds: Annotated[float, Field(ge=0)], fails: bool
) -> Process:
    """Start a process that works for so many seconds and then completes, or fails."""

    def start(db: sqlite3.Connection) -> dict[str, Any]:
        db.execute(_TABLE)
        started = Process(process_id=new_id("prc"), name=name, state="running")
        row = (started.process_id, name, time.time() + seconds, "failed" if fails else "completed")
        db.execute("INSERT INTO processes (process_id, name, ends_at, ending) VALUES (?, ?, ?, ?)", row)
        return started.model_dump()

    return Process.model_validate(take_effect(PROCESS, start))


@processes.action
def process_state(process_id: ProcessId) -> Process:
    """Look at a process. One that failed is the failure `ProcessFailed`."""
    with transaction() as db:
        found = _look(db, process_id)
    if found.state == "failed":
        raise ProcessFailed(found.name)
    return found


@processes.action
def stop_process(process_id: ProcessId) -> Process:
    """Stop a process, and say how it ended: it may have been done before."""

    def stop(db: sqlite3.Connection) -> dict[str, Any]:
        if _look(db, process_id).state == "running":
            _stop(db, process_id)
        return _look(db, process_id).model_dump()

    return Process.model_validate(take_effect(STOP, stop))


@processes.action
def stop_started_process(step: UndoInput) -> bool:
    """Stop what a step started; false where it started nothing."""
    return undo_effect(PROCESS, step, lambda db, started: _stop(db, started["process_id"]))


def _stop(db: sqlite3.Connection, process_id: str) -> None:
    now = time.time()
    db.execute(
        "UPDATE processes SET ending = 'stopped', ends_at = ?1 WHERE process_id = ?2 AND ends_at > ?1",
        (now, process_id),
    )


def _look(db: sqlite3.Connection, process_id: str) -> Process:
    db.execute(_TABLE)
    row = db.execute("SELECT name, ends_at, ending FROM processes WHERE process_id = ?", (process_id,)).fetchone()
    if row is None:
        raise UnknownProcess(process_id)
    state = "running" if row["ends_at"] > time.time() else row["ending"]
    return Process(process_id=process_id, name=row["name"], state=state)
