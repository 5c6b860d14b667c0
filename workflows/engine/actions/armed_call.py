"""One call of an action for a step, and what is noted so that it can be undone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from temporalio.common import RawValue
from temporalio.exceptions import FailureError

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.engine.actions.calls import ActionCall, call_action
from advanced_workflow.workflows.engine.actions.mapped_input import mapped_input
from advanced_workflow.workflows.engine.actions.step_activities import summary_for
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.failures import (
    Effect,
    StepFailure,
    StepSkipped,
    effect_of,
    failure_of,
    failure_of_activity,
)
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.payloads import encode, encode_built
from advanced_workflow.workflows.engine.temporal.quiet import is_being_cancelled
from advanced_workflow.workflows.engine.undo.armed import Armed, StepOutcome
from advanced_workflow.workflows.engine.undo.undo_log import UndoLog
from advanced_workflow.workflows.errors import WorkflowError


@dataclass(frozen=True, slots=True)
class Sent:
    """How an action of the engine's own is sent what a step gives."""

    wrapped: Callable[[Json], Json]
    """What goes to the action; undo actions see what the step gave."""
    called: str
    """What is called, for people and for the circuit breaker."""


_OF_AN_UNDO = frozenset({"timeout", "heartbeat_timeout"})


class ArmedCall:
    """One call of an action, whose undo is armed just before it is scheduled."""

    def __init__(
        self,
        step: StepContext,
        action: str,
        path: StepPath,
        log: UndoLog,
        name: str,
        build: Callable[[StepContext], Json] | None = None,
        sent: Sent | None = None,
    ) -> None:
        """`path` is the activity's id, `name` that of the step in its pass; `build` gives the input instead of the mapping, which `sent` wraps."""
        self._step = step
        self._action = action
        self._path = path
        self._log = log
        self._name = name
        self._build = build
        self._sent = sent
        self._input: Json = None
        # It is armed already where it waited for its circuit breaker when the run continued as new.
        self._armed = log.under_way(name)

    async def run(self) -> Json:
        """Call it; raises `StepFailure`."""
        summary = summary_for(self._step) if self._step.plan.tool is not None else ""
        called = self._sent.called if self._sent is not None else ""
        call = ActionCall(self._step, self._action, self._path, self._arguments, self._begin, summary, called)
        try:
            output = await call_action(call)
        except FailureError as error:
            failure = failure_of_activity(error, called or self._action, call.waited)
            failure.effect = self._effect(call, error, failure.effect)
            self._mark(failure.effect)
            if is_being_cancelled():
                raise asyncio.CancelledError from failure
            raise failure from error
        except StepFailure as failure:
            failure.effect = "unknown" if call.in_doubt else failure.effect
            self._mark(failure.effect)
            raise
        except WorkflowError as error:
            # The action did run; only what it returned cannot be used.
            self._mark("completed")
            raise failure_of(error) from error
        except (asyncio.CancelledError, StepSkipped):
            self._mark("unknown")
            raise
        self._mark("completed", output)
        return output

    def _effect(self, call: ActionCall, error: FailureError, by_last_words: Effect) -> Effect:
        plan = self._step.plan
        foreign = plan.step.agent_capability is not None
        effect: Effect = "unknown"
        if not call.in_doubt:
            effect = effect_of(error, attempts=call.attempts, foreign=foreign, local=plan.is_local)
        return effect if effect == by_last_words or patched(Patch.RULES_2) else by_last_words

    async def _arguments(self) -> list[RawValue]:
        limit = self._step.run.prepared.payload_limit
        if self._build is not None:
            self._input = self._build(self._step)
            return [encode(self._input, "the request", limit)]
        if self._step.plan.input is None and self._step.plan.tool is None:
            return []
        with self._step.reading("input_mapping"):
            self._input = await mapped_input(self._step)
            sent = self._input if self._sent is None else self._sent.wrapped(self._input)
            return [encode_built(sent, "the mapped input", limit)]

    def _begin(self) -> None:
        if self._armed is None:
            self._armed = arm(self._step, self._path, self._log, self._name, self._input)
        self._step.begin()

    def _mark(self, outcome: StepOutcome, output: Json = None) -> None:
        if self._armed is not None:
            settle_armed(self._step, self._armed, outcome, output)


def arm(step: StepContext, path: StepPath, log: UndoLog, name: str, value: Json) -> Armed | None:
    """Note a step before it is scheduled; None where it has nothing to undo it with."""
    if not step.plan.step.rollback_actions:
        return None
    key = step.run.idempotency_key(path)
    earlier = log.of_key(name, key) or _taken_back(step, path, log, name, key)
    if earlier is not None and patched(Patch.RULES_2):  # An operator runs the step, or what is around it, again.
        earlier.run_again(value)
        earlier.numbers = undo_times(step)
        return earlier
    return log.arm(name, Armed(step.plan.step_id, path, key, value, numbers=undo_times(step)))


def undo_times(step: StepContext) -> Json:
    """The times that expressions gave and that count for undo actions, too."""
    return {name: value for name, value in step.numbers.items() if name in _OF_AN_UNDO} or None


def _taken_back(step: StepContext, path: StepPath, log: UndoLog, name: str, key: str) -> Armed | None:
    """What the step did before and could not be undone: from now on it is part of what it does again."""
    saga = step.run.saga
    if saga.failed.is_empty or not patched(Patch.RULES_2):
        return None
    still_open = saga.take_back(path, name, key)
    return None if still_open is None else log.arm(name, still_open)


def settle_armed(step: StepContext, armed: Armed, outcome: StepOutcome, output: Json) -> None:
    """Say how an armed step ended."""
    if not armed.settle(outcome, output):
        return
    if step.plan.undo_input is None or step.frame.opened is None or not armed.needs_undo:
        return
    try:
        armed.mapped = armed.mapped_by(step.plan, step.scope(result=output))
    except WorkflowError:
        armed.mapped = None  # The rollback tries again, and reports why it cannot.


async def settled_as_a_whole(step: StepContext, work: Awaitable[Done], has_called: Callable[[], bool]) -> Done:
    """What the work of an armed step gives that calls other steps.

    How it ended is noted, where its definition says how it is undone as a whole; what it called is undone by itself.
    """
    try:
        done = await work
    except StepFailure:
        _settle_whole(step, "unknown" if has_called() else "failed")
        raise
    except (asyncio.CancelledError, StepSkipped):
        _settle_whole(step, "unknown")
        raise
    _settle_whole(step, "completed", done.output)
    return done


def _settle_whole(step: StepContext, outcome: StepOutcome, output: Json = None) -> None:
    armed = step.frame.undo.under_way(step.key)
    if armed is not None:
        settle_armed(step, armed, outcome, output)
