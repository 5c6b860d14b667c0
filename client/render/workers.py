"""Which workers there are for a run that waits for one, and what waits for them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.console import Console
from rich.text import Text

from advanced_workflow.client.render.layout import plain_table, print_title
from advanced_workflow.client.render.listing import print_table
from advanced_workflow.client.render.notes import failure_words
from advanced_workflow.client.render.rows import sign_of_life
from advanced_workflow.client.render.symbols import words
from advanced_workflow.client.render.times import due, duration, seconds_between
from advanced_workflow.client.service.description import Attempt
from advanced_workflow.client.service.queues import QueueSummary
from advanced_workflow.client.watch import Snapshot

MOST_LISTED = 20
"""Pending actions, and workers of one queue, that are listed."""


def no_worker(snapshot: Snapshot, now: datetime) -> str:
    """Why nobody answers for a run, as far as the server knows."""
    queue = snapshot.queue(snapshot.summary.task_queue, "runs")
    if queue is None:
        return "no worker answers"
    if not queue.pollers:
        return f"no worker polls its task queue {queue.name!r}"
    heard = duration(seconds_between(queue.pollers[0].heard_at, now))
    if not queue.alive(now):
        return f"no worker polls its task queue {queue.name!r} any more: {queue.pollers[0].worker} was last heard {heard} ago"
    who = f"{queue.pollers[0].worker} polled" if len(queue.pollers) == 1 else f"{len(queue.pollers)} polled, the last"
    return f"no worker answered in time; of its task queue {queue.name!r} {who} {heard} ago: it is busy, or gone since"


def print_queues(console: Console, queues: Iterable[QueueSummary], now: datetime) -> None:
    """The task queues in which the run waits, who polls them, and what waits there."""
    found = list(queues)
    if not found:
        return
    print_title(console, "Task queues")
    table = plain_table("queue", "of", "workers", "waits there")
    for one in found:
        waits = f"{one.backlog:,}, the oldest for {duration(one.backlog_seconds)}" if one.backlog else ""
        table.add_row(Text(one.name), one.kind, Text(_pollers(one, now), style=_style(one, now)), waits)
    print_table(console, table)


def _style(queue: QueueSummary, now: datetime) -> str:
    return "" if queue.alive(now) else "yellow"


def _pollers(queue: QueueSummary, now: datetime) -> str:
    if not queue.pollers:
        return "none in the last 5 minutes"
    heard = [
        f"{one.worker}, last heard {duration(seconds_between(one.heard_at, now))} ago"
        for one in queue.pollers[:MOST_LISTED]
    ]
    return f"{queue.alive(now)}: {'; '.join(heard)}" if queue.alive(now) else f"none now; {'; '.join(heard)}"


def print_attempts(console: Console, attempts: Iterable[Attempt], now: datetime) -> None:
    """The actions that are pending, as the server knows them."""
    found = list(attempts)
    if not found:
        return
    print_title(console, "Pending actions")
    table = plain_table("step", "action", "attempt", "queue", "now")
    for one in found[:MOST_LISTED]:
        bound = f" of {one.max_attempts}" if one.max_attempts else ""
        table.add_row(
            Text(one.path), Text(one.action), f"{one.attempt}{bound}", Text(one.task_queue), Text(_stands(one, now))
        )
    if len(found) > MOST_LISTED:
        table.add_row(f"{len(found) - MOST_LISTED:,} more", "", "", "", "")
    print_table(console, table)


def _stands(attempt: Attempt, now: datetime) -> str:
    since = attempt.waits_since(now)
    if since is not None:
        what = f"waits for a worker for {duration(seconds_between(since, now))}"
    elif attempt.state == "scheduled":
        what = f"next attempt {due(attempt.next_attempt_at, now)}"
    elif attempt.is_running:
        what = f"runs on {attempt.worker}"
    else:
        what = words(attempt.state)
    failure = "the worker was lost" if attempt.worker_lost else failure_words(attempt.last_failure)
    return "; ".join(part for part in (what, sign_of_life(attempt, now), failure) if part)
