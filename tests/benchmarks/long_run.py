"""Very long runs of the engine: what memory, time and history each round takes, at the beginning and at the end."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from temporalio import activity
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowFailureError, WorkflowHistory
from temporalio.exceptions import ApplicationError

from advanced_workflow.activities.action.decorator import action
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.workflows.definition.model.retries import RetryPolicy
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.text.load import parse
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import WorkflowFailed
from tests.benchmarks.actions import activity_of
from tests.benchmarks.definitions import Execution
from tests.benchmarks.histories import Handle, histories_of
from tests.benchmarks.measuring import QUEUE, bench_worker
from tests.benchmarks.table import line

Kind = Literal["rounds", "undos"]

HEAD = (
    "| what | histories | most events | MiB at 10, 50, 100 % | s per 1,000, first and last tenth | bytes each, first and last tenth |\n"
    "|---|---|---|---|---|---|"
)
LEGEND = (
    "MiB is the resident memory of the worker's process, which is the caller's too. "
    "Tenths of the bytes are tenths of the histories; what is carried from one to the next counts."
)
ROUND, UNDO, FAIL = "bench.round", "bench.undo", "bench.fail"
_NUMBER = re.compile(r"#(\d+)")
_FIRST, _HALF, _LAST = 0.1, 0.5, 0.9


@dataclass(frozen=True)
class LongRun:
    """A loop over one action, which takes a number and gives a receipt.

    With `undone` each round has an undo action, which needs both, and the run fails in the end.
    """

    rounds: int
    execution: Execution
    undone: bool

    @property
    def name(self) -> str:
        return f"{self.rounds:,} rounds, {self.execution}" + (", each with an undo" if self.undone else "")

    def definition(self) -> AdvancedWorkflow:
        again = WorkflowStep(
            step_id="again",
            step_type=StepType.LOOP,
            action=ROUND,
            execution=self.execution,
            loop_condition=f"iteration < {self.rounds}",
            loop_max_iterations=self.rounds,
            input_mapping={"number": "iteration"},
            rollback_actions=(UNDO,) if self.undone else (),
        )
        fail = WorkflowStep(
            step_id="fail", action=FAIL, dependencies=("again",), retry_policy=RetryPolicy(max_attempts=1)
        )
        return AdvancedWorkflow(
            workflow_id="bench-long", timeout=7 * 86_400, steps=(again, fail) if self.undone else (again,)
        )


@dataclass(frozen=True)
class Moment:
    """Seconds on a clock, and resident memory of this process."""

    seconds: float
    mib: float

    @staticmethod
    def now() -> Moment:
        shown = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, check=True)
        return Moment(time.perf_counter(), int(shown.stdout) / 1024)


@dataclass
class Progress:
    """Takes the time when so many rounds, or undos, have begun."""

    rounds: int
    moments: dict[Kind, dict[float, Moment]] = field(default_factory=lambda: {"rounds": {}, "undos": {}})
    seen: dict[Kind, int] = field(default_factory=lambda: {"rounds": 0, "undos": 0})

    def round(self) -> None:
        self._note("rounds", _number())

    def undo(self) -> None:
        self._note("undos", self.rounds - 1 - _number())

    def _note(self, kind: Kind, number: int) -> None:
        self.seen[kind] += 1
        for share in (0.0, _FIRST, _HALF, _LAST, 1.0):
            if number == min(round(share * self.rounds), self.rounds - 1):
                self.moments[kind].setdefault(share, Moment.now())


@dataclass(frozen=True)
class HistorySize:
    """One history; how many rounds and undos it has."""

    events: int
    bytes: int
    rounds: int
    undos: int


@dataclass(frozen=True)
class Measured:
    """One kind of work of a long run."""

    moments: dict[float, Moment]
    seen: int
    histories: Sequence[HistorySize]
    each: int

    @property
    def most_events(self) -> int:
        return max(one.events for one in self.histories)

    @property
    def mib(self) -> tuple[float, float, float]:
        """At 10, 50 and 100 %."""
        return self.moments[_FIRST].mib, self.moments[_HALF].mib, self.moments[1.0].mib

    @property
    def seconds_per_thousand(self) -> tuple[float, float]:
        """Of the first tenth, and of the last."""
        at = {share: moment.seconds for share, moment in self.moments.items()}
        return tuple((at[end] - at[begin]) * 10_000 / self.each for begin, end in ((0.0, _FIRST), (_LAST, 1.0)))  # pyright: ignore[reportReturnType]

    @property
    def bytes_each(self) -> tuple[float, float]:
        """Of the first tenth of the histories, and of the last, without the very last one: it ends with the report."""
        histories = self.histories[:-1] or self.histories
        count = max(1, len(histories) // 10)
        return tuple(
            sum(one.bytes for one in part) / sum(one.rounds + one.undos for one in part)
            for part in (histories[:count], histories[-count:])
        )  # pyright: ignore[reportReturnType]


def long_runs(rounds: int) -> list[LongRun]:
    """So many rounds of local steps, and a twentieth of it of regular ones; each without and with undos."""
    kinds: list[tuple[Execution, int]] = [("regular", rounds // 20), ("local", rounds)]
    return [LongRun(count, execution, undone) for undone in (False, True) for execution, count in kinds]


async def measure_long(client: Client, run: LongRun) -> dict[Kind, Measured]:
    """Run it to its end; gives the figures of its rounds and, where they were undone, of its undos."""
    progress = Progress(run.rounds)
    definition = run.definition()
    loaded = {definition.workflow_id: parse(definition.model_dump_json(exclude_defaults=True))}
    async with bench_worker(client, loaded, actions=_actions(progress)):
        handle: Handle = await client.start_workflow(
            definition.workflow_id, args=[None], id=f"long-{uuid4().hex}", task_queue=QUEUE
        )
        await _end_of(handle, run)
    sizes = [_size(history, size) async for history, size in histories_of(client, handle)]
    # The history in which the run failed has both; it counts only where there is no other.
    parts: dict[Kind, list[HistorySize]] = {
        "rounds": [one for one in sizes if not one.undos] or sizes,
        "undos": [one for one in sizes if not one.rounds] or sizes,
    }
    kinds: list[Kind] = ["rounds", "undos"] if run.undone else ["rounds"]
    return {kind: Measured(progress.moments[kind], progress.seen[kind], parts[kind], run.rounds) for kind in kinds}


async def _end_of(handle: Handle, run: LongRun) -> None:
    try:
        await handle.result()
    except WorkflowFailureError as error:
        # Where something was not undone the type is another.
        if not run.undone or not isinstance(error.cause, ApplicationError) or error.cause.type != WorkflowFailed.code:
            raise


def row(run: LongRun, kind: Kind, measured: Measured) -> str:
    """One line of the table."""
    cells = [
        run.name if kind == "rounds" else f"their {run.rounds:,} undos",
        str(len(measured.histories)),
        f"{measured.most_events:,}",
        ", ".join(f"{one:.0f}" for one in measured.mib),
        ", ".join(f"{one:.1f}" for one in measured.seconds_per_thousand),
        ", ".join(f"{one:,.0f}" for one in measured.bytes_each),
    ]
    return line(cells)


def _actions(progress: Progress) -> list[Any]:
    @action(name=ROUND)
    async def round(number: int) -> dict[str, str]:
        progress.round()
        return {"receipt": hashlib.sha256(str(number).encode()).hexdigest()[:12]}

    @action(name=UNDO)
    async def undo(given: dict[str, Any]) -> None:
        progress.undo()

    @action(name=FAIL)
    async def fail() -> None:
        raise ActionError("as planned", type="AsPlanned", retryable=False)

    return [activity_of(one) for one in (round, undo, fail)]


def _number() -> int:
    found = _NUMBER.search(activity.info().activity_id)
    assert found is not None
    return int(found[1])


def _size(history: WorkflowHistory, size: int) -> HistorySize:
    called = [_action_in(event) for event in history.events]
    return HistorySize(len(history.events), size, called.count(ROUND), called.count(UNDO))


def _action_in(event: HistoryEvent) -> str | None:
    """The action that an event schedules, or notes as a local one."""
    if event.HasField("activity_task_scheduled_event_attributes"):
        return event.activity_task_scheduled_event_attributes.activity_type.name
    if event.HasField("marker_recorded_event_attributes"):
        noted = event.marker_recorded_event_attributes.details["data"].payloads[0].data
        return json.loads(noted)["activity_type"]
    return None
