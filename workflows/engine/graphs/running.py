"""Runs a user's graph as a step: its calls are steps, its interrupts approvals, and it continues in another history where it stood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from advanced_workflow.workflows.contract import ErrorInfo, Json
from advanced_workflow.workflows.definition.kinds.orchestrator import Orchestrator
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.actions.armed_call import arm, settled_as_a_whole
from advanced_workflow.workflows.engine.actions.mapped_input import mapped_input
from advanced_workflow.workflows.engine.containers.tolerated import run_undone_as_new
from advanced_workflow.workflows.engine.graphs.adapter import run
from advanced_workflow.workflows.engine.graphs.calls import Calls, asked_at_once
from advanced_workflow.workflows.engine.graphs.context import GraphCallFailed, GraphContext
from advanced_workflow.workflows.engine.graphs.memory import Memory
from advanced_workflow.workflows.engine.graphs.nodes import Nodes
from advanced_workflow.workflows.engine.graphs.registry import GRAPHS, GraphChanged
from advanced_workflow.workflows.engine.graphs.saver import THREAD, Saved, saver_of
from advanced_workflow.workflows.engine.graphs.values import as_json
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure, failure_of
from advanced_workflow.workflows.errors import DataInvalid, WorkflowError
from advanced_workflow.workflows.plain.text import for_people

_INTERRUPTS = "__interrupt__"


async def run_user_graph(step: StepContext, made: Orchestrator) -> Done:
    """Run the graph that the step names; its last state is the output.

    An operator who runs it again has it continue where it stood: calls that failed are made again.
    """
    is_new = step.record.status is StepStatus.PENDING
    if is_new:
        run_undone_as_new(step)
    memory = Memory(step.record)
    if memory.has_begun:
        if is_new:
            memory.allow_again()
    else:
        memory.begin(await _begin(step))
    step.begin()
    running = _Running(step, made, memory)
    return await settled_as_a_whole(step, running.to_the_end(), lambda: memory.has_called)


async def _begin(step: StepContext) -> dict[str, Json]:
    """The state that the graph begins with: the mapped input, and the task where there is one."""
    with step.reading("input_mapping"):
        value = await mapped_input(step)
        if value is not None and not isinstance(value, dict):
            raise DataInvalid("a graph begins with an object, whose fields are those of its state.")
        first = dict(cast("dict[str, Json]", value or {}))
    if step.plan.task is not None:
        with step.reading("orchestrator.task"):
            first["task"] = step.plan.task.evaluate(step.scope())
    arm(step, step.path, step.frame.undo, step.key, first)
    return first


class _Running:
    def __init__(self, step: StepContext, made: Orchestrator, memory: Memory) -> None:
        registered = GRAPHS.get(made.graph)
        if registered is None:
            raise GraphChanged(f"GraphChanged: this worker does not serve graph {made.graph!r}; deploy it again.")
        loaded = registered.load()
        self._step = step
        self._made = made
        self._memory = memory
        self._calls = Calls(step, memory, memory.task)
        self._nodes = Nodes(loaded.restricted.applied)
        self._saved = Saved(memory, loaded.restricted.applied, self._nodes.begin_round)
        self._nodes.prepare(loaded.builder)
        builder = getattr(loaded.builder, "builder", loaded.builder)
        with loaded.restricted.applied():
            self._graph = builder.compile(checkpointer=saver_of(self._saved))
        self._context = GraphContext(self._calls.make, dict(made.config))

    async def to_the_end(self) -> Done:
        """Run, and ask people what its nodes ask, until nothing is left to be done. Raises `StepFailure`."""
        try:
            return await self._rounds()
        finally:
            await self._calls.end()

    async def _rounds(self) -> Done:
        while True:
            await self._step.run.budget.breathe()
            state = await self._until_interrupted()
            if not state.get(_INTERRUPTS):
                return Done(self._output(state))
            asked = self._saved.open_interrupts()
            questions = [(one.id, self._json(one.value, "what interrupt() asks")) for one in asked]
            answers = await asked_at_once(self._calls, questions)
            for one, answer in zip(asked, answers, strict=True):
                self._saved.resume(one.id, answer)
            self._step.begin()

    async def _until_interrupted(self) -> dict[str, Any]:
        more = {"config": THREAD, "context": self._context, "durability": "sync"}
        try:
            state = await run(self._graph, self._memory.first, limit=self._made.max_steps, **more)
            if self._calls.fault is not None:  # The graph made something else of it.
                raise self._calls.fault
            await self._calls.left()
            return _with_fields(state)
        except Exception as error:
            ended = self._calls.fault or self._nodes.failed or error
            failure = self._failure(ended)
            if failure is None:
                raise ended from None
            raise failure from error

    def _failure(self, error: Exception) -> StepFailure | None:
        """What ended the graph as the step's failure; None for a fault of the engine."""
        if isinstance(error, StepFailure):
            return error
        if isinstance(error, GraphCallFailed):
            return StepFailure(ErrorInfo(type=error.type, message=error.message, details=error.details), "unknown")
        if isinstance(error, WorkflowError):
            failure = failure_of(error, "unknown")
            failure.error.message = for_people(f"step {self._step.path!r}, graph {self._made.graph!r}: {error}")
            return failure
        if error is self._calls.fault:
            return None
        own_words = str(error)
        said = for_people(f"step {self._step.path!r}, graph {self._made.graph!r}: {type(error).__name__}: {own_words}")
        if isinstance(error, NotImplementedError) and not own_words:
            said += "a plain function in a thread, of a graph that is not a node here; write async functions"
        return StepFailure(ErrorInfo(type=type(error).__name__, message=said), "unknown")

    def _output(self, state: dict[str, Any]) -> Json:
        return self._json(
            {name: value for name, value in state.items() if name != _INTERRUPTS}, "the graph's last state"
        )

    def _json(self, value: object, what: str) -> Json:
        try:
            return as_json(value, what)
        except DataInvalid as error:
            raise failure_of(
                DataInvalid(f"step {self._step.path!r}, graph {self._made.graph!r}: {error}"), "unknown"
            ) from None


def _with_fields(state: object) -> dict[str, Any]:
    if state is None:  # None of its fields was ever written.
        return {}
    if not isinstance(state, Mapping):
        raise DataInvalid(f"its state is of type {type(state).__name__}; make it one with fields, as a TypedDict.")
    return dict(cast("Mapping[str, Any]", state))
