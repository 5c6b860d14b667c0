"""The calls of tools in one turn of an agent: each is a step, and its end is a message for the model."""

from __future__ import annotations

from dataclasses import replace

from advanced_workflow.workflows.contract import ErrorInfo, RawMessage, ToolCall
from advanced_workflow.workflows.definition.kinds.react import Agent
from advanced_workflow.workflows.definition.model.base import Schema
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.actions.mapped_input import misfits_of
from advanced_workflow.workflows.engine.agents.messages import is_rejected, refused, told
from advanced_workflow.workflows.engine.agents.shown import shown_call
from advanced_workflow.workflows.engine.agents.stand import Results, Stand
from advanced_workflow.workflows.engine.graph.driver import GraphDriver
from advanced_workflow.workflows.engine.graph.scheduler import Graph, Node, Outcome, Settled
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.engine.monitoring.gen_ai import CALL_ID
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure
from advanced_workflow.workflows.errors import InputInvalid

_MADE = Settled(Outcome.COMPLETED)


class ToolCalls:
    """The calls that the model asks for in one answer."""

    def __init__(self, step: StepContext, agent: Agent, calls: list[ToolCall], frame: Frame, stand: Stand) -> None:
        """`frame` is the pass of the turn; in `stand` it is kept which of them failed."""
        self._step = step
        self._agent = agent
        self._calls = calls
        self._frame = frame
        self._stand = stand

    async def run(self, results: Results) -> list[RawMessage]:
        """Make the calls that have no result yet; gives the messages of all, in their order.

        Raises `StepFailure` where one failed and that is the agent's failure; the others are ended first.
        """
        known = dict.fromkeys((*results, *self._stand.failed), _MADE)
        if len(known) < len(self._calls):
            driver = GraphDriver(
                self._shape(),
                lambda number: self._make(int(number), results),
                starts=self._step.run.budget,
                has_begun=self._has_begun,
            )
            await driver.drive(known)
        for error in self._stand.failed.values():
            raise StepFailure(ErrorInfo.model_validate(error))
        return [results[str(number)] for number in range(len(self._calls))]

    def _shape(self) -> Graph:
        """All at once, or one after the other."""
        names = [str(number) for number in range(len(self._calls))]
        if self._agent.parallel_tool_calls:
            return {name: Node(name, index, (), ()) for index, name in enumerate(names)}
        return {
            name: Node(name, index, tuple(names[max(index - 1, 0) : index]), tuple(names[index + 1 : index + 2]))
            for index, name in enumerate(names)
        }

    def _has_begun(self, number: str) -> bool:
        record = self._step.run.state.records.get(self._frame.prefix + self._key(int(number)))
        return record is not None and record.resumed

    def _key(self, number: int) -> str:
        return f"{self._calls[number].name}#{number}"

    async def _make(self, number: int, results: Results) -> Settled:
        call, run = self._calls[number], self._step.run
        plan = self._step.plan.tools[call.name]
        frame = replace(self._frame, names={**self._frame.names, "call": call.arguments})
        record = run.state.open(self._key(number), plan, frame)
        if record.closed:  # An operator runs the agent again, and this call failed before.
            run.state.reset(record)
        if not record.resumed:
            problems = await misfits_of(self._step, self._schema(plan), call.arguments, f"what {call.name!r} is given")
            if problems:
                results[str(number)] = refused(call, InputInvalid.code, "; ".join(problems))
                run.state.reset(record)
                return _MADE
        record.notes["call"] = shown_call(call, plan.step.input_mapping, self._schema(plan))
        record.cursor[CALL_ID] = call.id
        await run.execute(plan, frame, key=self._key(number))
        error = self._error_that_fails(record)
        if error is not None:
            self._stand.fail_call(str(number), error.model_dump(mode="json", exclude_none=True))
            return _MADE
        results[str(number)] = told(call, record)
        return _MADE

    def _schema(self, plan: StepPlan) -> Schema:
        pinned = (self._step.run.prepared.tools or {}).get(plan.step_id)
        return pinned.parameters if pinned is not None else {}

    def _error_that_fails(self, record: Record) -> ErrorInfo | None:
        """What fails the agent."""
        fails = record.status is StepStatus.FAILED and not is_rejected(record) and self._agent.tool_errors == "fail"
        return record.error if fails else None
