"""Watching a run: what is known of it, every moment until it ends, with or without a worker that answers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from advanced_workflow.client.errors import NoAnswer, RequestFailed
from advanced_workflow.client.runs import Run
from advanced_workflow.client.service.asking import READING, Reading
from advanced_workflow.client.service.description import (
    Attempt,
    RunSummary,
    describe,
    first_start,
    read_attempts,
    summarize,
)
from advanced_workflow.client.service.errors import translated_errors
from advanced_workflow.client.service.faults import EngineFault, engine_fault
from advanced_workflow.client.service.queues import Kind, QueueSummary, describe_queue
from advanced_workflow.workflows.contract import RunState
from advanced_workflow.workflows.errors import OperationRefused
from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339

EVERY_SECONDS = 0.2
SILENT_AFTER_SECONDS = 3.0
"""How long the worker may take to answer before it counts as silent."""
EVENTS_A_SECOND = 500
"""Events of an ended run's history that a worker which is there reads at least in a second."""
READING_SECONDS = 60.0
"""How long a history may take that is read here."""
WAITED_SECONDS = 1.0
"""How long an action waits for a worker before its queue is looked at."""
QUEUES_EVERY_SECONDS = 5.0
MOST_QUEUES = 10
PATIENCE_SECONDS = 0.5
BEGUN_EVENTS = 4
"""History events of a run whose first workflow task is done."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of a run at one moment."""

    summary: RunSummary
    attempts: Mapping[str, Attempt]
    """Actions pending now, by path; the server knows them, so they are true even where no worker answers."""
    most_attempts: Mapping[str, int]
    """The highest attempt seen of each path while it was watched."""
    state: RunState | None
    """What a worker said last; None before one has answered."""
    silent: bool
    """No worker answers, so `state` may be out of date."""
    up_to_date: bool = True
    """Whether `state` tells all that the history does."""
    fault: EngineFault | None = None
    """Why no worker can continue the run, where that is so; `state` is then of before."""
    first_start: datetime | None = None
    """When the first of its histories began; None where that was not looked up."""
    queues: Sequence[QueueSummary] = ()
    """The task queues in which it waits for a worker."""

    @property
    def began(self) -> datetime | None:
        """When the run began, over all histories that it has."""
        told = parse_rfc3339(self.state.start_time) if self.state else None
        return told or self.first_start or self.summary.start_time

    def queue(self, name: str, kind: Kind) -> QueueSummary | None:
        """What is known of a task queue, where that was looked up."""
        return next((one for one in self.queues if (one.name, one.kind) == (name, kind)), None)

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.summary.close_time is not None


async def run_snapshots(run: Run, every_seconds: float = EVERY_SECONDS) -> AsyncGenerator[Snapshot]:
    """Give a snapshot every so often; the last one is of the run's end.

    The worker is asked only after the history grew: a run that waits costs nothing.

    Raises:
        RunNotFound, NotAnAdvancedWorkflow, ConnectionFailed: there is nothing to watch.
    """
    watcher = _Watcher(run)
    try:
        while True:
            snapshot = await watcher.look(every_seconds)
            yield snapshot
            if snapshot.ended and (snapshot.silent or snapshot.up_to_date):
                return
            await asyncio.sleep(every_seconds)
    finally:
        watcher.close()


@dataclass
class _Watcher:
    run: Run
    state: RunState | None = None
    most_attempts: dict[str, int] = field(default_factory=dict)
    _question: asyncio.Task[RunState] | None = None
    _asked_events: int = -1
    _answered_events: int = -1
    _events: int = 0
    _asked_at: float = 0
    _unanswered_since: float | None = None
    _patience_seconds: float = PATIENCE_SECONDS
    _fault: tuple[int, EngineFault | None] = (0, None)
    """With the attempt of the workflow task that it was looked up for."""
    _first_start: datetime | None = None
    _queues: Sequence[QueueSummary] = ()
    _queues_at: float = -math.inf
    _ended: bool = False
    _reading: Reading = field(default_factory=Reading)

    @property
    def is_up_to_date(self) -> bool:
        return self._answered_events == self._events

    async def look(self, wait_seconds: float) -> Snapshot:
        async with translated_errors(self.run.id, "describe"):
            description = await describe(self.run.client, self.run.id, self.run.handle.run_id)
        summary = summarize(description.workflow_execution_info)
        attempts = await read_attempts(self.run.client, description)
        for path, attempt in attempts.items():
            self.most_attempts[path] = max(attempt.attempt, self.most_attempts.get(path, 0))
        self._events = summary.history_events
        self._ended = summary.close_time is not None
        fault = await self._look_for_fault(description)
        if not self.is_up_to_date:
            await self._ask(wait_seconds, begun=self._ended or self._events >= BEGUN_EVENTS)
        silent = self._is_silent()
        if self.state is None and self._first_start is None and silent:
            async with translated_errors(self.run.id, "describe"):
                self._first_start = await first_start(self.run.client, description)
        return Snapshot(
            summary,
            attempts,
            dict(self.most_attempts),
            self.state,
            silent,
            self.is_up_to_date,
            fault,
            self._first_start,
            await self._look_at_queues(summary, attempts, silent=silent),
        )

    async def _look_at_queues(
        self, summary: RunSummary, attempts: Mapping[str, Attempt], *, silent: bool
    ) -> Sequence[QueueSummary]:
        """The queues in which the run, or an action of it, waits for a worker for a while; looked up every few seconds."""
        now = datetime.now(UTC)
        wanted: set[tuple[str, Kind]] = {(summary.task_queue, "runs")} if silent else set()
        for one in attempts.values():
            since = one.waits_since(now)
            if one.task_queue and since is not None and (silent or (now - since).total_seconds() >= WAITED_SECONDS):
                wanted.add((one.task_queue, "actions"))
        known = {(one.name, one.kind) for one in self._queues}
        time = asyncio.get_running_loop().time()
        if wanted != known or (wanted and time - self._queues_at > QUEUES_EVERY_SECONDS):
            self._queues_at = time
            names = sorted(wanted, key=lambda one: (one[1] != "runs", one[0]))[:MOST_QUEUES]
            async with translated_errors(self.run.id, "describe"):
                self._queues = [await describe_queue(self.run.client, *one) for one in names]
        return self._queues

    async def _look_for_fault(self, description: DescribeWorkflowExecutionResponse) -> EngineFault | None:
        attempt = description.pending_workflow_task.attempt
        if attempt != self._fault[0]:
            async with translated_errors(self.run.id, "describe"):
                self._fault = attempt, await engine_fault(self.run.client, description)
        return self._fault[1]

    def close(self) -> None:
        if self._question is not None:
            self._question.cancel()

    async def _ask(self, wait_seconds: float, *, begun: bool) -> None:
        now = asyncio.get_running_loop().time()
        self._unanswered_since = self._unanswered_since or now
        if not begun:
            return
        # A question that meets a workflow task may be held back for seconds, while a new one is answered at once.
        if self._question and self._asked_events < self._events and now - self._asked_at > self._patience_seconds:
            self._question.cancel()
            self._question = None
            self._patience_seconds *= 2
        if self._question is None:
            self._reading = Reading()
            READING.set(self._reading)
            self._question = asyncio.create_task(self.run.state(include_data=False))
            self._asked_events, self._asked_at = self._events, now
        done, _ = await asyncio.wait([self._question], timeout=wait_seconds)
        if done:
            self._take(self._question)

    def _take(self, question: asyncio.Task[RunState]) -> None:
        self._question = None
        try:
            self.state = question.result()
        except NoAnswer:
            self._unanswered_since = -math.inf
            return
        except (RequestFailed, OperationRefused):
            pass  # the run has not read its definition yet, or it ended before it could
        self._answered_events = self._asked_events
        self._unanswered_since = None
        self._patience_seconds = PATIENCE_SECONDS

    def _is_silent(self) -> bool:
        if self._unanswered_since is None:
            return False
        patience = SILENT_AFTER_SECONDS
        if self._ended:  # Its history has to be read again, by a worker or here.
            patience += READING_SECONDS if self._reading.here else self._events / EVENTS_A_SECOND
        return asyncio.get_running_loop().time() - self._unanswered_since > patience
