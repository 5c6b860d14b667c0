"""What to type next: the commands by which a run that is held, paused, unserved or not undone continues."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime

from advanced_workflow.client.reruns.undone_since import UndoneSince
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import AuditEntry, RunState, RunStatus, StepState
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType

MOST_HELD = 5
"""Held steps for which commands are shown."""
_ENDED_BY_FORCE = ("terminated", "timed_out")
Remedy = tuple[str, str]
"""A command line, and what it does."""


def remedies(
    snapshot: Snapshot,
    now: datetime,
    since: UndoneSince | None = None,
    *,
    left: bool = False,
    began: bool = False,
) -> list[Remedy]:
    """The commands that help, the most useful first.

    `left`: the run has ended, and some of what it did was not undone. `began`: it is known to have begun, though no worker tells of it.
    """
    if snapshot.ended:
        return list(_after_the_end(snapshot, since, left=left, began=began or snapshot.state is not None))
    if snapshot.fault is not None:
        return []  # Its own sentence says what helps.
    return [*_workers(snapshot, now), *_operator(snapshot)]


def paused_by(state: RunState | None) -> AuditEntry | None:
    """The operator's act that pauses the run now."""
    if state is None or state.status is not RunStatus.PAUSED:
        return None
    acts = [one for one in state.audit if one.operation in ("pause", "resume")]
    return acts[-1] if acts and acts[-1].operation == "pause" else None


def command(*words: str) -> str:
    """A command line of `adw`, as a shell takes it."""
    return shlex.join(("adw", *words))


def _workers(snapshot: Snapshot, now: datetime) -> Iterator[Remedy]:
    """Queues that nobody polls."""
    for queue in snapshot.queues:
        name = shlex.quote(queue.name)
        if queue.alive(now):
            if snapshot.silent and queue.kind == "runs":  # Those that poll it are busy, stopped, or gone since.
                who = ", ".join(one.worker for one in queue.pollers[:1])
                yield f"ADW_TASK_QUEUE={name} adw-worker", f"serves it in the place of {who}; or start that one again"
            continue
        if queue.kind == "runs" or queue.name == snapshot.summary.task_queue:
            yield (
                f"ADW_TASK_QUEUE={name} adw-worker",
                "serves the run's queue, with ADW_ACTIONS and ADW_DEFINITIONS as ever",
            )
        else:
            yield f"ADW_CAPABILITIES={name} adw-worker", f"serves the actions of queue {queue.name!r}, too"


def _operator(snapshot: Snapshot) -> Iterator[Remedy]:
    id, state = snapshot.summary.id, snapshot.state
    if state is None:
        return
    if paused_by(state) is not None:
        yield command("resume", id), "lets it start steps again"
    if state.output_error is not None:
        yield command("retry", id, "output", "--reason", "WHY"), "builds its output again"
        yield command("skip", id, "output", "--output", "JSON", "--reason", "WHY"), "gives the output in its place"
    held = [one for one in state.steps if one.status is StepStatus.FAILED and one.waiting_for is not None]
    for step in held[:MOST_HELD]:
        yield from _for_held(id, step)
    if held or state.output_error is not None:
        yield command("cancel", id), "ends it, and undoes what it did"


def _for_held(id: str, step: StepState) -> Iterator[Remedy]:
    yield command("retry", id, step.path, "--reason", "WHY"), f"runs {step.path} again"
    if step.step_type is StepType.CONDITIONAL:
        choice = '{"routed": ["STEP"]}'
        yield command("skip", id, step.path, "--output", choice, "--reason", "WHY"), "goes on with the steps named"
    else:
        yield (
            command("skip", id, step.path, "--reason", "WHY"),
            "goes on without it (--output JSON gives one in its place)",
        )


def _after_the_end(snapshot: Snapshot, since: UndoneSince | None, *, left: bool, began: bool) -> Iterator[Remedy]:
    id = snapshot.summary.id
    if since is not None and (since.taken_over or since.closed_at is None or since.complete):
        yield command("show", since.run), since.sentence
    elif left:
        yield command("rollback", id), "tries what was not undone again"
    elif snapshot.summary.status in _ENDED_BY_FORCE:
        yield command("rollback", id), "undoes what its history says it did"
    elif snapshot.summary.status == "failed" and began:  # One that never began has nothing to keep.
        yield command("rerun", id), "runs it again; --dry-run says first what would be kept"
