"""Where random definitions run: actions that do as the script says and note when, and the people who act on a run meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity

from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.errors import OperationRefused, WorkflowError
from tests.engine.cases import Case
from tests.engine.deeds import act, begin_undo, end_undo
from tests.engine.script import place_of, root_of
from tests.harness import Harness, Outcome, outcome_of
from tests.patience import PATIENCE_SECONDS, TooSlow, require_in_time

_LOOK_SECONDS = 0.3
"""How often an operator looks whether the run is held."""


@asynccontextmanager
async def arena(harness: Harness, **options: Any) -> AsyncGenerator[Actions, None]:
    """A worker with the recording actions, and what else it is given; every history is replayed at the end."""
    actions = Actions(harness)

    async def do() -> None:
        await actions.do()

    async def undo(undo: dict[str, Any]) -> None:
        await actions.undo(undo["step_id"])

    async with harness.worker({"do": do, "undo": undo}, **options):
        yield actions
    await harness.replay()


@dataclass
class Recorded:
    """What one run's actions did: when each first began and ended, as positions in one sequence."""

    case: Case
    began: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    undo_began: dict[str, int] = field(default_factory=dict)
    undo_ended: dict[str, int] = field(default_factory=dict)
    eras: Counter[str] = field(default_factory=Counter)
    """How often an operator ran an outermost step again."""
    latest: dict[str, int] = field(default_factory=dict)
    """When a step was done last."""
    latest_undo: dict[str, int] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    """What was called once more than there are attempts."""
    lost: set[str] = field(default_factory=set)
    """Steps of which an attempt may have been lost with its worker: whatever a later one says, the effect is not known."""
    cancelled: bool = False
    count: int = 0
    _has_begun: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, where: dict[str, int], path: str, *, again: bool = False) -> None:
        if path in where and not again:
            self.twice.append(path)  # An exception here would only have the action tried again.
        self.count += 1
        where.setdefault(path, self.count)
        self._has_begun.set()

    def note_done(self, path: str) -> None:
        self.note(self.done, path, again=True)
        self.latest[path] = self.count

    def note_undone(self, path: str, *, again: bool) -> None:
        self.note(self.undo_ended, path, again=again)
        self.latest_undo[path] = self.count

    async def have_begun(self, count: int) -> None:
        """Wait until so many actions have begun."""
        while len(self.began) < count:
            self._has_begun.clear()
            await self._has_begun.wait()


@dataclass
class Actions:
    harness: Harness
    runs: dict[str, Recorded] = field(default_factory=dict)
    longest_run_seconds: float = 2 * PATIENCE_SECONDS

    async def run(self, case: Case, name: str, **more: Any) -> tuple[Recorded, Outcome]:
        """Run a case, with `more` in its definition, to its end."""
        recorded = self.recorded(case, name)
        async with asyncio.timeout(self.longest_run_seconds):
            run = await self.harness.start(
                {**case.definition, **more}, case.input_data, id=f"{name}-{self.harness.task_queue}"
            )
            people = [asyncio.ensure_future(one) for one in people_of(run, recorded)]
            try:
                return recorded, await outcome_of(run)
            finally:
                for one in people:
                    one.cancel()
                await asyncio.gather(*people, return_exceptions=True)

    async def proves(self, name: str) -> bool:
        """Whether what a run did proves anything: no attempt took longer than its time that was to answer, as on a slow machine."""
        handles = [one for one in self.harness.handles if one.id == f"{name}-{self.harness.task_queue}"]
        try:
            require_in_time(await Harness(self.harness.client, handles=handles).histories())
        except TooSlow:
            return False
        return True

    async def do(self) -> None:
        recorded, path, again = self._where()
        attempt, era = activity.info().attempt, recorded.eras[root_of(path)]
        outcome = recorded.case.script.at(path, era)
        recorded.note(recorded.began, path, again=again)
        await act(outcome, attempt)
        recorded.note_done(path)

    async def undo(self, step_id: str) -> None:
        recorded, path, again = self._where()
        path, script = path.removesuffix(".rollback[0]"), recorded.case.script
        recorded.note(recorded.undo_began, path, again=again)
        await begin_undo(script, step_id, activity.info().attempt)
        recorded.note_undone(path, again=again)
        end_undo(script, step_id)

    def recorded(self, case: Case, name: str) -> Recorded:
        """What a run's actions will do, or did."""
        return self.runs.setdefault(f"{name}-{self.harness.task_queue}", Recorded(case))

    def _where(self) -> tuple[Recorded, str, bool]:
        """The run that this call is for, its path there, and whether there may have been one before."""
        info = activity.info()
        root, before = place_of(info.workflow_id or "")
        recorded = self.runs[root]
        tried = info.attempt > 1 or "~" in (info.workflow_id or "")
        return recorded, before + info.activity_id, tried or bool(recorded.eras)


def people_of(run: Run, recorded: Recorded) -> list[Any]:
    """What those do who act on the run, until it ends."""
    conduct, people = recorded.case.conduct, list[Any]()
    if conduct.pauses:
        people.append(pause_now_and_then(run, recorded, conduct.pauses))
    if conduct.cancel is not None:
        people.append(cancel(run, recorded, conduct.cancel))
    if recorded.case.script.has_operator:
        people.append(operate(run, recorded))
    return people


async def pause_now_and_then(run: Run, recorded: Recorded, moments: tuple[int, ...]) -> None:
    """Pause at these moments, for as long as a few workflow tasks take."""
    for moment in moments:
        await recorded.have_begun(moment)
        with contextlib.suppress(WorkflowError, TimeoutError):  # It is ending, or no answer came in time.
            await run.pause("wait", by="op")
        await asyncio.sleep(_LOOK_SECONDS)
        with contextlib.suppress(OperationRefused):  # It was not paused.
            await run.resume("on", by="op")


async def cancel(run: Run, recorded: Recorded, moment: int) -> None:
    await recorded.have_begun(moment)
    recorded.cancelled = True
    await run.cancel()


async def operate(run: Run, recorded: Recorded) -> None:
    """Do what the script says to each step that holds the run."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        with contextlib.suppress(WorkflowError, TimeoutError):  # It has not begun, or has just ended.
            for one in (await run.state(include_data=False)).steps:
                if one.waiting_for is not None and "an operator" in one.waiting_for:
                    await decide(run, recorded, one.path)


async def decide(run: Run, recorded: Recorded, path: str) -> None:
    match act := recorded.case.script.act(path, recorded.eras[path]):
        case "retry":
            recorded.eras[path] += 1
            await run.retry_step(path, "again", by="op")
        case "cancel":
            recorded.cancelled = True
            await run.cancel()
        case _:
            given: dict[str, Any] = {"output": {"by": "hand"}} if act == "skip with output" else {}
            await run.skip_step(path, "done by hand", by="op", **given)
