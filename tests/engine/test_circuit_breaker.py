from __future__ import annotations

from typing import Any

from activities import ActionError
from activities.interceptors import ActionInterceptor
from tests.harness import Harness, definition, eventually, outcome_of
from workflows.engine.interceptor import EngineInterceptor

BREAKER = {"failure_threshold": 2, "timeout": 2}


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


async def test_an_open_breaker_is_waited_out_without_using_up_attempts(harness: Harness) -> None:
    service = Service()
    async with harness.worker(service.actions):
        run = await harness.start(asking())

        async def waits() -> bool:
            return bool((await run.state()).circuit_breakers)

        await eventually(waits)
        state = await run.state()
        calls = service.calls
        service.broken = False
        outcome = await outcome_of(run)

    assert calls == 2
    [breaker] = state.circuit_breakers
    assert (breaker.action, breaker.state) == ("ask", "open")
    assert state.steps[0].waiting_for is not None
    assert "circuit breaker of action 'ask', open until" in state.steps[0].waiting_for
    assert outcome.failure is None, outcome.message
    assert outcome.data == {"answer": 3}
    assert outcome.state is not None
    assert outcome.state.circuit_breakers == []


async def test_attempts_that_called_the_action_are_counted_over_the_windows(harness: Harness) -> None:
    service = Service()
    async with harness.worker(service.actions):
        outcome = await outcome_of(await harness.start(asking()))

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert outcome.report.error.type == "Down"
    assert service.calls == 3


async def test_a_breaker_that_one_run_opened_keeps_another_from_calling_and_holds_no_slot(harness: Harness) -> None:
    service = Service()
    interceptors = [EngineInterceptor(), ActionInterceptor()]
    async with harness.worker(service.actions, interceptors=interceptors):
        first = await outcome_of(await harness.start(asking(max_attempts=2)))
        policy = {"max_attempts": 1, "circuit_breaker": BREAKER}
        workflow = definition({"step_id": "ask", "retry_policy": policy}, {"step_id": "other"}, max_parallel_steps=1)
        run = await harness.start(workflow)

        async def other_is_done() -> bool:
            steps = {one.step_id: one.status for one in (await run.state()).steps}
            return steps == {"ask": "waiting", "other": "completed"}

        await eventually(other_is_done)
        calls = service.calls
        service.broken = False
        second = await outcome_of(run)

    assert first.failure == "WorkflowFailed"
    assert calls == 2
    assert second.failure is None, second.message
    assert service.calls == 3


async def test_a_run_that_waits_for_a_breaker_can_be_cancelled_and_its_step_be_skipped(harness: Harness) -> None:
    service = Service()
    async with harness.worker(service.actions):
        skipped, cancelled = await harness.start(asking()), await harness.start(asking())

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
