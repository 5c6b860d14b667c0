"""What a step's runner gets: its plan, its record, and the run's services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from advanced_workflow.workflows.contract import BreakerState, ExecutionOptions, Json, Prepared
from advanced_workflow.workflows.contract.paths import StepPath, idempotency_key
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.graph.limits import NONE, Limits, Numbers, limits_of
from advanced_workflow.workflows.engine.state.scope import own_entry, scope_of
from advanced_workflow.workflows.engine.step.failures import (
    StepFailure,
    StepSkipped,
    failure_of,
    read_error,
)
from advanced_workflow.workflows.plain.text import for_people

if TYPE_CHECKING:
    from advanced_workflow.workflows.engine.graph.plan import Plan
    from advanced_workflow.workflows.engine.graph.scheduler import Settled
    from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
    from advanced_workflow.workflows.engine.monitoring.display import Display
    from advanced_workflow.workflows.engine.monitoring.telemetry import RunTelemetry
    from advanced_workflow.workflows.engine.people.approvals import Approvals
    from advanced_workflow.workflows.engine.people.events import Events
    from advanced_workflow.workflows.engine.people.operations import Operations
    from advanced_workflow.workflows.engine.state.continuation import Continuation
    from advanced_workflow.workflows.engine.state.frames import Frame
    from advanced_workflow.workflows.engine.state.live_state import LiveState
    from advanced_workflow.workflows.engine.state.locks import Locks
    from advanced_workflow.workflows.engine.state.record import Record
    from advanced_workflow.workflows.engine.state.slots import Slots
    from advanced_workflow.workflows.engine.state.task_budget import TaskBudget
    from advanced_workflow.workflows.engine.state.withdrawals import Withdrawals
    from advanced_workflow.workflows.engine.undo.saga import Saga

NUMBERS = "numbers"
"""In the cursor: what the expressions gave that stand in place of numbers."""


class ExecuteStep(Protocol):
    """Runs one step of a graph to its end, with all that surrounds it; `around.steps.execute` is the one there is."""

    def __call__(
        self, run: RunContext, plan: StepPlan, frame: Frame, *, contained: bool = True, key: str = ""
    ) -> Coroutine[Any, Any, Settled]:
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
    state: LiveState
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
    execute_step: ExecuteStep
    """For those who run nested steps; they call `execute`."""

    def execute(
        self, plan: StepPlan, frame: Frame, *, contained: bool = True, key: str = ""
    ) -> Coroutine[Any, Any, Settled]:
        """Run a step to its end; `key` is its name in the pass where that is not its id.

        A failure nothing recovers from is given as FAILED where the step is contained in another; at the root of the
        definition it raises `StepFailure`, which fails the run.
        """
        return self.execute_step(self, plan, frame, contained=contained, key=key)

    def idempotency_key(self, path: str) -> str:
        """The key an action of this run is called with: execution id and step path."""
        return idempotency_key(self.execution_of(path), path)

    def execution_of(self, path: str) -> str:
        """The execution id in the keys of a step: what was undone and runs again is another effect, with a key of its own."""
        times = self.saga.undone.get(path, 0)
        return f"{self.execution_id}~{times + 1}" if times else self.execution_id


@dataclass(frozen=True, slots=True)
class StepContext:
    """One step that runs now."""

    run: RunContext
    plan: StepPlan
    record: Record
    frame: Frame
    contained: bool = True
    """Whether what is around it continues when it fails."""
    handled: dict[str, Settled] = field(default_factory=dict[str, "Settled"])
    """How the error handlers ended that ran for it, by their ids."""

    @property
    def path(self) -> StepPath:
        """The step's path."""
        return self.record.path

    @property
    def key(self) -> str:
        """The step's name in its pass, as its path ends."""
        return self.frame.name_of(self.path)

    @property
    def numbers(self) -> Numbers:
        """What the expressions gave that stand in place of numbers."""
        return self.record.cursor.get(NUMBERS, NONE)

    @property
    def limits(self) -> Limits:
        """The times of its attempts."""
        return limits_of(self.plan.step, self.numbers)

    @property
    def may_fail(self) -> bool:
        """Whether the run continues when it fails."""
        return self.contained or self.plan.retries.continue_on_failure

    def scope(self, **more: Json) -> dict[str, Json]:
        """What the step's expressions see."""
        return scope_of(self.run.state, self.frame, **{"step": self.own, **more})

    @property
    def own(self) -> dict[str, Json]:
        """What it sees of itself; a round of a loop over an action is a step of its own."""
        is_round = self.frame.prefix.startswith(f"{self.path}#")
        path = self.frame.prefix[:-1] if is_round else str(self.path)
        return own_entry(path, self.run.idempotency_key(path))

    @contextmanager
    def reading(self, field: str) -> Generator[None, None, None]:
        """Turn whatever reading data raises inside the block into this step's failure that names the field."""
        try:
            yield
        except (StepFailure, StepSkipped):
            raise
        except Exception as error:
            failure = failure_of(read_error(error))
            failure.error.message = for_people(f"step {self.path!r}, {field}: {failure.error.message}")
            raise failure from error

    def begin(self) -> None:
        """The step runs now."""
        self._move(StepStatus.RUNNING, None)

    def wait(self, sentence: str) -> None:
        """The step waits now; the sentence says for what."""
        self._move(StepStatus.WAITING, sentence)

    def _move(self, status: StepStatus, sentence: str | None) -> None:
        self.record.waiting_for = sentence
        self.run.state.change(self.record, status)


@dataclass(frozen=True, slots=True)
class Done:
    """A runner's success: the step's output and, for a conditional step, the targets it routed to."""

    output: Json = None
    routed: frozenset[str] | None = None


RunStep = Callable[[StepContext], Awaitable[Done]]
"""Runs a step: its success is what it gives, everything else is raised.

`StepFailure` says that it failed, `StepSkipped` that it ends without a result, `CancelledError` that it is to end with what is
around it.
"""
