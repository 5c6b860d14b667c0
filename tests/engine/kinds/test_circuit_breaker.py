from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.worker.interceptors import ActionInterceptor
from advanced_workflow.workflows.engine.temporal.interceptor import EngineInterceptor
from tests.harness import Harness, definition, eventually, outcome_of, recording

BREAKER = {"failure_threshold": 2, "timeout": 600}


@dataclass
class Clock:
    """Of the breakers: no window passes while a test looks."""

    now: float = 0

    def __call__(self) -> float:
        return self.now

    @property
    def interceptors(self) -> list[Interceptor]:
        """Of a worker with these breakers."""
        return [EngineInterceptor(), ActionInterceptor(self)]


def by_the_server() -> list[Interceptor]:
    """Breakers whose clock is the server's, which jumps over each window once a test waits for a result."""
    return [EngineInterceptor(), ActionInterceptor(lambda: activity.info().started_time.timestamp())]


class Service:
    """An action that fails until it is mended."""

    def __init__(self) -> None:
        self.calls = 0
        self.broken = True

    @property
    def actions(self) -> dict[str, Any]:
        def ask() -> int:
            self.calls += 1
            if self.broken:
                raise ActionError("down", type="Down")
            return self.calls

        def other() -> str:
            return "fine"

        return {"ask": ask, "other": other}


def asking(**more: Any) -> Any:
    policy = {"max_attempts": 3, "delay": 0.1, "circuit_breaker": BREAKER, **more}
    return definition({"step_id": "ask", "retry_policy": policy}, output={"answer": "steps.ask.output"})


async def test_an_open_breaker_is_waited_out_without_using_up_attempts(skipping: Harness) -> None:
    service, clock = Service(), Clock()
    async with skipping.worker(service.actions, interceptors=clock.interceptors):
        run = await skipping.start(asking())

        async def waits() -> bool:
            return bool((await run.state()).circuit_breakers)

        await eventually(waits)
        state = await run.state()
        calls = service.calls
        service.broken, clock.now = False, 600
        outcome = await outcome_of(run, state=True)

    assert calls == 2
    [breaker] = state.circuit_breakers
    assert (breaker.action, breaker.state) == ("ask", "open")
    assert state.steps[0].waiting_for is not None
    assert "circuit breaker of action 'ask', open until" in state.steps[0].waiting_for
    assert outcome.failure is None, outcome.message
    assert outcome.data == {"answer": 3}
    assert outcome.state is not None
    assert outcome.state.circuit_breakers == []


async def test_attempts_that_called_the_action_are_counted_over_the_windows(skipping: Harness) -> None:
    service = Service()
    async with skipping.worker(service.actions, interceptors=by_the_server()):
        outcome = await outcome_of(await skipping.start(asking()))

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert outcome.report.error.type == "Down"
    assert service.calls == 3


async def test_a_breaker_that_one_run_opened_keeps_another_from_calling_and_holds_no_slot(skipping: Harness) -> None:
    service, clock = Service(), Clock()
    async with skipping.worker(service.actions, interceptors=clock.interceptors):
        first = await outcome_of(await skipping.start(asking(max_attempts=2)))
        policy = {"max_attempts": 1, "circuit_breaker": BREAKER}
        workflow = definition({"step_id": "ask", "retry_policy": policy}, {"step_id": "other"}, max_parallel_steps=1)
        run = await skipping.start(workflow)

        async def other_is_done() -> bool:
            steps = {one.step_id: one.status for one in (await run.state()).steps}
            return steps == {"ask": "waiting", "other": "completed"}

        await eventually(other_is_done)
        calls = service.calls
        service.broken, clock.now = False, 600
        second = await outcome_of(run)

    assert first.failure == "WorkflowFailed"
    assert calls == 2
    assert second.failure is None, second.message
    assert service.calls == 3


async def test_a_run_that_waits_for_a_breaker_can_be_cancelled_and_its_step_be_skipped(skipping: Harness) -> None:
    service, clock = Service(), Clock()
    async with skipping.worker(service.actions, interceptors=clock.interceptors):
        skipped, cancelled = await skipping.start(asking()), await skipping.start(asking())

        async def both_wait() -> bool:
            states = [await one.state() for one in (skipped, cancelled)]
            return all(one.steps[0].status == "waiting" for one in states)

        await eventually(both_wait)
        await skipped.skip_step("ask", "we know it already")
        await cancelled.cancel()
        outcome = await outcome_of(skipped)
        summary = await eventually(lambda: _closed(cancelled))

    assert outcome.report.steps["ask"]["status"] == "skipped"
    assert summary == "canceled"


async def _closed(run: Any) -> str | None:
    summary = await run.summary()
    return summary.status if summary.close_time else None


async def test_a_probe_that_fails_opens_the_breaker_again_and_one_that_succeeds_closes_it(skipping: Harness) -> None:
    calls: list[str] = []

    def ask() -> int:
        calls.append(context.step_path())
        if len(calls) <= 3:
            raise ActionError("down", type="Down")
        return len(calls)

    breaker = {"failure_threshold": 2, "timeout": 600}
    policy = {"delay": 0.05, "backoff_strategy": "fixed", "circuit_breaker": breaker}
    workflow = definition(
        {"step_id": "first", "action": "ask", "retry_policy": {**policy, "max_attempts": 5}},
        {"step_id": "then", "action": "ask", "dependencies": ["first"], "retry_policy": policy},
        output={"first": "steps.first.output", "then": "steps.then.output"},
    )
    async with skipping.worker({"ask": ask}, interceptors=by_the_server()):
        outcome = await outcome_of(await skipping.start(workflow))

    assert outcome.data == {"first": 4, "then": 5}
    events = (await outcome.handle.fetch_history()).events
    scheduled = [event.activity_task_scheduled_event_attributes.activity_id for event in events]
    assert scheduled.count("first") >= 2  # The probe is an activity of its own.
    assert scheduled.count("then") == 1


async def test_every_round_of_a_loop_has_all_its_attempts(harness: Harness) -> None:
    calls: list[str] = []

    def ask() -> None:
        calls.append(context.step_path())
        if calls.count(context.step_path()) == 1:
            raise ActionError("down", type="Down")

    policy = {"max_attempts": 2, "delay": 0.1, "circuit_breaker": {"failure_threshold": 1, "timeout": 0.2}}
    poll = {"step_id": "poll", "step_type": "loop", "action": "ask", "loop_condition": "iteration < 2"}
    outcome = await harness.run(definition({**poll, "retry_policy": policy}), actions={"ask": ask})

    assert outcome.failure is None, outcome.message
    assert calls == ["poll#0", "poll#0", "poll#1", "poll#1"]


async def test_a_breaker_is_seen_as_long_as_a_step_waits_for_it_and_skipped_steps_may_be_undone(
    harness: Harness,
) -> None:
    service, undone = Service(), list[str]()
    policy = {"delay": 0.1, "circuit_breaker": {"failure_threshold": 1, "timeout": 60}}
    asks = {"action": "ask", "retry_policy": policy, "rollback_actions": ["undo"]}
    async with harness.worker({**service.actions, "undo": recording(undone)}):
        run = await harness.start(definition({"step_id": "a", **asks}, {"step_id": "b", **asks}))

        async def statuses() -> list[str]:
            return [str(one.status) for one in (await run.state()).steps]

        await eventually(lambda: _are(statuses, ["waiting", "waiting"]))
        await run.skip_step("b", "not today", by="op")
        await eventually(lambda: _are(statuses, ["waiting", "skipped"]))
        state = await run.state()
        await run.cancel()
        outcome = await outcome_of(run)

    assert [one.action for one in state.circuit_breakers] == ["ask"]
    assert outcome.failure == "Cancelled"
    # Whether an attempt before took effect is not known: it may have timed out.
    assert sorted(undone) == ["a unknown", "b unknown"]


async def _are(statuses: Callable[[], Awaitable[list[str]]], expected: list[str]) -> bool:
    return await statuses() == expected


class Held(Interceptor):
    """Holds the second attempt of `ask` before its breaker is asked."""

    def __init__(self) -> None:
        self.is_held, self.may_go = asyncio.Event(), asyncio.Event()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Holding(next, self)


class _Holding(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, held: Held) -> None:
        super().__init__(next)
        self._held = held

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        if (activity.info().activity_type, activity.info().attempt) == ("ask", 2):
            self._held.is_held.set()
            await self._held.may_go.wait()
        return await self.next.execute_activity(input)


async def test_an_action_that_is_refused_while_the_run_is_cancelled_is_undone_for_its_earlier_attempt(
    harness: Harness,
) -> None:
    undone: list[str] = []
    held = Held()
    policy = {"delay": 0.01, "circuit_breaker": {"failure_threshold": 1, "timeout": 600}}
    step = {"step_id": "ask", "retry_policy": policy, "rollback_actions": ["undo"]}
    interceptors = [EngineInterceptor(), held, ActionInterceptor()]
    async with harness.worker({**Service().actions, "undo": recording(undone)}, interceptors=interceptors):
        run = await harness.start(definition(step))
        await held.is_held.wait()
        await run.cancel()

        async def is_told() -> bool:
            events = (await run.handle.fetch_history()).events
            return any(one.HasField("activity_task_cancel_requested_event_attributes") for one in events)

        await eventually(is_told)
        held.may_go.set()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"
    assert undone == ["ask unknown"]


async def test_the_time_for_all_attempts_does_not_begin_again_with_each_window(skipping: Harness) -> None:
    service = Service()
    step = {"step_id": "ask", "total_timeout": 100, "rollback_actions": ["undo"]}
    policy = {"max_attempts": 50, "delay": 1, "circuit_breaker": {"failure_threshold": 1, "timeout": 30}}
    undone: list[str] = []
    async with skipping.worker({**service.actions, "undo": recording(undone)}):
        outcome = await outcome_of(await skipping.start(definition({**step, "retry_policy": policy})))

    assert outcome.report.error is not None
    assert outcome.report.error.type == "TotalTimeout"
    assert 95 < outcome.report.duration_seconds < 105
    assert undone == [], "each attempt said that it failed"
