"""Error handlers of several steps, and what undoing and routing make of handlers."""

from __future__ import annotations

from typing import Any

from advanced_workflow.activities.action.errors import ActionError
from tests.engine.stage import Stage, act, loop
from tests.harness import Actions, Harness, definition


def fails() -> None:
    raise ActionError("fails as told", retryable=False)


def works() -> None:
    pass


def recording() -> tuple[list[str], Actions]:
    """What was undone, and the undo action that notes it."""
    undone: list[str] = []

    def undo(undo: dict[str, Any]) -> None:
        undone.append(undo["step_id"])

    return undone, {"undo": undo, "works": works, "fails": fails}


def does(step_id: str, action: str, *dependencies: str, **more: Any) -> dict[str, Any]:
    return {"step_id": step_id, "action": action, "dependencies": dependencies, "rollback_actions": ["undo"], **more}


async def test_steps_of_a_chain_that_share_a_handler_are_undone(harness: Harness) -> None:
    undone, actions = recording()

    outcome = await harness.run(
        definition(
            does("a", "works", error_handlers=["notify"]),
            does("b", "works", "a", error_handlers=["notify"]),
            does("c", "fails", "b", error_handlers=["notify"]),
            {"step_id": "notify", "action": "fails"},
        ),
        actions=actions,
    )

    assert outcome.failure == "WorkflowFailed"
    assert undone == ["b", "a"]


async def test_a_shared_handler_is_undone_once_for_each_step_it_ran_for(harness: Harness) -> None:
    undone, actions = recording()

    outcome = await harness.run(
        definition(
            does("a", "fails", error_handlers=["compensate"]),
            does("b", "fails", "a", error_handlers=["compensate"]),
            does("c", "fails", "b"),
            does("compensate", "works"),
        ),
        actions=actions,
    )

    assert undone == ["compensate", "compensate"]
    assert outcome.undone() == ["b!compensate", "a!compensate"]


async def test_steps_inside_a_shared_handler_are_undone(harness: Harness) -> None:
    undone, actions = recording()
    handler = {"step_id": "h", "step_type": "parallel", "parallel_steps": [does("inner", "works")]}

    outcome = await harness.run(
        definition(
            does("a", "fails", error_handlers=["h"]),
            does("b", "works", error_handlers=["h"]),
            does("c", "fails", "a", "b"),
            handler,
        ),
        actions=actions,
    )

    assert sorted(undone) == ["b", "inner"]
    assert "a!h.inner" in outcome.undone()


async def test_handlers_are_undone_in_reverse_of_the_order_they_ran_in(harness: Harness) -> None:
    undone, actions = recording()

    await harness.run(
        definition(
            does("a", "fails", error_handlers=["first", "second"]),
            does("b", "fails", "a"),
            does("second", "works"),
            does("first", "works"),
        ),
        actions=actions,
    )

    assert undone == ["second", "first"]


async def test_what_depends_on_a_handler_is_undone_before_it(harness: Harness) -> None:
    undone, actions = recording()

    await harness.run(
        definition(
            does("a", "fails", error_handlers=["h"]),
            does("h", "works"),
            does("b", "works", "h"),
            does("c", "fails", "b"),
        ),
        actions=actions,
    )

    assert undone == ["b", "h"]


async def test_a_conditional_step_that_was_recovered_routes_to_nobody(harness: Harness) -> None:
    outcome = await harness.run(
        definition(
            {
                "step_id": "choose",
                "step_type": "conditional",
                "conditions": [
                    {"expression": "input.missing", "next_steps": ["left"]},
                    {"default": True, "next_steps": ["right"]},
                ],
                "error_handlers": ["h"],
            },
            {"step_id": "left", "action": "works"},
            {"step_id": "right", "action": "works"},
            {"step_id": "after", "action": "works", "dependencies": ["choose"]},
            {"step_id": "h", "action": "works"},
        ),
        {},
        actions={"works": works},
    )

    assert outcome.failure is None, outcome.message
    assert [outcome.status_of(one) for one in ("left", "right", "after")] == ["skipped", "skipped", "completed"]
    assert outcome.report.steps["left"]["skip_reason"] == "not_routed"


async def test_a_shared_handler_whose_condition_does_not_hold_says_why_it_was_skipped(harness: Harness) -> None:
    outcome = await harness.run(
        definition(
            {"step_id": "a", "action": "fails", "error_handlers": ["h"]},
            {"step_id": "b", "action": "works", "error_handlers": ["h"]},
            {"step_id": "h", "action": "works", "conditions": ["false"]},
        ),
        actions={"works": works, "fails": fails},
    )

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.steps["h"] == outcome.report.steps["a!h"]
    assert outcome.report.steps["h"]["skip_reason"] == "condition_false"


async def test_a_loop_that_handles_several_steps_sees_the_rounds_of_its_own_run(harness: Harness) -> None:
    stage = Stage({"a": 1, "b": 1, "a!again#0.x": 1, "b!again#0.x": 1, "a!again#1.x": 1})
    again = {"continue_on_failure": True}
    stops = "iteration < 3 && !(iteration > 0 && steps.x.status == 'failed')"
    steps = [
        act("a", error_handlers=["again"]),
        act("b", "a", error_handlers=["again"]),
        loop("again", act("x", retry_policy=again), loop_condition=stops),
    ]
    outcome = await harness.run(definition(*steps, retry_policy={"max_attempts": 1}), actions=stage.actions)

    assert outcome.failure is None, outcome.message
    assert [one for one in stage.began if "#" in one] == ["a!again#0.x", "b!again#0.x"]
