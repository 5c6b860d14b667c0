"""Orchestrators whose worker is killed while a node of their graph is at work."""

from __future__ import annotations

from pathlib import Path

import pytest

from advanced_workflow.client.dev.server import DevServer
from tests.faults.killed_agents import unexplained
from tests.faults.killed_orchestrators import Crew, hold, workflow
from tests.harness import Harness, eventually, outcome_of

ANALYSIS, BRANCH, RECOVERY, CONDITIONAL = "plan[0].analyst[0].model", "side", "take-first", "tested"
THINKING, TOOL, APPROVAL, LAST = "plan[6].thinker[0].model", "thought", "approval", "sent"
ALL = (ANALYSIS, BRANCH, RECOVERY, CONDITIONAL, THINKING, TOOL, APPROVAL, LAST)


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param((RECOVERY, APPROVAL), id="undo-and-approval"),
        pytest.param(ALL, id="all", marks=[pytest.mark.long, pytest.mark.timeout(900)]),
    ],
)
async def test_an_orchestrator_whose_worker_is_killed_at_its_nodes_does_each_thing_once(
    server: DevServer, harness: Harness, tmp_path: Path, kills: tuple[str, ...]
) -> None:
    harness.faults = True  # A new process loads LangGraph aside, and the task is given again.
    held = [one for one in kills if one not in (ANALYSIS, THINKING, APPROVAL)]
    for name in held:
        (tmp_path / hold(name)).touch()
    async with Crew.at_work(server, harness, tmp_path) as crew:
        run = await harness.start(workflow())
        for one in kills:
            if one in (ANALYSIS, THINKING):
                await crew.kill_in_model_call(run, one)
            elif one == APPROVAL:
                [asked] = await eventually(run.pending_approvals)
                await crew.kill()
                await run.signal_approval(asked.path, approver="ann", digest=asked.digest)
                await crew.start()
            else:
                await crew.kill_in_action(one)
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    plan = outcome.data["plan"]
    assert plan["results"] == {
        **{name: {"put": name} for name in ("side", "tested", "sent")},
        "thinker": "done",
    }
    assert [one["strategy"] for one in plan["decisions"]] == [
        *("parallel", "error", "conditional", "parallel", "approval", "parallel", "complete"),
    ]
    assert len(crew.killed) == len(kills)
    assert unexplained(crew.deeds(), crew.killed) == []
    once = ["side", "first", "bad", "take-first", "tested", "thought", "sent"]
    assert sorted(crew.begun()) == sorted([*once, *held])
    assert outcome.undone() == ["plan[2].first"]
