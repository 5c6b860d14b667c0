"""What a step's runner gets: its plan, its record, and the run's services."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from workflows.contract import BreakerState, ExecutionOptions, Json, Prepared, SkipReason
from workflows.definition.models import StepStatus
from workflows.engine.failures import failure_of
from workflows.engine.scope import scope_of
from workflows.errors import WorkflowError

if TYPE_CHECKING:
    from workflows.engine.approvals import Approvals
    from workflows.engine.continuation import Continuation
    from workflows.engine.display import Display
    from workflows.engine.events import Events
    from workflows.engine.frames import Frame
    from workflows.engine.locks import Locks
    from workflows.engine.operations import Operations
    from workflows.engine.plan import Plan
    from workflows.engine.record import Record
    from workflows.engine.saga import Saga
    from workflows.engine.scheduler import Settled
    from workflows.engine.slots import Slots
    from workflows.engine.state import RunState
    from workflows.engine.step_plan import StepPlan
    from workflows.engine.task_budget import TaskBudget
    from workflows.engine.telemetry import RunTelemetry
    from workflows.engine.withdrawals import Withdrawals


class ExecuteStep(Protocol):
    """Runs one step of a graph to its end; containers use it for their nested steps."""

    async def __call__(self, plan: StepPlan, frame: Frame, *, contained: bool = True) -> Settled:
        """Give the step's outcome."""
        ...


@dataclass(frozen=True, slots=True)
class RunContext:
    """The services of one run."""

    execution_id: str
    run_id: str
    plan: Plan
    prepared: Prepared
    options: ExecutionOptions
    state: RunState
    slots: Slots
    locks: Locks
    continuation: Continuation
    withdrawals: Withdrawals
    breakers: dict[str, BreakerState]
    """Those that steps wait for now, by the step's path."""
    budget: TaskBudget
    saga: Saga
    approvals: Approvals
    events: Events
    operations: Operations
    display: Display
    telemetry: RunTelemetry
    execute: ExecuteStep
    skip: Callable[[Record, SkipReason], Settled]

    def idempotency_key(self, path: str) -> str:
        """The key an action of this run is called with: execution id and step path."""
        return f"{self.execution_id}:{path}"


@dataclass(frozen=True, slots=True)
class StepContext:
    """One step that runs now."""

    run: RunContext
    plan: StepPlan
    record: Record
    frame: Frame

    @property
    def path(self) -> str:
        """The step's path."""
        return self.record.path

    @property
    def key(self) -> str:
        """The step's name in its pass, as its path ends."""
        return self.path.removeprefix(self.frame.prefix)

    def scope(self, **more: Json) -> dict[str, Json]:
        """What the step's expressions see."""
        return scope_of(self.run.state, self.frame, **more)

    @contextmanager
    def reading(self, field: str) -> Generator[None, None, None]:
        """Turn an error of the project inside the block into this step's failure that names the field."""
        try:
            yield
        except WorkflowError as error:
            failure = failure_of(error)
            failure.error.message = f"step {self.path!r}, {field}: {error}"
            raise failure from error

    def begin(self) -> None:
        """The step runs now."""
        self._move(StepStatus.RUNNING, None)

    def wait(self, sentence: str) -> None:
        """The step waits now; the sentence says what for."""
        self._move(StepStatus.WAITING, sentence)

    def _move(self, status: StepStatus, sentence: str | None) -> None:
        self.record.waiting_for = sentence
        self.run.state.change(self.record, status)


@dataclass(frozen=True, slots=True)
class Done:
    """A runner's success: the step's output and, for a conditional step, the targets it routed to."""

    output: Json = None
    routed: frozenset[str] | None = None
