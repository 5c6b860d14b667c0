"""A run as lines of JSON, one for each change, for programs: `adw watch RUN --json`.

Each line has `type` and `time`: `run` (status, whether a worker answers, what is wrong), `step` (a step's record as the `state` query gives it),
`attempt` (an action's attempts, as the server knows them), `undo` (an entry of the rollback), and at last either `result` (the run's result object)
or `error` (why it did not complete, see `telling.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_jsonable_python

from advanced_workflow.client.cli.exits import Exit
from advanced_workflow.client.cli.output import print_json_line
from advanced_workflow.client.runs import Run
from advanced_workflow.client.watch import Snapshot, run_snapshots


class Changes:
    """Remembers what was said, and gives only what is new."""

    def __init__(self) -> None:
        """Nothing has been said."""
        self._said: dict[tuple[str, str], Any] = {}

    def lines(self, snapshot: Snapshot) -> Iterator[dict[str, Any]]:
        """What changed since the last snapshot."""
        for kind, subject, facts in _facts(snapshot):
            if self._said.get((kind, subject)) != facts:
                self._said[kind, subject] = facts
                yield {"type": kind, **facts}


async def stream_run(run: Run) -> int:
    """Print the changes of a run until it ends, and its result. Raises `RunFailed`."""
    changes = Changes()
    async with aclosing(run_snapshots(run)) as snapshots:
        async for snapshot in snapshots:
            for line in changes.lines(snapshot):
                _print(line)
    _print({"type": "result", **to_jsonable_python(await run.result())})
    return Exit.OK


def _print(line: Mapping[str, Any]) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    print_json_line({"type": line["type"], "time": now, **line})


def _facts(snapshot: Snapshot) -> Iterator[tuple[str, str, dict[str, Any]]]:
    summary, fault = snapshot.summary, snapshot.fault
    about = {"id": summary.id, "run_id": summary.run_id, "workflow": summary.workflow_type, "status": summary.status}
    if not snapshot.ended:
        yield "run", "", {**about, "worker_answers": not snapshot.silent, "fault": fault.reason if fault else None}
    if snapshot.state is not None:
        for step in snapshot.state.steps:
            yield "step", step.path, to_jsonable_python(step)
        for undo in snapshot.state.rollback.entries if snapshot.state.rollback else ():
            yield "undo", undo.activity_id, to_jsonable_python(undo)
    for path, attempt in snapshot.attempts.items():
        known = {"attempt": attempt.attempt, "max_attempts": attempt.max_attempts, "state": attempt.state}
        yield "attempt", path, {"path": path, "action": attempt.action, **known, "last_failure": attempt.last_failure}
    if snapshot.ended:
        yield "run", "", {**about, "worker_answers": not snapshot.silent, "fault": fault.reason if fault else None}
