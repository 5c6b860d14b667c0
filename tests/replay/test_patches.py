"""A change of the engine as a later release might bring it: runs of a definition that comes with them rest before they begin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowHistory
from temporalio.common import RawValue
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.engine.run.workflow_types import EngineWorkflow
from advanced_workflow.workflows.engine.temporal.interceptor import EngineInterceptor
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched, settled
from tests.harness import Harness, definition, outcome_of
from tests.replay.fresh import read_history
from tests.replay.record import HISTORIES

REST_FIRST = cast("Patch", "trial-rest-first")


class _Rests(EngineWorkflow):
    @workflow.init
    def __init__(self, args: Sequence[RawValue]) -> None:
        super().__init__(args)

    async def rest(self) -> None:
        await workflow.sleep(0.001)


@workflow.defn(dynamic=True, sandboxed=False)
class Careless(_Rests):
    @workflow.init
    def __init__(self, args: Sequence[RawValue]) -> None:
        super().__init__(args)

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> Json:
        await self.rest()
        return await super().run(args)


@workflow.defn(dynamic=True, sandboxed=False)
class Patched(_Rests):
    @workflow.init
    def __init__(self, args: Sequence[RawValue]) -> None:
        super().__init__(args)

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> Json:
        if patched(REST_FIRST):
            await self.rest()
        return await super().run(args)


@workflow.defn(dynamic=True, sandboxed=False)
class Settled(_Rests):
    @workflow.init
    def __init__(self, args: Sequence[RawValue]) -> None:
        super().__init__(args)

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> Json:
        settled(REST_FIRST)
        await self.rest()
        return await super().run(args)


async def test_an_old_history_replays_on_a_changed_engine_only_with_a_patch() -> None:
    old = read_history(HISTORIES / "wait_seconds.json")

    assert await replays_on(Patched, old)
    assert not await replays_on(Careless, old)
    assert not await replays_on(Settled, old), "the old way is gone"


async def test_a_new_run_takes_the_new_way_and_its_history_outlives_the_question(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.harness.WORKFLOWS", [Patched])
    harness = Harness(client)
    async with harness.worker({"work": nothing}):
        outcome = await outcome_of(await harness.start(definition({"step_id": "work"})))
    [new] = await harness.histories()

    assert outcome.failure is None, outcome.message
    timers = [event for event in new.events if event.HasField("timer_started_event_attributes")]
    assert len(timers) == 2, "the rest, and the run's own deadline"
    assert await replays_on(Patched, new)
    assert await replays_on(Settled, new)
    assert not await replays_on(EngineWorkflow, new)


def nothing() -> None: ...


async def replays_on(engine: type, history: WorkflowHistory) -> bool:
    replayer = Replayer(
        workflows=[engine], workflow_runner=UnsandboxedWorkflowRunner(), interceptors=[EngineInterceptor()]
    )
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return result.replay_failure is None
