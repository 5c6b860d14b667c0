"""The run's state: step records, variables and counts. Records of passes that have ended are let go after a while."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, Mapping, Set

from advanced_workflow.workflows.contract import ErrorInfo, Json, RunStatus, SkipReason
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.graph.plan import Plan
from advanced_workflow.workflows.engine.graph.step_plan import GraphPlan, StepPlan
from advanced_workflow.workflows.engine.state.audit import Audit
from advanced_workflow.workflows.engine.state.changes import Changes
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.state.record import AGENT, Record
from advanced_workflow.workflows.engine.state.thinking import Thinking
from advanced_workflow.workflows.engine.undo.undo_log import UndoLog

KEPT = 500
"""Records that are still shown of copies and rounds that have ended, the latest ones."""

_SETTLED = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED)


class LiveState:
    """Step records, variables and counts of one run."""

    def __init__(self, plan: Plan, input_data: Json, run_info: Mapping[str, Json]) -> None:
        """Start with the definition's variables, and pending every step that has one place in the run."""
        self.plan = plan
        self.input_data = input_data
        self.run_info = run_info
        self.variables: dict[str, Json] = copy.deepcopy(dict(plan.workflow.global_variables))
        self.thinking = Thinking()
        """What the run's expressions cost."""
        self.status = RunStatus.RUNNING
        self.error: ErrorInfo | None = None
        self.output_error: ErrorInfo | None = None
        """Why the definition's `output` failed, while that holds the run."""
        self.audit = Audit()
        self.records: dict[str, Record] = {}
        self.counts: dict[StepStatus, int] = dict.fromkeys(StepStatus, 0)
        self.active: dict[str, Record] = {}
        self.longest_step = 0.0
        """Seconds."""
        self.turns: dict[str, int] = {}
        """Of agents that will begin again: how many turns they took, by their paths."""
        self.changes = Changes()
        self._ended: deque[str] = deque()
        self._carried: dict[str, list[str]] = {}
        self.records.update((path, Record(step, path)) for path, step in static_steps(plan))
        self.counts[StepStatus.PENDING] = len(self.records)

    def open(self, key: str, plan: StepPlan, frame: Frame) -> Record:
        """Give the record of a step in a pass by its name there, pending if it is new."""
        path = frame.prefix + key
        record = self.records.get(path) or self._new(StepPath(path), plan)
        if frame.opened is not None:
            frame.opened[path] = None
        return record

    def change(self, record: Record, status: StepStatus) -> None:
        """Move a record to a status; counts and the set of active steps follow."""
        self.counts[record.status] -= 1
        self.counts[status] += 1
        record.status = status
        self.changes.note_step(record.plan.step_id)
        if status in (StepStatus.RUNNING, StepStatus.WAITING):
            self.active[record.path] = record
        else:
            self.active.pop(record.path, None)
        if status in _SETTLED:
            self.longest_step = max(self.longest_step, record.seconds)

    def skip(self, record: Record, reason: SkipReason) -> None:
        """Settle a record as skipped."""
        record.skip_reason = reason
        record.waiting_for = None
        self.change(record, StepStatus.SKIPPED)

    def reset(self, record: Record) -> None:
        """Forget how a step ended, so that it can run again."""
        record.forget()
        self.change(record, StepStatus.PENDING)

    def mirror(self, source: Record, target: Record) -> None:
        """Show one record's end under another path."""
        target.take_over(source)
        self.change(target, source.status)

    def end_pass(self, frame: Frame, outer: Frame, *, keep: bool) -> None:
        """A round or copy has ended: its records go, the oldest first, unless expressions may still read them (`keep`).

        Those that are kept go with the pass around it, if that is one of many.
        """
        if keep:
            if outer.opened is not None:
                outer.opened.update(frame.opened or {})
            return
        self._ended.extend(frame.opened or ())
        while len(self._ended) > KEPT:
            self.records.pop(self._ended.popleft(), None)

    def adopt(self, frame: Frame) -> None:
        """A pass continues that began in another history: the records it made there are its own again."""
        if frame.opened is not None:
            frame.opened.update(dict.fromkeys(self._carried.pop(frame.prefix, ())))

    def drop(self, prefix: str) -> None:
        """Let go of the records of a pass that will run again."""
        self._drop({one for one in self.records if one.startswith(prefix)})

    def drop_inside(self, path: StepPath) -> None:
        """Let go of the records of what ran inside of a step that will run as new."""
        self._drop({one.path for one in self.records.values() if one.path.belongs_to(path)})

    def _drop(self, paths: Set[str]) -> None:
        self._ended = deque(one for one in self._ended if one not in paths)
        for path in [one for one in self.records if one in paths]:
            dropped = self.records.pop(path)
            self.note_turns(dropped)
            self.counts[dropped.status] -= 1
            self.active.pop(path, None)
            self.changes.note_step(dropped.plan.step_id)

    def note_turns(self, record: Record) -> None:
        """An agent will begin again: its calls are to be others than those it made, with ids and keys of their own."""
        turn: int = record.cursor.get(AGENT, {}).get("turn", 0)
        if turn:
            self.turns[record.path] = turn

    def reset_failed(self, graph: GraphPlan, frame: Frame) -> None:
        """A pass of a graph runs again: forget what did not complete in it."""
        for step_id, plan in graph.steps.items():
            record = self.open(step_id, plan, frame)
            if record.status is not StepStatus.COMPLETED:
                self.reset(record)

    def locate(self, step_id: str, frame: Frame) -> Record | None:
        """The record that a step's id means in a pass: its own, or that of the pass around it; of a loop the latest round."""
        plan = self.plan.steps.get(step_id)
        if plan is None:
            return None
        prefix = ""
        for container in plan.containers:
            inner = frame.inside.get(container) or self._latest_pass(self.plan.steps[container], prefix + container)
            if inner is None:
                return None
            prefix = inner
        # A step that no round or copy has come to yet has no record of its own: it is pending.
        return self.records.get(prefix + step_id) or Record(plan, StepPath(prefix + step_id))

    def _latest_pass(self, container: StepPlan, path: str) -> str | None:
        if container.step.for_each is not None:
            return None
        record = self.records.get(path)
        if record is not None and record.mirrors is not None:
            record = self.records.get(record.mirrors)
        return f"{record.path}{record.round_key or ''}." if record is not None else f"{path}."

    def find(self, name: str) -> Record | None:
        """The record of a path, or of a step id: at its place in the definition, else where it is running now."""
        record = self.records.get(name)
        if record is None and name in self.plan.steps:
            record = self.records.get(static_path(self.plan.steps[name]))
            return record or next((one for one in self.active.values() if one.plan.step_id == name), None)
        return record

    def runs_often(self, plan: StepPlan) -> bool:
        """Whether a step's id may mean several: its copies, its rounds, or its runs for several owners."""
        around = [self.plan.runnable[one] for one in plan.containers]
        return any(one.repeats for one in around) or any(len(one.owners) > 1 for one in (*around, plan))

    def dump(self) -> dict[str, Json]:
        """As plain data, without the records of passes that have ended."""
        ended = set(self._ended)
        # A step that did not begin is there anyway, unless it is in a round or copy.
        kept = [
            one.dump()
            for path, one in self.records.items()
            if path not in ended and (one.is_told or any(one.path.passes))
        ]
        return {
            "variables": self.variables,
            "status": self.status.value,
            "error": self.error.model_dump(mode="json") if self.error else None,
            **self.audit.dump(),
            "records": kept,
            "counts": {status.value: count for status, count in self.counts.items()},
            "longest_step": self.longest_step,
            "turns": self.turns,
        }

    def load(self, data: Mapping[str, Json]) -> None:
        """Take over what `dump` gave."""
        self.variables = data["variables"]
        self.status = RunStatus(data["status"])
        self.error = ErrorInfo.model_validate(data["error"]) if data["error"] else None
        self.audit.load(data)
        self.longest_step = data["longest_step"]
        self.turns = dict(data.get("turns", {}))
        for one in data["records"]:
            record = Record.load(one, self.plan.runnable)
            self.records[record.path] = record
            for prefix in record.path.passes:
                self._carried.setdefault(prefix, []).append(record.path)
            if record.status in (StepStatus.RUNNING, StepStatus.WAITING):
                self.active[record.path] = record
        self.counts = {StepStatus(status): count for status, count in data["counts"].items()}

    def put(self, record: Record) -> None:
        """Take over a settled record of another run."""
        if record.path in self.records:
            self.counts[StepStatus.PENDING] -= 1
        self.records[record.path] = record
        self.counts[record.status] += 1

    def _new(self, path: StepPath, plan: StepPlan) -> Record:
        record = self.records[path] = Record(plan, path)
        self.counts[StepStatus.PENDING] += 1
        self.changes.note_step(plan.step_id)
        return record


def static_path(plan: StepPlan) -> StepPath:
    """A step's path where nothing around it runs more than once."""
    return StepPath(".".join((*plan.containers, plan.step_id)))


def static_steps(plan: Plan) -> Iterator[tuple[StepPath, StepPlan]]:
    """Every step that has one place in the run, with its path, in definition order."""
    for step in plan.steps.values():
        if not step.containers:
            yield StepPath(step.step_id), step
        elif not any(plan.steps[one].repeats for one in step.containers):
            yield static_path(step), step


def root_frame(log: UndoLog) -> Frame:
    """The pass of the definition's own graph."""
    return Frame(log)
