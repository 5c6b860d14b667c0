"""What expressions cost in one workflow task is bounded: what is over waits for the next one."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.api.history.v1 import HistoryEvent

from advanced_workflow.workflows.contract import FITS_ACTIVITY
from advanced_workflow.workflows.definition.schema import STEPS_ASIDE, STEPS_AT_ONCE
from tests.engine.stage import fan, reaches
from tests.harness import Harness, Outcome, definition, outcome_of, replayer

STOCK = [{"id": number} for number in range(1_500)][::-1]
MESSAGES = 20
LOOK_UP = "input.stock.exists(s, s.id == {})"


async def tasks(outcome: Outcome) -> int:
    events = (await outcome.handle.fetch_history()).events
    assert not any(one.HasField("workflow_task_failed_event_attributes") for one in events)
    return sum(one.HasField("workflow_task_completed_event_attributes") for one in events)


async def test_many_copies_that_each_look_something_up_take_several_tasks(harness: Harness) -> None:
    copy = {"step_id": "x", "action": "a", "conditions": [LOOK_UP.format("-1 - item")]}
    given = {"orders": list(range(150)), "stock": STOCK}

    outcome = await harness.run(
        definition(fan("f", "input.orders", copy), max_parallel_steps=50), given, actions={"a": lambda: 1}
    )

    assert outcome.failure is None, outcome.message
    assert await tasks(outcome) > 10


async def test_many_costly_conditions_of_one_step_take_several_tasks(harness: Harness) -> None:
    step = {"step_id": "x", "action": "act", "conditions": ["!" + LOOK_UP.format(-1 - number) for number in range(60)]}

    outcome = await harness.run(definition(step), {"stock": STOCK}, actions={"act": lambda: 1})

    assert outcome.failure is None, outcome.message
    assert await tasks(outcome) > 5


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"input_mapping": {f"p{n}": "!" + LOOK_UP.format(-1 - n) for n in range(30)}}, "takes too long"),
        ({"input_mapping": {f"p{n}": "input.big" for n in range(1_000)}}, "when it is written out"),
        ({"input_mapping": {"all": "input.stock.map(s, input.big)"}}, "when it is written out"),
        ({"output_mapping": {f"!({LOOK_UP.format(-1 - n)})": f"workflow.v{n}" for n in range(30)}}, "takes too long"),
    ],
)
async def test_one_mapping_that_costs_too_much_fails_its_step(
    harness: Harness, step: dict[str, Any], message: str
) -> None:
    given = {"stock": STOCK, "big": "x" * 20_000}

    outcome = await harness.run(
        definition({"step_id": "x", "action": "act", **step}), given, actions={"act": lambda: 1}
    )

    assert outcome.failure == "WorkflowFailed"
    assert message in (outcome.message or "")
    await tasks(outcome)


HARD = {
    "properties": {
        "word": {"type": "string", "pattern": "^([a-z]+)+$"},
        "price": {"type": "number", "multipleOf": 0.01},
        "items": {"uniqueItems": True},
        "each": {"items": {"pattern": "a"}},
    }
}


async def test_no_answer_of_a_form_holds_the_run(harness: Harness) -> None:
    ask = {"step_id": "ask", "step_type": "human_approval", "approval": {"form": HARD}}
    answers: list[dict[str, Any]] = [
        {"word": "a" * 28 + "1"},
        {"word": "a" * 100_000 + "1"},
        {"price": 5e-324},
        {"items": [{"id": number % 999} for number in range(1_000)]},
        {"each": ["a"] * 10_000},
    ]
    async with harness.worker():
        run = await harness.start(definition(ask))
        await reaches(run, "ask", "waiting")
        for number, form in enumerate(answers):
            await run.signal_approval("ask", approver=f"p{number}", form=form)
        await run.signal_approval(
            "ask", approver="last", form={"word": "abc", "items": [{"id": n} for n in range(1_000)]}
        )
        outcome = await outcome_of(run)
        refused = (await run.state()).rejected_decisions

    assert outcome.failure is None, outcome.message
    assert [one.code for one in refused] == ["InvalidForm"] * len(answers)
    assert "takes more than 50,000 steps" in refused[-1].message
    await tasks(outcome)


async def test_messages_that_came_while_no_worker_was_there_are_taken_in_their_order_over_several_tasks(
    harness: Harness,
) -> None:
    ask = {"step_id": "ask", "step_type": "human_approval", "approval": {"form": HARD}}
    costly: dict[str, Any] = {"each": ["a"] * 1_500 + ["b"]}
    async with harness.worker():
        run = await harness.start(definition(ask))
        await reaches(run, "ask", "waiting")
    for number in range(MESSAGES):
        await run.signal_approval("ask", approver=f"p{number}", form=costly)
    await run.signal_approval("ask", approver="last")
    async with harness.worker():
        outcome = await outcome_of(run)
        refused = (await run.state()).rejected_decisions

    assert outcome.failure is None, outcome.message
    told: list[Any] = [one.payload for one in refused]
    assert [one["left_out"]["approver"] for one in told] == [f"p{number}" for number in range(MESSAGES)]
    assert await tasks(outcome) > MESSAGES / 2


async def test_a_form_that_was_checked_by_steps_is_replayed(harness: Harness) -> None:
    ask = {"step_id": "ask", "step_type": "human_approval", "approval": {"form": HARD}}
    async with harness.worker():
        run = await harness.start(definition(ask))
        await reaches(run, "ask", "waiting")
        await run.approve("ask", approver="ann", form={"word": "abc"})
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    await replayer().replay_workflow(await run.handle.fetch_history())


@pytest.mark.parametrize(("last", "failure"), [(1, None), ("one", "WorkflowFailed")])
async def test_an_input_that_takes_long_to_check_is_checked_beside_the_run(
    harness: Harness, last: object, failure: str | None
) -> None:
    step = {
        "step_id": "x",
        "action": "act",
        "input_mapping": {"all": "input"},
        "input_validation": {"properties": {"all": {"items": {"type": "number"}}}},
    }

    outcome = await harness.run(definition(step), [*range(STEPS_AT_ONCE), last], actions={"act": len_of})

    assert outcome.failure == failure, outcome.message
    assert ("'one' is not of type 'number'" in (outcome.message or "")) is (failure is not None)
    events = (await outcome.handle.fetch_history()).events
    beside = [one.marker_recorded_event_attributes.details["data"].payloads[0].data for one in events if is_marker(one)]
    assert sum(FITS_ACTIVITY.encode() in one for one in beside) == 1
    assert max(map(len, beside)) < 10_000, "the input is not in the history twice"


async def test_an_input_that_takes_too_long_to_check_does_not_fit(harness: Harness) -> None:
    twice = {f"a{number}": {"allOf": [{"$ref": f"#/$defs/a{number - 1}"}] * 2} for number in range(1, 9)}
    costly = {"$defs": {"a0": {"type": "number"}, **twice}, "properties": {"all": {"items": {"$ref": "#/$defs/a8"}}}}
    step = {"step_id": "x", "action": "act", "input_mapping": {"all": "input"}, "input_validation": costly}

    outcome = await harness.run(definition(step), list(range(2_000)), actions={"act": len_of})

    assert outcome.failure == "WorkflowFailed"
    assert f"takes more than {STEPS_ASIDE:,} steps" in (outcome.message or "")


def len_of(all: list[object]) -> int:
    return len(all)


def is_marker(event: HistoryEvent) -> bool:
    return event.HasField("marker_recorded_event_attributes")
