"""Local activities that end while a query is answered: the run hears of them in the order that its history has."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from advanced_workflow.client.runs import Run
from advanced_workflow.client.serve.recorded import ReadsEnds
from advanced_workflow.workflows.engine.temporal import runner
from advanced_workflow.workflows.engine.temporal.in_order import UNKNOWN_ORDER, InOrder
from tests.harness import Harness, definition, eventually, outcome_of
from tests.patience import PATIENCE_SECONDS

BRANCHES = definition(
    {"step_id": "start"},
    {"step_id": "first", "dependencies": ["start"], "execution": "local"},
    {"step_id": "opens"},
    {"step_id": "local", "dependencies": ["opens"], "execution": "local"},
    {"step_id": "after_local", "dependencies": ["local"]},
    {"step_id": "meanwhile"},
    {"step_id": "after_meanwhile", "dependencies": ["meanwhile"]},
)
HELD = ("first", "opens", "local", "meanwhile")


class Slow(InOrder):
    """Answers a query when it may."""

    asked = threading.Event()
    may_answer = threading.Event()

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        if any(job.query_workflow.query_type == "state" for job in act.jobs):
            self.asked.set()
            self.may_answer.wait(30)
        return super().activate(act)


class Steps:
    """Actions of which some wait until they may end."""

    def __init__(self) -> None:
        self.begun: set[str] = set()
        self.ended: set[str] = set()
        self.go = {name: asyncio.Event() for name in HELD}

    def action(self, name: str) -> Callable[[], object]:
        async def act() -> None:
            self.begun.add(name)
            if name in self.go:
                await self.go[name].wait()
            self.ended.add(name)

        return act

    async def end(self, run: Run, name: str) -> None:
        """Let it end, and wait until the server, or for a local one the worker, knows."""
        await eventually(lambda: name in self.begun)
        self.go[name].set()
        await eventually(lambda: name in self.ended)

        async def is_known() -> bool:
            pending = (await run.handle.describe()).raw_description.pending_activities
            return name not in {one.activity_id for one in pending}

        await eventually(is_known)


@pytest.mark.parametrize("readable", [True, False])
async def test_a_local_end_that_is_recorded_with_a_querys_answer_is_heard_before_what_came_meanwhile(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    """While `first` keeps a task open, a query and the end of `opens` wait for the next, which starts `local`."""
    steps = Steps()
    Slow.asked.clear()
    Slow.may_answer.clear()
    monkeypatch.setattr(runner, "InOrder", Slow)
    if not readable:
        monkeypatch.setattr(ReadsEnds, "__call__", lambda *_: None)
    actions = {step["step_id"]: steps.action(step["step_id"]) for step in BRANCHES["steps"]}
    async with harness.worker(actions):
        run = await harness.start(BRANCHES)
        await eventually(lambda: {"first", "opens", "meanwhile"} <= steps.begun)
        asked = asyncio.create_task(run.state())
        await steps.end(run, "opens")
        await steps.end(run, "first")
        await asyncio.to_thread(Slow.asked.wait, PATIENCE_SECONDS)
        await steps.end(run, "local")
        await steps.end(run, "meanwhile")
        Slow.may_answer.set()
        await asked
        await outcome_of(run)
    (history,) = await harness.histories()
    failures = [one.workflow_task_failed_event_attributes.failure for one in history.events]
    assert (UNKNOWN_ORDER in {one.application_failure_info.type for one in failures}) != readable
    scheduled = [one.activity_task_scheduled_event_attributes.activity_id for one in history.events]
    assert scheduled.index("after_local") < scheduled.index("after_meanwhile")
