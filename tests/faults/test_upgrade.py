"""Runs wait while the worker is deployed again and again: each moves to the current build, and nothing is stuck or lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from temporalio.client import Client

from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.dev.server_settings import PROMPT
from advanced_workflow.client.runs import Run
from tests.faults.fleet import DRAINED_AT_ONCE, PATIENCE, Fleet, FleetHere, FleetOfProcesses
from tests.harness import Definition, Harness, definition, eventually, outcome_of

BEFORE = {"step_id": "before", "action": "steady.make", "input_mapping": {"value": 1}, "rollback_actions": []}
AFTER = {"step_id": "after", "action": "steady.make", "input_mapping": {"value": 2}, "dependencies": ["stop"]}
STOP = {"step_id": "stop", "dependencies": ["before"]}
ASK = {**STOP, "step_type": "human_approval", "approval": {"prompt": "Go on?", "approvers": ["olga"]}}
CHILD = definition({**ASK, "dependencies": []}, workflow_id="upgrade-child", name="Child")
LONG = 30 * 86_400.0
POLL = {
    "step_type": "loop",
    "body": [{"step_id": "look", "step_type": "wait", "wait": {"event": "go", "timeout": 2, "on_timeout": "continue"}}],
    "loop_condition": "iteration == 0 || steps.look.output == null",
    "loop_max_iterations": 10_000,
}

KINDS: dict[str, Definition] = {
    "approval": definition(BEFORE, ASK, AFTER, timeout=LONG),
    "event": definition(BEFORE, {**STOP, "step_type": "wait", "wait": {"event": "go"}}, AFTER, timeout=LONG),
    "timers": definition(BEFORE, {**STOP, **POLL}, AFTER, timeout=LONG),
    "pause": definition(BEFORE, {**STOP, "step_type": "wait", "wait": {"seconds": LONG / 2}}, AFTER, timeout=LONG),
    "child": definition(BEFORE, {**STOP, "step_type": "sub_workflow", "workflow": CHILD["workflow_id"]}, AFTER),
}
"""What runs wait for, between two effects."""


async def begin(fleet: Fleet, kinds: Sequence[str]) -> dict[str, list[Run]]:
    """Start one run for each, and wait until it waits."""
    runs: dict[str, list[Run]] = {kind: [] for kind in KINDS}
    for kind in kinds:
        runs[kind].append(await fleet.harness.start(KINDS[kind]))
    for run in every(runs):
        await eventually(lambda run=run: waits(run), PATIENCE)
    return runs


async def waits(run: Run) -> bool:
    status = {step.path: step.status for step in (await run.state()).steps}
    return status["before"] == "completed" and status["stop"] in ("waiting", "running")


def every(runs: dict[str, list[Run]]) -> list[Run]:
    return [run for some in runs.values() for run in some]


async def decide(runs: dict[str, list[Run]]) -> None:
    """Give each run what it waits for."""
    for run in runs["approval"]:
        await run.approve("stop", approver="olga")
    for run in [*runs["event"], *runs["timers"]]:
        await run.send_event("go", {"by": "olga"})
    for run in runs["pause"]:
        await run.skip_step("stop", by="olga", reason="waited long enough")
    for run in runs["child"]:
        child = run.client.get_workflow_handle(f"{run.id}/stop")
        await child.signal("approve_step", {"step_id": "stop", "approver": "olga"})


async def histories_of(run: Run) -> int:
    """How many histories a run has had."""
    return (await run.client.count_workflows(f"WorkflowId = '{run.id}'")).count


async def upgrade(fleet: Fleet, counts: dict[str, int]) -> None:
    """Deploy three builds under waiting runs that began on each of the first two; decide all on the third."""
    first = [kind for kind, count in counts.items() for _ in range(count)]
    open_runs = len(first) + counts["child"]
    await fleet.start("1")
    await fleet.make_current("1")
    runs = await begin(fleet, first)
    await fleet.all_on("1", open_runs)

    for old, new in (("1", "2"), ("2", "3")):
        await fleet.start(new)
        await fleet.make_current(new)
        await fleet.all_on(new, open_runs)
        assert await fleet.open_runs(old) == 0
        await eventually(lambda old=old: fleet.is_drained(old), PATIENCE)
        await fleet.stop(old)

    moved = [await histories_of(run) for run in every(runs)]
    await decide(runs)
    outcomes = await asyncio.gather(*(outcome_of(run) for run in every(runs)))
    assert {outcome.failure for outcome in outcomes} == {None}
    assert set(moved) == {3}, "each run moved twice, and no more often"
    made = fleet.effects()
    assert (len(made), set(made.values())) == (2 * len(first), {1}), "two effects a run, each made once"


@pytest.mark.timeout(900)  # A busy machine takes many times the 10 s of a quiet one.
async def test_waiting_runs_move_over_three_builds() -> None:
    async with DevServer(settings={**PROMPT, **DRAINED_AT_ONCE}) as server:
        harness = Harness(await Client.connect(server.address))
        async with FleetHere(harness, definitions=[CHILD]) as fleet:
            await upgrade(fleet, {"approval": 3, "event": 2, "timers": 2, "pause": 2, "child": 1})
        await harness.replay()


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_two_hundred_waiting_runs_move_over_three_builds(tmp_path: Path) -> None:
    (tmp_path / "child.json").write_text(json.dumps(CHILD), encoding="utf-8")
    async with DevServer(database=tmp_path / "runs.db", settings={**PROMPT, **DRAINED_AT_ONCE}) as server:
        harness = Harness(await Client.connect(server.address))
        async with FleetOfProcesses(harness, server=server, folder=tmp_path) as fleet:
            await upgrade(fleet, {"approval": 60, "event": 50, "timers": 30, "pause": 40, "child": 20})
        harness.handles = harness.handles[::10]
        await harness.replay()
