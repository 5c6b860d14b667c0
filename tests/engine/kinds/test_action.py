from __future__ import annotations

import asyncio
import threading
import time
from itertools import pairwise
from typing import Any

import pytest

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from tests.engine.stage import Stage, act, reaches
from tests.harness import Harness, at_rest, definition, outcome_of, recording
from tests.patience import PATIENCE_SECONDS, TooSlow, given_time, never_ends, works_until_cancelled

ONCE = {"max_attempts": 1}
QUICK = {"max_attempts": 3, "delay": 0.05}


def nothing() -> None:
    return None


def fails() -> None:
    raise ActionError("the card was declined", type="CardDeclined")


async def test_a_chain_runs_in_order_and_maps_its_data(harness: Harness) -> None:
    def quote(items: int) -> dict[str, int]:
        return {"total": items * 10}

    def book(total: int, currency: str) -> str:
        return f"{total} {currency}"

    outcome = await harness.run(
        definition(
            {
                "step_id": "quote",
                "input_mapping": {"items": "input.items"},
                "output_mapping": {"result.total": "workflow.order.total"},
            },
            {
                "step_id": "book",
                "dependencies": ["quote"],
                "input_mapping": {"total": "steps.quote.output.total", "currency": "'EUR'"},
                "output_mapping": {"result": "workflow.order.booked"},
            },
        ),
        {"items": 3},
        actions={"quote": quote, "book": book},
    )

    assert outcome.failure is None, outcome.message
    assert outcome.report.result == {"order": {"total": 30, "booked": "30 EUR"}}
    assert outcome.status_of("book") == "completed"


async def test_a_step_without_mapping_receives_no_input(harness: Harness) -> None:
    received: list[Any] = []

    async def note(*, value: Any = "nothing") -> None:
        received.append(value)

    await harness.run(definition({"step_id": "note"}), {"secret": 1}, actions={"note": note})

    assert received == ["nothing"]
    history = (await harness.histories())[0]
    scheduled = [one.activity_task_scheduled_event_attributes for one in history.events if one.event_type == 10]
    assert [len(one.input.payloads) for one in scheduled] == [0]


async def test_a_failing_step_fails_the_run_with_its_place_and_type(harness: Harness) -> None:
    outcome = await harness.run(definition({"step_id": "pay", "retry_policy": ONCE}), actions={"pay": fails})

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert (outcome.report.error.type, outcome.report.error.step_id) == ("CardDeclined", "pay")
    assert outcome.report.status == "failed"
    assert outcome.status_of("pay") == "failed"


async def test_retries_stop_at_max_attempts_and_at_non_retryable_types(harness: Harness) -> None:
    attempts: list[str] = []

    def flaky() -> None:
        attempts.append("flaky")
        if attempts.count("flaky") < 3:
            raise ActionError("again", type="Busy")

    def declined() -> None:
        attempts.append("declined")
        fails()

    outcome = await harness.run(
        definition(
            {"step_id": "flaky"},
            {"step_id": "declined", "dependencies": ["flaky"], "retry_policy": {"non_retryable": ["CardDeclined"]}},
            retry_policy=QUICK,
        ),
        actions={"flaky": flaky, "declined": declined},
    )

    assert outcome.failure == "WorkflowFailed"
    assert attempts == ["flaky", "flaky", "flaky", "declined"]


async def test_linear_backoff_grows_by_the_delay(harness: Harness) -> None:
    times: list[float] = []

    def flaky() -> None:
        times.append(time.monotonic())
        if len(times) < 4:
            raise ActionError("again")

    policy = {"max_attempts": 4, "backoff_strategy": "linear", "delay": 0.3}
    outcome = await harness.run(definition({"step_id": "flaky", "retry_policy": policy}), actions={"flaky": flaky})

    assert outcome.failure is None, outcome.message
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[0] >= 0.28
    assert gaps[1] >= 0.58
    assert gaps[2] >= 0.88


async def test_an_attempt_over_its_timeout_is_tried_again_and_then_fails_as_timeout(harness: Harness) -> None:
    async def once(seconds: float) -> None:
        attempts: list[int] = []

        async def slow() -> None:
            attempts.append(context.attempt())
            await never_ends()

        step = {"step_id": "slow", "timeout": seconds, "retry_policy": {"max_attempts": 2, "delay": 0.05}}
        outcome = await harness.run(definition(step), actions={"slow": slow})

        if attempts != [1, 2]:
            raise TooSlow
        assert outcome.report.error is not None
        assert outcome.report.error.type == "Timeout"

    await given_time(once, 0.3)


async def test_total_timeout_bounds_all_attempts(harness: Harness) -> None:
    step = {"step_id": "pay", "total_timeout": 0.7, "retry_policy": {"max_attempts": 100, "delay": 0.2}}
    outcome = await harness.run(definition(step), actions={"pay": fails})

    assert outcome.failure == "WorkflowFailed"


async def test_a_queue_nobody_polls_fails_with_the_next_action(harness: Harness) -> None:
    step = {"step_id": "look", "agent_capability": "nobody-here", "queue_timeout": 0.5}
    outcome = await harness.run(definition(step), actions={"look": nothing})

    assert outcome.report.error is not None
    assert outcome.report.error.type == "QueueTimeout"
    told = "no worker took it within 'queue_timeout' (0.5 s) from task queue 'nobody-here'; start a worker"
    assert told in outcome.message


async def test_a_capability_runs_on_its_own_queue(harness: Harness) -> None:
    capability = f"{harness.task_queue}-vision"
    threads: list[str] = []

    def look() -> str:
        threads.append(threading.current_thread().name)
        return "seen"

    async with harness.worker(), harness.worker({"look": look}, task_queue=capability):
        run = await harness.start(definition({"step_id": "look", "agent_capability": capability}))
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert len(threads) == 1


@pytest.mark.parametrize("wrong", [{"action": "shipp"}, {"rollback_actions": ["shipp"]}])
async def test_an_action_that_nobody_serves_is_refused_before_anything_runs(
    harness: Harness, wrong: dict[str, Any]
) -> None:
    ran: list[str] = []
    outcome = await harness.run(
        definition({"step_id": "pay"}, {"step_id": "ship", "dependencies": ["pay"], **wrong}),
        actions={"pay": lambda: ran.append("pay"), "ship": nothing},
    )

    assert outcome.failure == "UnknownAction"
    assert "steps[1]." in outcome.message
    assert "Did you mean 'ship'?" in outcome.message
    assert ran == []


async def test_an_action_that_another_worker_of_the_queue_serves_is_named_by_a_setting(harness: Harness) -> None:
    harness.foreign_actions = ("theirs",)
    async with harness.worker({"ours": nothing}):
        run = await harness.start(definition({"step_id": "theirs"}))
        await reaches(run, "theirs", "running")
        refused = await outcome_of(await harness.start(definition({"step_id": "nobodys"})))
        await run.cancel()
        outcome = await outcome_of(run)

    assert refused.failure == "UnknownAction"
    assert outcome.failure == "Cancelled"


async def test_continue_on_failure_leaves_the_step_failed_and_the_run_goes_on(harness: Harness) -> None:
    outcome = await harness.run(
        definition(
            {"step_id": "pay", "retry_policy": {"max_attempts": 1, "continue_on_failure": True}},
            {"step_id": "ship", "dependencies": ["pay"]},
            {"step_id": "notify"},
        ),
        actions={"pay": fails, "ship": nothing, "notify": nothing},
    )

    assert outcome.failure is None, outcome.message
    assert {path: step["status"] for path, step in outcome.report.steps.items()} == {
        "pay": "failed",
        "ship": "skipped",
        "notify": "completed",
    }
    assert outcome.report.steps["ship"]["skip_reason"] == "dependency_failed"


async def test_error_handlers_recover_a_step_and_see_its_error(harness: Harness) -> None:
    told: list[str] = []

    def tell(reason: str) -> None:
        told.append(reason)

    outcome = await harness.run(
        definition(
            {"step_id": "pay", "retry_policy": ONCE, "error_handlers": ["tell"]},
            {"step_id": "tell", "input_mapping": {"reason": "steps.pay.error.message"}},
            {"step_id": "ship", "dependencies": ["pay"]},
        ),
        actions={"pay": fails, "tell": tell, "ship": nothing},
    )

    assert outcome.failure is None, outcome.message
    assert told == ["the card was declined"]
    assert outcome.report.steps["pay"]["recovered"] is True
    assert outcome.status_of("ship") == "completed"


async def test_an_error_handler_is_skipped_when_nothing_fails(harness: Harness) -> None:
    outcome = await harness.run(
        definition({"step_id": "pay", "error_handlers": ["tell"]}, {"step_id": "tell"}),
        actions={"pay": nothing, "tell": fails},
    )

    assert outcome.failure is None, outcome.message
    assert outcome.report.steps["tell"]["skip_reason"] == "not_routed"


async def test_a_handler_is_chosen_by_error_type(harness: Harness) -> None:
    ran: list[str] = []

    outcome = await harness.run(
        definition(
            {
                "step_id": "pay",
                "retry_policy": ONCE,
                "error_handlers": [
                    {"handler": "stock", "on": ["OutOfStock"]},
                    {"handler": "card", "on": ["CardDeclined"]},
                ],
            },
            {"step_id": "stock"},
            {"step_id": "card"},
        ),
        actions={"pay": fails, "stock": lambda: ran.append("stock"), "card": lambda: ran.append("card")},
    )

    assert outcome.failure is None, outcome.message
    assert ran == ["card"]
    assert outcome.status_of("stock") == "skipped"


async def test_a_handler_of_two_steps_acts_once_for_each(harness: Harness) -> None:
    keys: list[str] = []

    def tell() -> None:
        keys.append(context.idempotency_key().split(":", 1)[1])

    outcome = await harness.run(
        definition(
            {"step_id": "a", "retry_policy": ONCE, "error_handlers": ["tell"]},
            {"step_id": "b", "retry_policy": ONCE, "error_handlers": ["tell"]},
            {"step_id": "tell"},
            {"step_id": "after", "dependencies": ["tell"]},
        ),
        actions={"a": fails, "b": fails, "tell": tell, "after": nothing},
    )

    assert outcome.failure is None, outcome.message
    assert sorted(keys) == ["a!tell", "b!tell"]
    assert outcome.status_of("after") == "completed"


async def test_a_failing_handler_leaves_the_step_failed(harness: Harness) -> None:
    outcome = await harness.run(
        definition({"step_id": "pay", "error_handlers": ["tell"]}, {"step_id": "tell"}, retry_policy=ONCE),
        actions={"pay": fails, "tell": fails},
    )

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert outcome.report.error.step_id == "pay"


async def test_cancelling_the_run_cancels_its_running_action(harness: Harness) -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        began.set()
        try:
            await works_until_cancelled()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with harness.worker({"slow": slow, "late": nothing}):
        run = await harness.start(definition({"step_id": "slow"}, {"step_id": "late", "dependencies": ["slow"]}))
        await asyncio.wait_for(began.wait(), PATIENCE_SECONDS)
        await run.cancel()
        outcome = await outcome_of(run, state=True)

    assert outcome.failure == "Cancelled"
    assert cancelled.is_set()
    assert outcome.state is not None
    statuses = {one.path: one.status for one in outcome.state.steps}
    assert statuses == {"slow": "failed", "late": "pending"}


async def test_max_parallel_steps_bounds_actions_in_flight(harness: Harness) -> None:
    stage = Stage(None, "s0", "s1", "s2")
    async with harness.worker(stage.actions):
        run = await harness.start(definition(*(act(f"s{number}") for number in range(12)), max_parallel_steps=3))
        await stage.sees("s0", "s1", "s2")
        called = await at_rest(run)
        stage.held.clear()
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert called == ["s0", "s1", "s2"]
    assert (stage.most_at_once, len(stage.done)) == (3, 12)


async def test_a_false_condition_skips_the_step(harness: Harness) -> None:
    outcome = await harness.run(
        definition(
            {"step_id": "big", "conditions": ["input.total > 100"]},
            {"step_id": "small", "conditions": [{"field": "input.total", "operator": "<=", "value": 100}]},
        ),
        {"total": 7},
        actions={"big": fails, "small": nothing},
    )

    assert outcome.failure is None, outcome.message
    assert outcome.report.steps["big"]["skip_reason"] == "condition_false"
    assert outcome.status_of("small") == "completed"


async def test_an_expression_over_missing_data_names_step_field_and_column(harness: Harness) -> None:
    outcome = await harness.run(
        definition({"step_id": "pay", "input_mapping": {"total": "input.order.total"}}),
        {"order": {"sum": 1}},
        actions={"pay": nothing},
    )

    assert outcome.failure == "WorkflowFailed"
    for part in ("'pay'", "input_mapping", "total", "column"):
        assert part in outcome.message


async def test_input_that_does_not_fit_its_validation_fails_before_the_action_runs(harness: Harness) -> None:
    ran: list[Any] = []
    step = {
        "step_id": "pay",
        "input_mapping": {"total": "input.total"},
        "input_validation": {"type": "object", "properties": {"total": {"type": "number", "minimum": 1}}},
    }
    outcome = await harness.run(definition(step), {"total": 0}, actions={"pay": lambda total: ran.append(total)})

    assert outcome.report.error is not None
    assert outcome.report.error.type == "InputInvalid"
    assert ran == []


async def test_input_too_large_for_a_payload_fails_the_step_by_name(harness: Harness) -> None:
    def grow() -> str:
        return "x" * 1_500_000

    outcome = await harness.run(
        definition(
            {"step_id": "grow", "output_mapping": {"result": "workflow.text"}},
            {
                "step_id": "send",
                "dependencies": ["grow"],
                "input_mapping": {"a": "workflow.text", "b": "workflow.text"},
            },
        ),
        actions={"grow": grow, "send": lambda a, b: None},
    )

    assert outcome.report.error is not None
    assert outcome.report.error.type == "PayloadTooLarge"
    assert "'send'" in outcome.message


async def test_an_output_that_is_not_json_fails_and_is_undone(harness: Harness) -> None:
    undone: list[str] = []

    def odd() -> Any:
        return {"value": float("nan")}

    outcome = await harness.run(
        definition({"step_id": "odd", "rollback_actions": ["undo"], "retry_policy": ONCE}),
        actions={"odd": odd, "undo": recording(undone)},
    )

    assert outcome.report.error is not None
    assert outcome.report.error.type == "DataInvalid"
    assert undone == ["odd unknown"]


async def test_activities_are_named_as_the_definition_reads(harness: Harness) -> None:
    await harness.run(
        definition({"step_id": "pay", "name": "Charge the card", "action": "charge"}), actions={"charge": nothing}
    )

    history = (await harness.histories())[0]
    event = next(one for one in history.events if one.event_type == 10)
    assert event.activity_task_scheduled_event_attributes.activity_id == "pay"
    assert event.activity_task_scheduled_event_attributes.activity_type.name == "charge"
    assert b"Charge the card" in event.user_metadata.summary.data


async def test_the_idempotency_key_is_the_same_for_every_attempt(harness: Harness) -> None:
    keys: list[str] = []

    def flaky() -> None:
        keys.append(context.idempotency_key())
        if len(keys) < 2:
            raise ActionError("again")

    outcome = await harness.run(
        definition({"step_id": "pay", "retry_policy": QUICK}, {"step_id": "x", "action": "pay"}), actions={"pay": flaky}
    )

    assert outcome.failure is None, outcome.message
    assert sorted(set(keys)) == sorted({f"{outcome.report.execution_id}:pay", f"{outcome.report.execution_id}:x"})


async def test_the_run_times_out_inside_and_undoes(harness: Harness) -> None:
    async def once(seconds: float) -> None:
        undone: list[str] = []
        began = asyncio.Event()

        async def slow() -> None:
            began.set()
            await works_until_cancelled()

        outcome = await harness.run(
            definition(
                {"step_id": "a", "rollback_actions": ["undo"]},
                {"step_id": "slow", "dependencies": ["a"], "rollback_actions": ["undo"]},
                timeout=seconds,
            ),
            actions={"a": nothing, "slow": slow, "undo": recording(undone)},
        )

        if not began.is_set():
            raise TooSlow
        assert outcome.failure == "WorkflowTimeout"
        assert outcome.report.status == "timeout"
        assert undone == ["slow unknown", "a completed"]

    await given_time(once, 1.5)
