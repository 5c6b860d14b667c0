from __future__ import annotations

import asyncio

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run
from tests.engine.stage import Stage, act
from tests.harness import Harness, at_rest, definition, eventually, outcome_of, recording
from tests.patience import PATIENCE_SECONDS, works_until_cancelled

ONCE = {"max_attempts": 1}


def nothing() -> None:
    return None


def fails() -> None:
    raise ActionError("no", type="Broken")


async def test_nested_steps_run_at_once_and_their_results_are_the_output(harness: Harness) -> None:
    together = asyncio.Barrier(2)

    async def meet() -> str:
        await asyncio.wait_for(together.wait(), PATIENCE_SECONDS)
        return context.step_path()

    outcome = await harness.run(
        definition(
            {
                "step_id": "both",
                "step_type": "parallel",
                "parallel_steps": [{"step_id": "left", "action": "meet"}, {"step_id": "right", "action": "meet"}],
                "output_mapping": {"result": "workflow.both"},
            }
        ),
        actions={"meet": meet},
    )

    assert outcome.report.result == {
        "both": {
            "total_steps": 2,
            "successful_steps": 2,
            "failed_steps": 0,
            "skipped_steps": 0,
            "success_rate": 1.0,
            "results": [{"step_id": "left", "output": "both.left"}, {"step_id": "right", "output": "both.right"}],
            "failures": [],
        }
    }


async def test_half_of_the_nested_steps_is_enough_by_default(harness: Harness) -> None:
    outcome = await harness.run(
        definition(
            {"step_id": "both", "step_type": "parallel", "parallel_steps": [{"step_id": "good"}, {"step_id": "bad"}]},
            {"step_id": "after", "dependencies": ["both"]},
            retry_policy=ONCE,
        ),
        actions={"good": nothing, "bad": fails, "after": nothing},
    )

    assert outcome.failure is None, outcome.message
    assert outcome.status_of("both.bad") == "failed"
    assert outcome.status_of("after") == "completed"


async def test_below_the_threshold_the_container_fails_and_is_undone(harness: Harness) -> None:
    undone: list[str] = []
    outcome = await harness.run(
        definition(
            {
                "step_id": "both",
                "step_type": "parallel",
                "retry_policy": {"parallel_failure_threshold": 1.0},
                "parallel_steps": [
                    {"step_id": "good", "rollback_actions": ["undo"]},
                    {"step_id": "bad", "rollback_actions": ["undo"]},
                ],
            },
            retry_policy=ONCE,
        ),
        actions={"good": nothing, "bad": fails, "undo": recording(undone)},
    )

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert outcome.report.error.type == "ParallelFailed"
    assert "bad (Broken)" in outcome.message
    assert undone == ["good completed"]
    assert outcome.report.rollback is not None
    assert {one.path: one.outcome for one in outcome.report.rollback.entries} == {
        "both.good": "undone",
        "both.bad": "not_needed",
    }


async def test_an_empty_container_succeeds(harness: Harness) -> None:
    outcome = await harness.run(
        definition({"step_id": "none", "step_type": "parallel"}, {"step_id": "after", "dependencies": ["none"]}),
        actions={"after": nothing},
    )

    assert outcome.failure is None, outcome.message


async def test_nested_steps_are_a_graph_and_see_steps_around_them(harness: Harness) -> None:
    order: list[str] = []

    def note(word: str) -> str:
        order.append(word)
        return word

    outcome = await harness.run(
        definition(
            {"step_id": "first", "action": "note", "input_mapping": {"word": "'first'"}},
            {
                "step_id": "inner",
                "step_type": "parallel",
                "dependencies": ["first"],
                "parallel_steps": [
                    {
                        "step_id": "b",
                        "action": "note",
                        "dependencies": ["a"],
                        "input_mapping": {"word": "steps.a.output + '!'"},
                    },
                    {"step_id": "a", "action": "note", "input_mapping": {"word": "steps.first.output + '-a'"}},
                ],
            },
            {
                "step_id": "last",
                "action": "note",
                "dependencies": ["inner"],
                "input_mapping": {"word": "steps.b.output"},
            },
        ),
        actions={"note": note},
    )

    assert outcome.failure is None, outcome.message
    assert order == ["first", "first-a", "first-a!", "first-a!"]


async def test_max_concurrency_bounds_the_nested_steps(harness: Harness) -> None:
    stage = Stage(None, "all.s0", "all.s1")
    nested = [act(f"s{number}") for number in range(6)]
    all_steps = {"step_id": "all", "step_type": "parallel", "max_concurrency": 2, "parallel_steps": nested}
    async with harness.worker(stage.actions):
        run = await harness.start(definition(all_steps))
        await stage.sees("all.s0", "all.s1")
        called = await at_rest(run)
        stage.held.clear()
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert called == ["all.s0", "all.s1"]
    assert (stage.most_at_once, len(stage.done)) == (2, 6)


async def test_cancelling_the_run_ends_and_undoes_nested_steps(harness: Harness) -> None:
    undone: list[str] = []
    began = asyncio.Event()

    async def slow() -> None:
        began.set()
        await works_until_cancelled()

    async with harness.worker({"quick": nothing, "slow": slow, "undo": recording(undone)}):
        run = await harness.start(
            definition(
                {
                    "step_id": "both",
                    "step_type": "parallel",
                    "parallel_steps": [
                        {"step_id": "quick", "rollback_actions": ["undo"]},
                        {"step_id": "slow", "rollback_actions": ["undo"]},
                    ],
                }
            )
        )
        await asyncio.wait_for(began.wait(), PATIENCE_SECONDS)
        await eventually(lambda: _completed(run, "both.quick"))
        await run.cancel()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"
    assert sorted(undone) == ["quick completed", "slow unknown"]


async def _completed(run: Run, path: str) -> bool:
    state = await run.state()
    return any(one.path == path and one.status == "completed" for one in state.steps)
