"""What operators do to a live run: pause, resume, retry a step, skip a step. Every act is kept in the audit trail."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import cast

from temporalio import workflow

from advanced_workflow.workflows.contract import (
    AuditEntry,
    Json,
    OperatorRequest,
    RunStatus,
    SkipRequest,
    StepRequest,
)
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.definition.problems.places import listed
from advanced_workflow.workflows.engine.people.operator_words import require_room
from advanced_workflow.workflows.engine.people.remedies import (
    Given,
    Held,
    Remedy,
    Skip,
    Waiter,
    chooses,
    require_choice,
)
from advanced_workflow.workflows.engine.state.live_state import LiveState
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.temporal.clock import timestamp
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.quiet import is_gone
from advanced_workflow.workflows.errors import OperationRefused, UnknownStep, WorkflowError
from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339
from advanced_workflow.workflows.plain.strict_json import encode

RUN_OUTPUT = "output"
"""Under this name the run's own output holds the run, where it failed after all steps had ended."""


class Operations:
    """The run's gate, the failed steps held for an operator, and the waiting steps that may be skipped."""

    def __init__(self, state: LiveState, signed: Iterable[str] = (), before_signed: Iterable[str] = ()) -> None:
        """The gate is open; `signed` are the ids of steps that lead to decisions which must be signed, and others come before those."""
        self._state = state
        self._signed = frozenset(signed)
        self._before_signed = frozenset(before_signed)
        self._paused = False
        self._opened: asyncio.Future[None] | None = None
        self._closed_at: datetime | None = None
        self._closed_for = timedelta(0)
        self._held_before: set[str] = set()
        """Steps that held the run when it continued as new, until they do so again."""
        self.held: dict[str, Held] = {}
        self.waiting: dict[str, Waiter] = {}
        self.to_skip: dict[str, Skip] = {}
        """Steps that are skipped when their turn comes."""

    @property
    def is_open(self) -> bool:
        """Whether new steps may start."""
        return not self._paused and not self.held and not self._held_before

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

    def check_retry(self, request: StepRequest) -> str:
        """The path of the failed step that holds the run. Raises if it is not one."""
        self._refuse_when_ending("retry a step")
        if request.step_id in self.held:
            return request.step_id
        record = self._record(request)
        if record.path not in self.held:
            raise OperationRefused(
                f"step {record.path!r} is {record.status.value} and does not hold the run; "
                f"held steps: {', '.join(self.held) or 'none'}."
            )
        return record.path

    def retry(self, request: StepRequest) -> None:
        """Run a failed step again, with the same idempotency key."""
        path = self.check_retry(request)
        self._note("retry_step", request)
        self.held.pop(path).answer.set_result(Remedy(again=True))
        self._update_gate()

    def may_skip(self, request: SkipRequest) -> None:
        """Raise where the step cannot be skipped, or not in this way: a step that chooses routes needs the choice."""
        path = self.check_skip(request)
        record = self._state.find(path)
        if record is not None and chooses(record.plan):
            require_choice(path, record.plan, request)

    def check_skip(self, request: SkipRequest) -> str:
        """The step's path. Raises if it runs or is settled: only held, waiting and pending steps can be skipped."""
        self._refuse_when_ending("skip a step")
        path = request.step_id
        if path not in self.held:
            record = self._record(request)
            path = record.path
            if path not in self.held and record.status not in (StepStatus.PENDING, StepStatus.WAITING):
                raise OperationRefused(
                    f"step {path!r} is {record.status.value}; only failed, waiting or pending steps can be skipped."
                )
        self._require_nothing_signed(path, request)
        self._require_fitting(path, request)
        return path

    def _require_nothing_signed(self, path: str, request: SkipRequest) -> None:
        """An operator's name is not verified: in a run that has decisions which must be signed, it stands for none of what they are about."""
        record = self._state.find(path)
        step_id = record.plan.step_id if record is not None else ""
        if step_id in self._signed:
            raise OperationRefused(
                f"step {path!r} cannot be skipped: who decides it, or what is inside, must be verified (identity: signed), and an "
                "operator's name is not; have it decided, or cancel the run."
            )
        if step_id in self._before_signed:
            raise OperationRefused(
                f"step {path!r} cannot be skipped: it comes before a decision that must be verified (identity: signed), and says "
                "whether and what is asked; retry it, or cancel the run."
            )
        if self._signed and request.gives_output:
            raise OperationRefused(
                f"{path!r} cannot be given an output: decisions of this run must be verified (identity: signed), and an operator's "
                "name is not; retry it, skip it without an output, or cancel the run."
            )

    def _require_fitting(self, path: str, request: SkipRequest) -> None:
        held = self.held.get(path)
        if held is not None and held.needs_output and not request.gives_output:
            raise OperationRefused(f"{path!r} cannot be left out: give what takes its place ('output').")
        waits = held or self.waiting.get(path)
        if not request.gives_output:
            return
        if waits is None:
            given = [one.output for other, one in self.to_skip.items() if one is not None and other != path]
            require_room(path, request.output, given)
            return
        try:
            waits.fits(request.output)
        except WorkflowError as error:
            raise OperationRefused(f"{path!r} cannot be given this output: {error}") from None

    def skip(self, request: SkipRequest) -> None:
        """Settle a step as skipped; its dependents start as if it had completed, with the output given or none."""
        path = self.check_skip(request)
        self._note("skip_step", request)
        given = Given(request.output) if request.gives_output else None
        if path in self.held:
            self.held.pop(path).answer.set_result(Remedy(again=False, given=given))
            self._update_gate()
        elif path in self.waiting:
            self.waiting.pop(path).answer.set_result(given)
        else:  # It did not begin: it is skipped when its turn comes, or when it gets what it waits for.
            self.to_skip[path] = given

    async def hold(self, path: str, fits: Callable[[Json], None], *, needs_output: bool = False) -> Remedy:
        """Wait for an operator's word on what failed; nothing new starts meanwhile."""
        answer: asyncio.Future[Remedy] = asyncio.get_running_loop().create_future()
        self.held[path] = Held(answer, fits, needs_output)
        self._held_before.discard(path)
        self._update_gate()
        try:
            return await answer
        finally:
            self.held.pop(path, None)
            if not is_gone():
                self._update_gate()

    def taken_up(self) -> None:
        """All steps that were under way when the run continued as new have taken up their places."""
        if self._held_before:
            self._held_before.clear()
            self._update_gate()

    def dump(self) -> dict[str, Json]:
        """As plain data; held steps hold the run again when they are taken up, and nothing starts before."""
        return {
            "paused": self._paused,
            "closed_at": self._closed_at.isoformat() if self._closed_at else None,
            "closed_for": self._closed_for.total_seconds(),
            "held": sorted(self.held),
            # Release 0.1.0 has a list of paths here, and takes the names of this.
            "to_skip": {path: None if given is None else [given.output] for path, given in self.to_skip.items()},
        }

    def load(self, data: Mapping[str, Json]) -> None:
        """Take over what `dump` gave."""
        self._paused = data["paused"]
        self._closed_at = parse_rfc3339(data["closed_at"]) if data["closed_at"] else None
        self._closed_for = timedelta(seconds=data["closed_for"])
        self._held_before = set(data.get("held", ()))
        to_skip = data["to_skip"]
        given = cast("dict[str, Json]", to_skip if isinstance(to_skip, dict) else dict.fromkeys(to_skip))
        self.to_skip = {path: Given(one[0]) if one else None for path, one in given.items()}

    def _record(self, request: StepRequest) -> Record:
        plan = self._state.plan.steps.get(request.step_id)
        if plan is not None and self._state.runs_often(plan) and patched(Patch.RULES_2):
            # One sent twice would hit the next copy or round.
            there = [one.path for one in self._state.active.values() if one.plan is plan]
            raise UnknownStep(
                f"step {request.step_id!r} may run several times in a run: name the path of one "
                f"({listed(there) or 'none runs or waits now'})."
            )
        record = self._state.find(request.step_id)
        if record is None:
            raise UnknownStep(f"no step {request.step_id!r} in this run; the 'state' query lists its steps.")
        return record

    def _refuse_when_ending(self, what: str) -> None:
        if self._state.status not in (RunStatus.RUNNING, RunStatus.PAUSED):
            raise OperationRefused(f"cannot {what}: the run is {self._state.status.value}.")

    def _note(self, operation: str, request: OperatorRequest) -> None:
        step_id = request.step_id if isinstance(request, StepRequest) else None
        entry = AuditEntry(time=timestamp(), operation=operation, by=request.by, reason=request.reason, step_id=step_id)
        if isinstance(request, SkipRequest) and request.gives_output:
            entry.output_sha256 = hashlib.sha256(encode(request.output, "the output")).hexdigest()
        self._state.audit.append(entry)

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
