from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from advanced_workflow.activities.action.errors import ActionError
from tests.engine.stage import Stage, act, ends
from tests.harness import Harness, definition


def nothing() -> None:
    return None


ROUTED = definition(
    {
        "step_id": "size",
        "step_type": "conditional",
        "conditions": [
            {"expression": "input.total > 1000", "next_steps": ["large"]},
            {"field": "input.total", "operator": ">", "value": 100, "next_steps": ["medium"]},
            {"default": True, "next_steps": ["small"]},
        ],
    },
    {"step_id": "large"},
    {"step_id": "medium"},
    {"step_id": "small"},
    {"step_id": "after", "dependencies": ["large", "medium", "small"]},
)


@pytest.mark.parametrize(("total", "taken"), [(5000, "large"), (500, "medium"), (5, "small")])
async def test_the_first_condition_that_holds_routes(harness: Harness, total: int, taken: str) -> None:
    actions: dict[str, Callable[..., None]] = dict.fromkeys(("large", "medium", "small", "after"), nothing)
    outcome = await harness.run(ROUTED, {"total": total}, actions=actions)

    assert outcome.failure is None, outcome.message
    statuses = {one: outcome.status_of(one) for one in ("large", "medium", "small")}
    assert statuses == {one: "completed" if one == taken else "skipped" for one in statuses}
    assert outcome.status_of("after") == "completed"


async def test_the_default_is_for_when_nothing_holds_wherever_it_stands(harness: Harness) -> None:
    holds: dict[str, Any] = {"expression": "true", "next_steps": ["x"]}
    default: dict[str, Any] = {"default": True, "next_steps": ["y"]}
    choices = {"first": [default, holds], "all": [holds, default], "first_of_all": [default, holds]}
    steps = [
        {
            "step_id": name,
            "step_type": "conditional",
            "mode": "first" if name == "first" else "all",
            "conditions": [{**one, "next_steps": [f"{name}_{one['next_steps'][0]}"]} for one in conditions],
        }
        for name, conditions in choices.items()
    ]
    ends = [f"{name}_{end}" for name in choices for end in "xy"]
    outcome = await harness.run(
        definition(*steps, *({"step_id": one} for one in ends)), actions=dict.fromkeys(ends, nothing)
    )

    assert {one: outcome.status_of(one) for one in ends} == {
        one: "completed" if one.endswith("x") else "skipped" for one in ends
    }


@pytest.mark.parametrize(("amount", "review"), [(500, "completed"), (5, "not_routed")])
async def test_a_step_that_follows_a_review_or_the_choice_directly_runs_after_either(
    harness: Harness, amount: int, review: str
) -> None:
    stage = Stage()
    choice = [{"expression": "input.amount > 100", "next_steps": ["review"]}, {"default": True, "next_steps": ["ship"]}]
    outcome = await harness.run(
        definition(
            act("pay"),
            {"step_id": "need_review", "step_type": "conditional", "dependencies": ["pay"], "conditions": choice},
            act("review"),
            act("ship", "review"),
            act("ask", "need_review", "review"),
        ),
        {"amount": amount},
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert ends(outcome, "review", "ship", "ask") == [review, "completed", "completed"]
    assert stage.done.index("ship") > stage.done.index("review" if review == "completed" else "pay")


async def test_a_step_that_only_a_route_leads_to_is_skipped_where_nobody_routes_to_it(harness: Harness) -> None:
    outcome = await harness.run(
        definition(
            {
                "step_id": "check",
                "step_type": "conditional",
                "conditions": [{"expression": "input.big", "next_steps": ["ask"]}],
            },
            {"step_id": "ask"},
            {"step_id": "ship", "dependencies": ["check", "ask"]},
        ),
        {"big": False},
        actions={"ask": nothing, "ship": nothing},
        state=True,
    )

    assert outcome.failure is None, outcome.message
    assert outcome.report.steps["ask"]["skip_reason"] == "not_routed"
    assert outcome.status_of("ship") == "completed"
    assert outcome.state is not None
    assert next(one for one in outcome.state.steps if one.path == "check").execution_data == {"output": {"routed": []}}


async def test_a_condition_over_missing_data_fails_the_run_and_names_it(harness: Harness) -> None:
    outcome = await harness.run(
        definition(
            {"step_id": "pay"},
            {
                "step_id": "check",
                "step_type": "conditional",
                "dependencies": ["pay"],
                "conditions": [{"expression": "input.bgi", "next_steps": ["ask"]}],
            },
            {"step_id": "ask"},
        ),
        {"big": False},
        actions={"pay": nothing, "ask": nothing},
    )

    assert outcome.failure == "WorkflowFailed"
    for part in ("'check'", "conditions[0]", "bgi", "big"):
        assert part in outcome.message


async def test_dependents_of_a_failed_route_are_skipped(harness: Harness) -> None:
    def fails() -> None:
        raise ActionError("no")

    policy = {"max_attempts": 1, "continue_on_failure": True}
    outcome = await harness.run(
        definition(
            {"step_id": "check", "step_type": "conditional", "conditions": [{"default": True, "next_steps": ["a"]}]},
            {"step_id": "a", "retry_policy": policy},
            {"step_id": "b", "dependencies": ["a"]},
            {"step_id": "c", "dependencies": ["b"]},
        ),
        actions={"a": fails, "b": nothing, "c": nothing},
    )

    assert outcome.failure is None, outcome.message
    assert outcome.report.steps["b"]["skip_reason"] == "dependency_failed"
    assert outcome.report.steps["c"]["skip_reason"] == "dependency_failed"
