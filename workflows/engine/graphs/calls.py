"""The calls of a graph's nodes: each is a step with a pass of its own, so that the latest is undone first."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any, cast

from advanced_workflow.workflows.contract import ErrorInfo, Json
from advanced_workflow.workflows.contract.paths import copy_key
from advanced_workflow.workflows.definition.kinds.orchestrator import APPROVAL
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.definition.problems.places import listed, nearest, shorten
from advanced_workflow.workflows.engine.graph.driver import end_all
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.engine.graphs.adapter import to_its_end
from advanced_workflow.workflows.engine.graphs.context import GraphCallFailed
from advanced_workflow.workflows.engine.graphs.library import langgraph
from advanced_workflow.workflows.engine.graphs.memory import Entry, Memory
from advanced_workflow.workflows.engine.graphs.values import as_json
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure
from advanced_workflow.workflows.errors import ApprovalRejected, ApprovalTimeout, DataInvalid, WorkflowFailed
from advanced_workflow.workflows.plain.strict_json import encode

UNKNOWN_WORKER = "UnknownWorker"
_OWN_CODES = (ApprovalRejected.code, ApprovalTimeout.code)
_LONGEST_VALUE, _LONGEST = 40, 120


class NodeRun:
    """One run of a node: its calls are counted, in each namespace by themselves."""

    def __init__(self) -> None:
        """No call was made yet."""
        self._counts: dict[str, Iterator[int]] = {}

    def next(self, task: str) -> int:
        """The number of the next call there."""
        return next(self._counts.setdefault(task, itertools.count()))


NODE: ContextVar[NodeRun | None] = ContextVar("adw_node", default=None)
"""The run of a node whose code runs now."""


class Calls:
    """Makes the calls of the nodes of one graph."""

    def __init__(self, step: StepContext, memory: Memory, task: Json) -> None:
        """`task` is what expressions of the workers see under that name."""
        self._step = step
        self._memory = memory
        self._task = task
        self._config: Any = langgraph("langgraph.config").get_config
        self.fault: Exception | None = None
        """What ends the step whatever the graph makes of it: a fault of the engine, or a node that is not deterministic."""
        self._open: dict[asyncio.Task[Json], None] = {}
        """In the order in which they were made."""
        self._over = False

    async def make(self, worker: str, arguments: Mapping[str, Any]) -> Json:
        """A call that a node asks for; one that was made before gives what it gave then. Raises `GraphCallFailed`."""
        node = NODE.get()
        if node is None:
            raise GraphCallFailed(
                "CallRefused", "calls are made by nodes; a route or a function outside of nodes makes none."
            )
        if self._over:
            raise GraphCallFailed("CallRefused", "the graph has ended; a node awaits what makes calls.")
        task: str = self._config()["configurable"]["checkpoint_ns"]
        call = asyncio.ensure_future(self._make(task, node.next(task), worker, arguments))
        self._open[call] = None
        call.add_done_callback(self._open.pop)
        return await to_its_end(call)

    async def left(self) -> None:
        """Await the calls that nodes began and did not await. Raises what they raise, as nobody else will hear of it."""
        while self._open:
            await to_its_end(next(iter(self._open)))

    async def end(self) -> None:
        """End the calls that are left: the graph has ended, and no call outlives it."""
        self._over = True
        await end_all(list(self._open))

    async def ask(self, interrupt: str, question: Json) -> Json:
        """What people answer to an `interrupt()`. Raises `StepFailure`."""
        asked = self._memory.asking(interrupt)
        if "answer" in asked:
            return asked["answer"]
        record = await self._run(
            asked["number"], self._step.plan.tools[APPROVAL], {"question": question}, "", again=False
        )
        if record.error is not None:
            code = record.error.type
            run_code = code if code in _OWN_CODES else WorkflowFailed.code
            raise StepFailure(record.error.model_copy(), run_code=run_code)
        said = cast("dict[str, Json]", record.output if isinstance(record.output, dict) else {})
        asked["answer"] = {name: copy.deepcopy(value) for name, value in said.items() if name != "decisions"}
        return asked["answer"]

    async def _make(self, task: str, number: int, worker: str, arguments: Mapping[str, Any]) -> Json:
        try:
            value = as_json(arguments, f"what {worker!r} is given")
        except DataInvalid as error:
            raise GraphCallFailed(error.code, str(error)) from None
        plan = self._step.plan.tools.get(worker)
        if plan is None:
            known = [name for name in self._step.plan.tools if name != APPROVAL]
            fix = nearest(worker, known) or f"It has: {listed(known) or 'none'}."
            raise GraphCallFailed(UNKNOWN_WORKER, f"the step has no worker {worker!r}. {fix} Add it to 'workers'.")
        try:
            entry = self._memory.call(task, number, worker, value, _shown(worker, value))
            if "end" not in entry:
                again: bool = entry.pop("again", False)
                record = await self._run(entry["number"], plan, value, self._note(task, entry), again=again)
                entry["end"] = _end(record)
        except Exception as error:
            self.fault = self.fault or error
            raise
        return _given(entry["end"])

    def _note(self, task: str, entry: Entry) -> str:
        return f"{task.rpartition('|')[2].partition(':')[0]}: {entry['shown']}"

    async def _run(self, number: int, plan: StepPlan, value: Json, note: str, *, again: bool) -> Record:
        """Run the step that a call is, in a pass of its own."""
        step, run, key = self._step, self._step.run, copy_key(number)
        passes = step.frame.undo.passes(step.key)
        if again:
            passes.take_back({key})
        names: dict[str, Json] = {"call": value, "task": self._task, "results": {}}
        frame = step.frame.repeated(step.plan.step_id, f"{step.key}{key}", passes.begin(key), names)
        run.state.adopt(frame)
        name = plan.step.label
        record = run.state.open(name, plan, frame)
        if record.closed:
            run.state.reset(record)
        if note:
            record.notes["call"] = shorten(note, _LONGEST)
            record.cursor["call_id"] = str(number)
        try:
            while not record.resumed and not run.budget.may_start():
                await run.budget.room()
            await run.execute(plan, frame, key=name)
        finally:
            run.saga.end_pass(passes, key)
            run.state.end_pass(frame, step.frame, keep=False)
        return record


def _end(record: Record) -> dict[str, Json]:
    if record.status is StepStatus.FAILED and record.error is not None:
        return {"error": record.error.model_dump(mode="json")}
    return {"output": copy.deepcopy(record.output) if record.has_output else None}


def _given(end: dict[str, Json]) -> Json:
    if "error" in end:
        error = ErrorInfo.model_validate(end["error"])
        raise GraphCallFailed(error.type, error.message, error.details)
    return copy.deepcopy(end["output"])


def _shown(worker: str, value: Json) -> str:
    given = cast("dict[str, Json]", value if isinstance(value, dict) else {})
    parts = [f"{name}={shorten(_text(one), _LONGEST_VALUE)}" for name, one in given.items()]
    return shorten(f"{worker}({', '.join(parts)})", _LONGEST)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else encode(value, "an argument").decode()


async def asked_at_once(calls: Calls, questions: list[tuple[str, Json]]) -> list[Json]:
    """The answers to all questions. Raises the first `StepFailure` in their order; the others are ended first."""
    asking = [asyncio.ensure_future(calls.ask(interrupt, question)) for interrupt, question in questions]
    try:
        return [await one for one in asking]
    finally:
        await end_all([one for one in asking if not one.done()])
