"""What operators do to a live run: pause, resume, retry a step, skip a step. Every act is kept in the audit trail."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from temporalio import workflow

from advanced_workflow.workflows.contract import AuditEntry, Json, OperatorRequest, RunStatus, StepRequest
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.state.live_state import LiveState
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.temporal.clock import timestamp
from advanced_workflow.workflows.errors import OperationRefused, UnknownStep
from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339

Remedy = Literal["retry", "skip"]


class Operations:
    """The run's gate, the failed steps held for an operator, and the waiting steps that may be skipped."""

    def __init__(self, state: LiveState) -> None:
        """The gate is open."""
        self._state = state
        self._paused = False
        self._opened: asyncio.Future[None] | None = None
        self._closed_at: datetime | None = None
        self._closed_for = timedelta(0)
        self.held: dict[str, asyncio.Future[Remedy]] = {}
        self.waiting: dict[str, asyncio.Future[Literal["skip"]]] = {}
        self.to_skip: set[str] = set()

    @property
    def is_open(self) -> bool:
        """Whether new steps may start."""
        return not self._paused and not self.held

    @property
    def closed_for(self) -> timedelta:
        """How long the gate was closed in all; the run's deadline moves by it."""
        open_span = workflow.now() - self._closed_at if self._closed_at else timedelta(0)
        return self._closed_for + open_span

    async def gate(self) -> None:
        """Wait while the run is paused or held."""
        while not self.is_open:
            if self._opened is None:
                self._opened = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._opened)

    def check_pause(self) -> None:
        """Raise if the run cannot be paused."""
        self._refuse_when_ending("pause")
        if self._paused:
            raise OperationRefused("the run is paused already.")

    def pause(self, request: OperatorRequest) -> None:
        """Start no new step; what runs and what waits continues, and the run's deadline stands still."""
        self.check_pause()
        self._note("pause", request)
        self._paused = True
        self._update_gate()

    def check_resume(self) -> None:
        """Raise if there is nothing to resume."""
        self._refuse_when_ending("resume")
        if self.held and not self._paused:
            raise OperationRefused(
                f"failed steps hold the run ({', '.join(self.held)}): retry or skip them, or cancel."
            )
        if not self._paused:
            raise OperationRefused("the run is not paused.")

    def resume(self, request: OperatorRequest) -> None:
        """Let new steps start again."""
        self.check_resume()
        self._note("resume", request)
        self._paused = False
        self._update_gate()

    def check_retry(self, request: StepRequest) -> Record:
        """Raise if the step is not a failed one that holds the run."""
        self._refuse_when_ending("retry a step")
        record = self._record(request)
        if record.path not in self.held:
            raise OperationRefused(
                f"step {record.path!r} is {record.status.value} and does not hold the run; "
                f"held steps: {', '.join(self.held) or 'none'}."
            )
        return record

    def retry(self, request: StepRequest) -> None:
        """Run a failed step again, with the same idempotency key."""
        record = self.check_retry(request)
        self._note("retry_step", request)
        self.held.pop(record.path).set_result("retry")
        self._update_gate()

    def check_skip(self, request: StepRequest) -> Record:
        """Raise if the step runs or is settled: only held, waiting and pending steps can be skipped."""
        self._refuse_when_ending("skip a step")
        record = self._record(request)
        path = record.path
        if path in self.held or record.status in (StepStatus.PENDING, StepStatus.WAITING):
            return record
        raise OperationRefused(
            f"step {path!r} is {record.status.value}; only failed, waiting or pending steps can be skipped."
        )

    def skip(self, request: StepRequest) -> None:
        """Settle a step as skipped; its dependents start as if it had completed, without its output."""
        record = self.check_skip(request)
        self._note("skip_step", request)
        if record.path in self.held:
            self.held.pop(record.path).set_result("skip")
            self._update_gate()
        elif record.path in self.waiting:
            self.waiting.pop(record.path).set_result("skip")
        else:  # It did not begin: it is skipped when its turn comes, or when it gets the lock it waits for.
            self.to_skip.add(record.path)

    async def hold(self, path: str) -> Remedy:
        """Wait for an operator's word on a failed step; nothing new starts meanwhile."""
        answer: asyncio.Future[Remedy] = asyncio.get_running_loop().create_future()
        self.held[path] = answer
        self._update_gate()
        try:
            return await answer
        finally:
            self.held.pop(path, None)
            self._update_gate()

    def dump(self) -> dict[str, Json]:
        """As plain data; held steps hold the run again when they are taken up."""
        return {
            "paused": self._paused,
            "closed_at": self._closed_at.isoformat() if self._closed_at else None,
            "closed_for": self._closed_for.total_seconds(),
            "to_skip": sorted(self.to_skip),
        }

    def load(self, data: Mapping[str, Json]) -> None:
        """Take over what `dump` gave."""
        self._paused = data["paused"]
        self._closed_at = parse_rfc3339(data["closed_at"]) if data["closed_at"] else None
        self._closed_for = timedelta(seconds=data["closed_for"])
        self.to_skip = set(data["to_skip"])

    def _record(self, request: StepRequest) -> Record:
        record = self._state.find(request.step_id)
        if record is None:
            raise UnknownStep(f"no step {request.step_id!r} in this run; the 'state' query lists its steps.")
        return record

    def _refuse_when_ending(self, what: str) -> None:
        if self._state.status not in (RunStatus.RUNNING, RunStatus.PAUSED):
            raise OperationRefused(f"cannot {what}: the run is {self._state.status.value}.")

    def _note(self, operation: str, request: OperatorRequest) -> None:
        step_id = request.step_id if isinstance(request, StepRequest) else None
        self._state.audit.append(
            AuditEntry(time=timestamp(), operation=operation, by=request.by, reason=request.reason, step_id=step_id)
        )

    def _update_gate(self) -> None:
        if self._state.status in (RunStatus.RUNNING, RunStatus.PAUSED):
            self._state.status = RunStatus.RUNNING if self.is_open else RunStatus.PAUSED
        if self.is_open:
            if self._closed_at is not None:
                self._closed_for += workflow.now() - self._closed_at
                self._closed_at = None
            if self._opened is not None:
                self._opened.set_result(None)
                self._opened = None
        elif self._closed_at is None:
            self._closed_at = workflow.now()
