"""Whatever a run does, none of its workflow tasks sends more than the server takes: it would end the run, and nothing be undone."""

from __future__ import annotations

import random
import string
from typing import Any

import pytest

from advanced_workflow.activities.action.errors import ActionError
from tests.engine.stage import loop
from tests.harness import Harness, Outcome, definition, outcome_of, recording
from tests.laws.sizes import SERVER_LIMIT, largest_task

LARGE = 1_500_000


async def largest_of(harness: Harness) -> int:
    return max([largest_task(one.events) for one in await harness.histories()])


def noise(size: int) -> str:
    """Text that cannot be packed."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=size))


async def fails() -> None:
    raise ActionError("no", retryable=False)


@pytest.mark.parametrize(("rounds", "size"), [(45, 100_000), pytest.param(300, 25_000, marks=pytest.mark.long)])
async def test_rounds_of_local_steps_are_spread_over_tasks(harness: Harness, rounds: int, size: int) -> None:
    outcome = await harness.run(
        definition(loop("l", action="page", rounds=rounds, execution="local", loop_max_iterations=400), output={}),
        actions={"page": lambda: "x" * size},
    )

    assert outcome.failure is None, outcome.message
    assert 1_000_000 < await largest_of(harness) < SERVER_LIMIT


@pytest.mark.parametrize("row", [False, pytest.param(True, marks=pytest.mark.long)])
async def test_large_results_of_local_steps_come_one_after_the_other(harness: Harness, *, row: bool) -> None:
    calls: list[int] = []

    def big() -> str:
        calls.append(1)
        return "x" * LARGE

    steps = [
        {"step_id": f"k{n}", "action": "big", "execution": "local", "dependencies": [f"k{n - 1}"] if row and n else []}
        for n in range(3)
    ]
    outcome = await harness.run(
        definition(*steps, output={"ok": f"steps.k2.output.size() == {LARGE}"}), actions={"big": big}
    )

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"ok": True}
    assert len(calls) == 3, "none was called again for its result"
    assert LARGE < await largest_of(harness) < SERVER_LIMIT


@pytest.mark.parametrize("count", [6, pytest.param(20, marks=pytest.mark.long)])
async def test_children_with_large_inputs_start_one_after_the_other(harness: Harness, count: int) -> None:
    kids = [
        {"step_id": f"k{n}", "step_type": "sub_workflow", "workflow": "child", "input_mapping": {"doc": "input.doc"}}
        for n in range(count)
    ]
    child = definition({"step_id": "a"}, workflow_id="child", output={})
    async with harness.worker({"a": lambda: 1}, [child]):
        outcome = await outcome_of(await harness.start(definition(*kids, output={}), {"doc": "x" * 1_000_000}))

    assert outcome.failure is None, outcome.message
    assert 2_000_000 < await largest_of(harness) < SERVER_LIMIT


@pytest.mark.long
async def test_children_that_hand_over_much_are_undone_one_after_the_other(harness: Harness) -> None:
    undone: list[str] = []
    count = 6
    child = definition({"step_id": "make", "rollback_actions": ["undo"]}, workflow_id="child", output={})
    kids = [{"step_id": f"k{n}", "step_type": "sub_workflow", "workflow": "child"} for n in range(count)]
    actions = {"make": lambda: noise(420_000), "undo": recording(undone), "bad": fails}
    async with harness.worker(actions, [child]):
        run = await harness.start(
            definition(*kids, {"step_id": "bad", "dependencies": [f"k{n}" for n in range(count)]})
        )
        outcome = await outcome_of(run)

    # That much the run cannot carry on to a new history, so it ends.
    assert (outcome.failure, len(undone)) == ("StateTooLarge", count), outcome.message
    assert 500_000 < await largest_of(harness) < SERVER_LIMIT


async def test_a_large_result_waits_for_a_task_of_its_own(harness: Harness) -> None:
    size = 500_000
    steps: list[dict[str, Any]] = [{"step_id": f"s{n}", "action": "big", "execution": "local"} for n in range(4)]
    outcome: Outcome = await harness.run(
        definition(*steps, output={"two": "steps.s0.output + steps.s3.output"}), actions={"big": lambda: "x" * size}
    )

    assert outcome.failure is None, outcome.message
    assert len(outcome.data["two"]) == 2 * size
    assert 2 * size < await largest_of(harness) < 5 * size
