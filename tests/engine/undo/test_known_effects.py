"""What a run believes of an effect: only an action's own words, in all of its attempts, say that there is none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio import activity

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run
from tests.engine.partner import http, partner
from tests.engine.stage import Stage, box, deed, loop, reaches
from tests.harness import Harness, Outcome, definition, eventually, outcome_of, recording
from tests.patience import PATIENCE_SECONDS, TooSlow, given_time, never_ends

ONCE = {"max_attempts": 1}
THRICE = {"max_attempts": 3, "delay": 0.1}


def charging(**more: Any) -> Any:
    return definition({"step_id": "charge", "rollback_actions": ["undo"], "retry_policy": ONCE, **more})


def story(outcome: Outcome) -> list[tuple[str, str]]:
    """Of each undo action its outcome, and how the step ended."""
    assert outcome.report.rollback is not None
    return [(one.outcome, one.step_outcome) for one in outcome.report.rollback.entries]


async def slow_then_refused() -> None:
    if context.attempt() == 1:
        await never_ends()
    raise ActionError("no", type="Refused", retryable=False)


def refused() -> None:
    raise ActionError("no", type="Refused")


async def test_a_later_refusal_does_not_take_back_what_a_timed_out_attempt_may_have_done(harness: Harness) -> None:
    async def once(seconds: float) -> None:
        undone: list[str] = []
        outcome = await harness.run(
            charging(timeout=seconds, retry_policy=THRICE),
            actions={"charge": slow_then_refused, "undo": recording(undone)},
        )

        assert outcome.report.error is not None
        assert outcome.report.error.type == "Refused"
        assert undone == ["charge unknown"]

    await harness.given_time(once, 0.5)


@pytest.mark.parametrize("more", [{}, {"execution": "local"}, {"heartbeat_timeout": 5}])
async def test_an_action_that_says_in_each_attempt_that_it_failed_took_no_effect(
    harness: Harness, more: dict[str, Any]
) -> None:
    seen: list[Any] = []

    def refuses() -> None:
        seen.append(context.heartbeat_details())
        raise ActionError("no", type="Refused", details={"why": context.attempt()})

    undone: list[str] = []
    outcome = await harness.run(
        charging(retry_policy=THRICE, **more), actions={"charge": refuses, "undo": recording(undone)}
    )

    assert undone == []
    assert story(outcome) == [("not_needed", "failed")]
    assert outcome.report.error is not None
    assert outcome.report.error.details == {"why": 3}
    assert seen == [(), (), ()], "the word between attempts is not the action's business"


async def test_an_attempt_that_its_stopped_worker_ended_has_an_unknown_effect(harness: Harness) -> None:
    began: list[str] = []
    undone: list[str] = []

    async def charge() -> None:
        began.append(context.idempotency_key())
        await never_ends()

    actions = {"charge": charge, "undo": recording(undone)}
    async with harness.worker(actions):
        run = await harness.start(charging())
        await eventually(lambda: began)
    async with harness.worker(actions):
        outcome = await outcome_of(run)

    assert outcome.report.error is not None
    assert outcome.report.error.type == "WorkerLost"
    assert undone == ["charge unknown"]


async def test_a_request_that_was_sent_before_its_worker_stopped_has_an_unknown_effect(harness: Harness) -> None:
    received = asyncio.Event()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        received.set()
        await reader.read(4096)  # No answer: it ends when the worker goes.
        writer.close()

    undone: list[str] = []
    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    webhook = {"url": f"'http://127.0.0.1:{port}/pay'", "body": {"n": 1}}
    workflow = charging(step_type="webhook", webhook=webhook)
    async with harness.worker({"undo": recording(undone)}, activities=http("127.0.0.1")):
        run = await harness.start(workflow)
        await asyncio.wait_for(received.wait(), PATIENCE_SECONDS)
    async with harness.worker({"undo": recording(undone)}, activities=http("127.0.0.1")):
        outcome = await outcome_of(run)
    server.close()

    assert outcome.failure == "WorkflowFailed"
    assert undone == ["charge unknown"]


async def test_that_no_worker_takes_it_again_does_not_take_back_an_earlier_attempt(harness: Harness) -> None:
    async def once(seconds: float) -> None:
        queue = f"{harness.task_queue}-{seconds}"
        began: list[int] = []
        undone: list[str] = []

        async def charge() -> None:
            began.append(context.attempt())
            await never_ends()

        async with harness.worker():
            workflow = charging(agent_capability=queue, queue_timeout=seconds, rollback_timeout=1, retry_policy=THRICE)
            async with harness.worker({"charge": charge}, task_queue=queue):
                run = await harness.start(workflow)
                await eventually(lambda: _began_or_failed(run, began))
            async with asyncio.timeout(PATIENCE_SECONDS):
                await reaches(run, "charge", "failed")
            async with harness.worker({"undo": recording(undone)}, task_queue=queue):
                outcome = await outcome_of(run)

        if not began:
            raise TooSlow
        assert outcome.report.error is not None
        assert outcome.report.error.type == "QueueTimeout"
        assert began == [1]
        [(_, step_outcome)] = story(outcome)
        assert step_outcome == "unknown"

    await given_time(once, 2)


async def test_what_was_cancelled_before_it_was_sent_had_no_effect(harness: Harness) -> None:
    stage, queue = Stage({"all.bad": 1}, "all.again#0", "all.bad"), f"{harness.task_queue}-desk"
    here = {"agent_capability": queue}
    rounds = loop("again", rollback_actions=["undo"], retry_policy=ONCE, **here)
    workflow = definition(box("all", rounds, deed("bad", **here), retry_policy={"parallel_failure_threshold": 1}))
    async with harness.worker(stage.actions, task_queue=queue):
        async with harness.worker():
            run = await harness.start(workflow)
            await stage.sees("all.again#0", "all.bad")
        stage.held.clear()  # Nobody but the next worker hears of both ends, and then at one time.

        async def over() -> bool:
            events = (await run.handle.fetch_history()).events
            return sum(one.HasField("activity_task_started_event_attributes") for one in events) == 2

        await eventually(over)
        async with harness.worker():
            outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed"
    assert "all.again#1" not in stage.began
    assert stage.undone == ["all.again#0"]


async def test_what_no_worker_ever_took_had_no_effect(harness: Harness) -> None:
    workflow = charging(agent_capability=f"{harness.task_queue}-none", queue_timeout=0.5, retry_policy=THRICE)
    outcome = await harness.run(workflow)

    assert outcome.report.error is not None
    assert outcome.report.error.type == "QueueTimeout"
    assert story(outcome) == [("not_needed", "failed")]


async def test_a_refusal_by_the_breaker_does_not_take_back_what_an_attempt_before_it_may_have_done(
    harness: Harness,
) -> None:
    async def once(seconds: float) -> None:
        breaker = {"failure_threshold": 1, "timeout": 2 * seconds}
        undone: list[str] = []
        outcome = await harness.run(
            charging(timeout=seconds, retry_policy={**THRICE, "max_attempts": 2, "circuit_breaker": breaker}),
            actions={"charge": slow_then_refused_twice(), "undo": recording(undone)},
        )

        assert outcome.report.error is not None
        assert outcome.report.error.type == "Refused"
        assert undone == ["charge unknown"]

    await harness.given_time(once, 0.5)


def slow_then_refused_twice() -> Any:
    calls: list[int] = []

    async def charge() -> None:
        calls.append(1)
        if len(calls) == 1:
            await never_ends()
        raise ActionError("no", type="Refused", retryable=False)

    return charge


async def test_a_result_that_the_sdk_cannot_send_leaves_the_effect_unknown(harness: Harness) -> None:
    @activity.defn(name="charge")
    async def charge(given: Any = None) -> Any:
        return object()

    undone: list[str] = []
    async with harness.worker({"undo": recording(undone)}, activities=[charge]):
        outcome = await outcome_of(await harness.start(charging()))

    assert outcome.failure == "WorkflowFailed"
    assert undone == ["charge unknown"]


async def test_a_partner_that_answers_in_each_attempt_took_no_effect(harness: Harness) -> None:
    undone: list[str] = []
    with partner() as service:
        service.answers = [(408, {}), (408, {}), (422, {})]
        webhook = {"url": "input.url", "body": {"n": 1}}
        async with harness.worker({"undo": recording(undone)}, activities=http("127.0.0.1")):
            workflow = charging(step_type="webhook", webhook=webhook, retry_policy=THRICE)
            outcome = await outcome_of(await harness.start(workflow, {"url": service.address}))

    assert undone == []
    assert story(outcome) == [("not_needed", "failed")]


async def _began_or_failed(run: Run, began: list[int]) -> bool:
    return bool(began) or (await run.state()).steps[0].status == "failed"
