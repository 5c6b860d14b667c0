"""What an orchestrator runs: each subtask, analysis and question is a step in a pass of its own, which is undone by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from advanced_workflow.workflows.contract import Json, ToolCall
from advanced_workflow.workflows.contract.paths import copy_key
from advanced_workflow.workflows.definition.kinds.orchestrator import APPROVAL, REACT, Orchestrator
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.actions.mapped_input import APPROVED, ARGUMENTS, misfits_of
from advanced_workflow.workflows.engine.agents.shown import shown_call
from advanced_workflow.workflows.engine.agents.stand import BEFORE, Stand
from advanced_workflow.workflows.engine.containers.tolerated import settle_tolerated
from advanced_workflow.workflows.engine.graph.driver import GraphDriver
from advanced_workflow.workflows.engine.graph.scheduler import Graph, Node, Outcome, Settled
from advanced_workflow.workflows.engine.orchestration.plans import Schemas
from advanced_workflow.workflows.engine.orchestration.state import (
    COMPLETED,
    DEGRADED,
    ENDED,
    FAILED,
    RUNNING,
    EnterpriseWorkflowState,
    Subtask,
    next_pass,
    note,
    show,
)
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.state.scope import scope_of
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.undo.backwards import Part
from advanced_workflow.workflows.errors import InputInvalid
from advanced_workflow.workflows.expressions import compile_mapping, compile_test

_PLAN_ROOTS = frozenset({"input", "steps"})
"""What the expressions of a plan see: the task, and what other subtasks gave."""


class Work:
    """Runs the parts of one orchestrator."""

    def __init__(self, step: StepContext, made: Orchestrator, state: EnterpriseWorkflowState) -> None:
        """What runs is noted in the state before it begins."""
        self.step = step
        self.made = made
        self.state = state
        self._passes = step.frame.undo.passes(step.key)
        self._frames: dict[int, Frame] = {}

    @property
    def schemas(self) -> Schemas:
        """What the workers take, as it was pinned when the run was prepared."""
        pinned, own = self.step.run.prepared.tools or {}, self.step.plan.tools
        return {name: pinned[own[name].step_id] for name in self.made.labels if own[name].step_id in pinned}

    async def run_all(self, ids: Iterable[str]) -> None:
        """Run subtasks, each once those that it needs have completed; one that fails keeps those that need it from beginning."""
        chosen = [one for one in ids if self.state["subtasks"][one]["status"] not in (COMPLETED, DEGRADED, FAILED)]
        if chosen:
            driver = GraphDriver(
                self._shape(chosen), self._settle, starts=self.step.run.budget, has_begun=self._has_begun
            )
            await driver.drive()

    def _shape(self, ids: list[str]) -> Graph:
        needs = {
            id: tuple(one for one in self.state["subtasks"][id].get("needs", ()) if one in ids and one != id)
            for id in ids
        }
        needed_by = {id: tuple(one for one in ids if id in needs[one]) for id in ids}
        return {id: Node(id, index, needs[id], needed_by[id]) for index, id in enumerate(ids)}

    def _has_begun(self, id: str) -> bool:
        subtask = self.state["subtasks"][id]
        path = f"{self._prefix(subtask.get('pass', -1))}{subtask['worker']}"
        record = self.step.run.state.records.get(path)
        return record is not None and record.resumed

    async def _settle(self, id: str) -> Settled:
        subtask = self.state["subtasks"][id]
        if self._lacks(subtask) and patched(Patch.RULES_4):  # It is left for when what it needs is done in another way.
            return Settled(Outcome.SKIPPED)
        await self.do(subtask)
        return Settled(Outcome.FAILED if subtask["status"] == FAILED else Outcome.COMPLETED)

    def _lacks(self, subtask: Subtask) -> bool:
        """Whether something that it needs has not ended well. A step of a definition may follow one that did; a subtask needs all."""
        subtasks = self.state["subtasks"]
        return any(subtasks[one]["status"] not in ENDED for one in subtask.get("needs", ()) if one in subtasks)

    async def do(self, subtask: Subtask) -> None:
        """Run one subtask; its end is noted, whatever it is."""
        try:
            if "arguments" not in subtask:
                await self.prepare(subtask)
            record = await self.run(subtask["worker"], subtask["arguments"], subtask)
        except StepFailure as failure:  # It was not even begun.
            self._fail(subtask, failure.error.type, failure.error.message)
            return
        if record.status is StepStatus.FAILED:
            error = record.error
            self._fail(subtask, error.type if error else "Failed", error.message if error else "it failed.")
            return
        gave = record.status is StepStatus.COMPLETED or record.has_output
        subtask["status"] = COMPLETED if gave else DEGRADED
        self.state["results"][subtask["id"]] = record.output if gave else None
        if not gave:
            self.state["degraded"].append(subtask["id"])
        show(self.step.record, self.state)

    def _fail(self, subtask: Subtask, code: str, message: str) -> None:
        subtask["status"], subtask["error"] = FAILED, {"type": code, "message": message}
        show(self.step.record, self.state)

    async def prepare(self, subtask: Subtask) -> None:
        """Work out what a subtask is given. Raises `StepFailure`."""
        with self.step.reading(f"subtask {subtask['id']!r}"):
            mapping = compile_mapping(subtask.get("input_mapping", {}), _PLAN_ROOTS)
            arguments = {**subtask.get("input", {}), **mapping.evaluate(self._plan_scope())}
            if subtask["worker"] == REACT:
                arguments = {"task": self.state["context"]["task"], "results": self.state["results"]}
            schema = self.schemas.get(subtask["worker"])
            if schema is not None:
                what = f"what {subtask['worker']!r} is given"
                problems = await misfits_of(self.step, schema.parameters, arguments, what)
                if problems:
                    raise InputInvalid("; ".join(problems))
            subtask["arguments"] = arguments

    def fix(self, subtask: Subtask) -> Json:
        """What a subtask is given for certain, with all that its worker's mapping binds. Raises `StepFailure`."""
        plan = self.step.plan.tools[subtask["worker"]]
        if "exact" not in subtask:
            with self.step.reading(f"subtask {subtask['id']!r}, input_mapping"):
                scope = self.step.scope(call=subtask["arguments"], **self._names())
                bound: dict[str, Json] = {} if plan.input is None else plan.input.evaluate(scope)
            subtask["exact"] = {**subtask["arguments"], **bound}
        return subtask["exact"]

    def holds(self, subtask: Subtask) -> bool:
        """Whether the tests about a subtask say that it is done. Raises `StepFailure`."""
        with self.step.reading(f"subtask {subtask['id']!r}, when"):
            own = subtask.get("when")
            if own is not None and not compile_test(own, _PLAN_ROOTS).holds(self._plan_scope()):
                return False
            plan = self.step.plan.tools[subtask["worker"]]
            names = {"call": subtask.get("input", {}), **self._names()}
            return plan.when is None or plan.when.holds(self.step.scope(**names))

    def _plan_scope(self) -> dict[str, Json]:
        state = self.state
        seen = {
            id: {"status": one["status"], **({"output": state["results"][id]} if id in state["results"] else {})}
            for id, one in state["subtasks"].items()
        }
        return scope_of(self.step.run.state, self.step.frame, input=state["context"]["task"], steps=seen)

    def _names(self) -> dict[str, Json]:
        return {"task": self.state["context"]["task"], "results": self.state["results"]}

    async def run(self, label: str, arguments: Json, noted: dict[str, Json]) -> Record:
        """Run one of the orchestrator's steps to its end in a pass of its own, whose number is `noted`."""
        run, plan = self.step.run, self.step.plan.tools[label]
        if "pass" not in noted:
            noted["pass"] = next_pass(self.state)
            self._count(label, noted)
        frame = self._frame(noted["pass"], {"call": arguments, **self._names()})
        record = run.state.open(label, plan, frame)
        if not record.closed:
            self._describe(record, label, arguments, noted)
            await run.execute(plan, frame, key=label)
        self._spend(record)
        return record

    def _count(self, label: str, noted: dict[str, Json]) -> None:
        if label not in self.made.labels and label != REACT:
            return
        noted["status"] = RUNNING
        budget = self.state["budget"]
        budget["steps"] += 1
        used: dict[str, int] = budget.setdefault("used", {})
        used[label] = used.get(label, 0) + 1
        self.state["rollback_points"].append({"subtask": noted["id"], "pass": noted["pass"]})
        show(self.step.record, self.state)

    def _describe(self, record: Record, label: str, arguments: Json, noted: dict[str, Json]) -> None:
        if label == APPROVAL:
            return
        schema = self.schemas.get(label)
        call = ToolCall(id=str(noted.get("id", label)), name=label, arguments=cast("dict[str, Json]", arguments))
        of_agent = self.step.plan.tools[label].step.agent is not None and label not in self.made.labels
        bound = self.step.plan.tools[label].step.input_mapping
        shown = label if of_agent else shown_call(call, bound, schema.parameters if schema is not None else {})
        record.notes["call"] = shown
        record.cursor["call_id"] = call.id
        if noted.get("approved"):  # It is made as it was approved, and nobody is asked again.
            record.cursor.update({ARGUMENTS: noted["exact"], APPROVED: True})
        if of_agent:  # Its limits are those of the orchestrator, less what was spent already.
            budget = self.state["budget"]
            before = {name: budget[name] for name in ("tokens", "cost")}
            record.cursor.setdefault(BEFORE, {**before, "used": dict(budget.get("used", {}))})

    def _spend(self, record: Record) -> None:
        """Count what an agent of the orchestrator's own took; those that are workers have limits of their own."""
        label = record.path.name
        spent: Mapping[str, Json] = record.notes.get("agent", {})
        if label in self.made.labels or not spent or record.cursor.get("counted"):
            return
        record.cursor["counted"] = True
        budget = self.state["budget"]
        budget["tokens"] += spent["tokens"]
        budget["cost"] = round(budget["cost"] + spent.get("cost", 0), 6)
        budget["priced"] = budget["priced"] and "cost" in spent
        budget.setdefault("used", {}).update(Stand(record).all_used)  # What was used before it began is in there.

    def _prefix(self, number: int) -> str:
        return f"{self.step.path}{copy_key(number)}."

    def _frame(self, number: int, names: Mapping[str, Json]) -> Frame:
        key = copy_key(number)
        undo = self._passes.begin(key)
        frame = self.step.frame.repeated(self.step.plan.step_id, f"{self.step.key}{key}", undo, names)
        if number not in self._frames:
            self.step.run.state.adopt(frame)
        opened = self._frames.get(number)
        if opened is not None and opened.opened is not None and frame.opened is not None:
            frame.opened.update(opened.opened)
        self._frames[number] = frame
        return frame

    async def undo(self, subtask: Subtask) -> None:
        """Undo what a subtask did, before anything else is done about it. Raises `StepFailure` where that fails."""
        if "pass" not in subtask:
            return
        part = Part(self.step.plan, self._passes, (copy_key(subtask["pass"]),))
        if not part.is_done:
            note(self.state, "undo", subtask=subtask["id"], path=self._prefix(subtask["pass"]) + subtask["worker"])
        await settle_tolerated(self.step, part, {})

    def keep_all(self) -> None:
        """The orchestrator is over: what was done stands, in the order in which it began."""
        for key in list(self._passes.running):
            self.step.run.saga.end_pass(self._passes, key)

    def end(self) -> None:
        """What is shown of its subtasks goes with the pass around it."""
        for frame in self._frames.values():
            self.step.run.state.end_pass(frame, self.step.frame, keep=True)
