from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.exceptions import CancelledError as ActivityCancelled
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig
from temporalio.testing import ActivityEnvironment
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
)

from advanced_workflow.activities.action.decorator import action, action_of
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.action.threads import call_in_thread
from advanced_workflow.activities.worker.breaker import PROBE_SHARE, Attempt, Breaker, Outcome, State
from advanced_workflow.activities.worker.interceptors import ActionInterceptor
from advanced_workflow.workflows.contract import (
    CIRCUIT_OPEN,
    HEADER_BREAKER,
    HEADER_RETRY,
    BreakerPolicy,
    CircuitRefusal,
    ModelFailure,
    RetryDelay,
)
from tests.examples import profile
from tests.patience import PATIENCE_SECONDS

POLICY = BreakerPolicy(failure_threshold=2, timeout=30)
DELAYS = RetryDelay(strategy="linear", delay=3, multiplier=1, max_delay=60)
PAYLOADS = DataConverter.default.payload_converter

Behaviour = Callable[[], Awaitable[Any]]


@dataclass
class Clock:
    now: float = 1000

    def __call__(self) -> float:
        return self.now


class _Action(ActivityInboundInterceptor):
    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        del input
        return await self._behaviour()


@dataclass
class Service:
    """Attempts through the worker's interceptor, each in an activity of its own."""

    clock: Clock = field(default_factory=Clock)
    calls: int = 0
    runtime: Runtime | None = None

    def __post_init__(self) -> None:
        self.interceptor = ActionInterceptor(self.clock)

    def environment(self, name: str = "pay", **info: Any) -> ActivityEnvironment:
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, activity_type=name, **info)
        if self.runtime:
            environment.metric_meter = self.runtime.metric_meter
        return environment

    async def attempt(
        self,
        behaviour: Behaviour,
        *,
        policy: BreakerPolicy | None = POLICY,
        environment: ActivityEnvironment | None = None,
        headers: Mapping[str, Payload] | None = None,
    ) -> Any:
        sent = dict(headers or {})
        if policy:
            sent[HEADER_BREAKER] = PAYLOADS.to_payload(policy.model_dump())

        async def counted() -> Any:
            self.calls += 1
            return await behaviour()

        async def run() -> Any:
            inbound = self.interceptor.intercept_activity(_Action(counted))
            return await inbound.execute_activity(ExecuteActivityInput(run, [], None, sent))

        return await (environment or self.environment()).run(run)

    async def start(self, behaviour: Behaviour, **more: Any) -> asyncio.Task[Any]:
        """Begin an attempt and come back once the action runs."""
        begun = asyncio.Event()

        async def noted() -> Any:
            begun.set()
            return await behaviour()

        task = asyncio.create_task(self.attempt(noted, **more))
        await begun.wait()
        return task

    async def fails(self, times: int = 1, **more: Any) -> None:
        for _ in range(times):
            with pytest.raises(ActionError, match="busy"):
                await self.attempt(busy, **more)

    async def refused(self, **more: Any) -> CircuitRefusal:
        calls = self.calls
        with pytest.raises(ApplicationError) as caught:
            await self.attempt(works, **more)
        assert (caught.value.type, caught.value.non_retryable) == (CIRCUIT_OPEN, True)
        assert self.calls == calls
        return CircuitRefusal.model_validate(caught.value.details[0])


async def works() -> str:
    return "done"


async def busy() -> None:
    raise ActionError("busy")


async def refuses() -> None:
    raise ActionError("card declined", retryable=False)


async def test_failures_in_a_row_open_the_breaker_and_attempts_are_refused_until_the_window_is_over():
    service = Service()
    await service.fails(2)

    assert await service.refused() == CircuitRefusal(retry_after=30, attempts_used=0)
    service.clock.now += 29.5
    assert await service.refused() == CircuitRefusal(retry_after=0.5, attempts_used=0)
    service.clock.now += 0.5
    assert await service.attempt(works) == "done"


async def test_the_refusal_names_action_and_seconds_and_counts_the_attempts_that_were_made():
    service = Service()
    await service.fails(2)
    service.clock.now += 17.75

    with pytest.raises(ApplicationError) as caught:
        await service.attempt(works, environment=service.environment(attempt=4))

    assert caught.value.message == "action 'pay' keeps failing and was not called; ask again in 12.2 seconds."
    assert caught.value.details == ({"retry_after": 12.25, "attempts_used": 3},)


async def test_each_key_of_an_action_has_its_own_breaker():
    service = Service()
    one, other = (POLICY.model_copy(update={"key": key}) for key in ("openai:large", "openai:small"))
    await service.fails(2, policy=one)

    assert await service.refused(policy=one) == CircuitRefusal(retry_after=30, attempts_used=0)
    assert await service.attempt(works, policy=other) == "done"
    assert await service.attempt(works) == "done"


async def test_a_run_that_does_not_answer_its_worker_says_nothing_of_the_model():
    async def unasked() -> None:
        raise ActionError("the run does not answer", type=ModelFailure.CONVERSATION_UNAVAILABLE)

    service = Service()
    for _ in range(3):
        with pytest.raises(ActionError, match="does not answer"):
            await service.attempt(unasked)

    assert await service.attempt(works) == "done"


async def test_a_refusal_is_not_given_a_retry_delay_and_the_failures_before_it_are():
    service = Service()
    headers = {HEADER_RETRY: PAYLOADS.to_payload(DELAYS.model_dump())}
    delays: list[object] = []

    for _ in range(3):
        with pytest.raises(ApplicationError) as caught:
            await service.attempt(busy, headers=headers)
        delays.append((caught.value.type, caught.value.next_retry_delay))

    later = timedelta(seconds=3)
    assert delays == [("ActionError", later), ("ActionError", later), (CIRCUIT_OPEN, None)]


@pytest.mark.parametrize("answer", [works, refuses])
async def test_an_answer_between_failures_begins_the_count_again(answer: Behaviour):
    service = Service()
    await service.fails()
    await asyncio.gather(service.attempt(answer), return_exceptions=True)
    await service.fails()

    assert await service.attempt(works) == "done"


@pytest.mark.parametrize("answer", [works, refuses])
async def test_an_answer_to_the_probe_closes_the_breaker(answer: Behaviour):
    service = Service()
    await service.fails(2)
    service.clock.now += 30
    await asyncio.gather(service.attempt(answer), return_exceptions=True)

    await service.fails()
    assert await service.attempt(works) == "done"


async def test_a_failing_probe_opens_the_breaker_for_a_whole_window():
    service = Service()
    await service.fails(2)
    service.clock.now += 100
    await service.fails()

    assert (await service.refused()).retry_after == 30


async def test_only_one_probe_goes_through_and_the_others_are_told_to_ask_soon():
    service, answer = Service(), asyncio.Event()
    await service.fails(2)
    service.clock.now += 30
    probe = await service.start(answer.wait)

    assert (await service.refused()).retry_after == 30 * PROBE_SHARE
    answer.set()
    assert await probe is True
    assert await service.attempt(works) == "done"


async def test_a_cancelled_probe_leaves_its_place_to_the_next_attempt():
    service = Service()
    await service.fails(2)
    service.clock.now += 30
    await cancelled(service, endless)

    assert await service.attempt(works) == "done"
    await service.fails()
    assert await service.attempt(works) == "done"


async def endless() -> None:
    await asyncio.Event().wait()


async def gives_up_when_cancelled() -> None:
    try:
        await endless()
    except asyncio.CancelledError:
        raise ActionError("stopped before it took effect") from None


async def tells_that_it_was_cancelled() -> None:
    try:
        await endless()
    except asyncio.CancelledError:
        raise ActivityCancelled("stopped") from None


async def cancelled(service: Service, behaviour: Behaviour) -> None:
    environment = service.environment()
    running = await service.start(behaviour, environment=environment)
    environment.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("behaviour", [endless, gives_up_when_cancelled, tells_that_it_was_cancelled])
async def test_cancelled_attempts_count_as_nothing(behaviour: Behaviour):
    service = Service()
    await service.fails()
    for _ in range(3):
        await cancelled(service, behaviour)

    assert await service.attempt(works) == "done"
    await service.fails()
    await cancelled(service, behaviour)
    await service.fails()
    assert (await service.refused()).retry_after == 30


async def test_a_cancellation_that_the_action_met_elsewhere_counts_as_nothing():
    async def meets_a_cancellation() -> None:
        raise ActivityCancelled("of what it waited for")

    service = Service()
    await service.fails()
    with pytest.raises(ActivityCancelled):
        await service.attempt(meets_a_cancellation)

    assert await service.attempt(works) == "done"


async def test_an_attempt_that_completes_elsewhere_counts_as_nothing():
    async def elsewhere() -> None:
        activity.raise_complete_async()

    service = Service()
    await service.fails()
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - the SDK's own signal, which has no public name
        await service.attempt(elsewhere)
    assert not isinstance(caught.value, Exception)
    await service.fails()

    assert (await service.refused()).retry_after == 30


async def test_input_that_never_reached_the_action_says_nothing_about_it():
    @action
    def charge(cents: int) -> int:
        return cents

    async def bad_input() -> Any:
        found = action_of(charge)
        assert found
        return await found.run({"cents": "many"})

    service = Service()
    await service.fails(2)
    service.clock.now += 30
    with pytest.raises(ApplicationError, match="does not fit"):
        await service.attempt(bad_input)
    await service.fails()

    assert (await service.refused()).retry_after == 30


async def test_attempts_longer_than_their_time_count_as_failures_while_their_threads_still_hang():
    service, end = Service(), threading.Event()

    def hanging() -> Awaitable[bool]:
        return call_in_thread(end.wait, PATIENCE_SECONDS)

    def attempt() -> asyncio.Task[Any]:
        short = service.environment(start_to_close_timeout=timedelta(seconds=0.05))
        return asyncio.create_task(service.attempt(hanging, environment=short))

    first = [attempt(), attempt()]
    try:
        await asyncio.sleep(0.2)
        assert (await service.refused()).retry_after == 30

        service.clock.now += 30
        probe = attempt()
        await asyncio.sleep(0.2)
        assert (await service.refused()).retry_after == 30
    finally:
        end.set()
    assert await asyncio.gather(*first, probe) == [True, True, True]
    assert (await service.refused()).retry_after == 30  # Late answers to runs that no longer wait for them.


async def test_an_attempt_within_its_time_leaves_no_timer_behind(monkeypatch: pytest.MonkeyPatch):
    loop, timers = asyncio.get_running_loop(), list[asyncio.TimerHandle]()
    call_later = loop.call_later

    def noted(*args: Any, **more: Any) -> asyncio.TimerHandle:
        timers.append(call_later(*args, **more))
        return timers[-1]

    monkeypatch.setattr(loop, "call_later", noted)
    service = Service()
    await service.attempt(works)
    await service.fails()

    assert [timer.cancelled() for timer in timers] == [True, True]


async def test_attempts_from_before_the_breaker_opened_do_not_change_it_when_they_end():
    service, late_answer, late_failure = Service(), asyncio.Event(), asyncio.Event()

    async def fails_late() -> None:
        await late_failure.wait()
        await busy()

    answering = await service.start(late_answer.wait)
    failing = await service.start(fails_late)
    await service.fails(2)
    late_answer.set()
    await answering
    service.clock.now += 10
    late_failure.set()
    await asyncio.gather(failing, return_exceptions=True)

    assert (await service.refused()).retry_after == 20


async def test_each_attempt_is_judged_by_the_numbers_it_comes_with():
    patient = BreakerPolicy(failure_threshold=5, timeout=300)
    service = Service()
    await service.fails(4, policy=patient)
    await service.fails(policy=POLICY)

    service.clock.now += 30
    assert (await service.refused(policy=patient)).retry_after == 270
    assert await service.attempt(works, policy=POLICY) == "done"


async def test_actions_have_breakers_of_their_own():
    service = Service()
    await service.fails(2)

    assert await service.attempt(works, environment=service.environment("ship")) == "done"
    assert (await service.refused()).retry_after == 30


async def test_attempts_without_a_policy_are_always_made_and_do_not_count():
    service = Service()
    await service.fails(2, policy=None)
    await service.fails(2)

    assert await service.attempt(works, policy=None) == "done"
    assert (await service.refused()).retry_after == 30


async def test_state_and_refusals_are_metrics_on_every_queue_the_action_is_served_on():
    buffer = MetricBuffer(1000)
    service = Service(runtime=Runtime(telemetry=TelemetryConfig(metrics=buffer)))

    def on(queue: str) -> ActivityEnvironment:
        return service.environment(task_queue=queue)

    await service.attempt(works, environment=on("gpu"))
    await service.fails(2, environment=on("main"))
    await service.refused(environment=on("main"))
    service.clock.now += 30
    await service.attempt(works, environment=on("gpu"))

    told: dict[tuple[str, str], list[float]] = {}
    for update in buffer.retrieve_updates():
        assert update.attributes["action"] == "pay"
        told.setdefault((update.metric.name, str(update.attributes["task_queue"])), []).append(update.value)
    assert told == {
        ("adw_breaker_open", "gpu"): [0, 2, 1, 0],
        ("adw_breaker_open", "main"): [0, 2, 1, 0],
        ("adw_breaker_refused", "main"): [1],
    }


POLICIES = [BreakerPolicy(failure_threshold=count, timeout=wait) for count in (1, 2, 3) for wait in (4.0, 10.0)]
ACTS = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(POLICIES)),
    st.tuples(st.just("end"), st.integers(0, 20), st.sampled_from(Outcome)),
    st.tuples(st.just("pass"), st.sampled_from([0.5, 3.0, 4.0, 10.0])),
)


@dataclass
class Model:
    """The rules once more, by attempt numbers: an end counts only if its attempt began after the last change."""

    open_since: float | None = None
    probe: int | None = None
    in_a_row: int = 0
    first_that_counts: int = 0
    begun: int = 0

    def state(self) -> State:
        if self.open_since is None:
            return State.CLOSED
        return State.OPEN if self.probe is None else State.HALF_OPEN

    def seconds(self, policy: BreakerPolicy, now: float) -> float:
        if self.open_since is None:
            return 0
        return policy.timeout / 4 if self.probe is not None else max(0, self.open_since + policy.timeout - now)

    def begin(self) -> int:
        number = self.begun
        self.begun += 1
        if self.open_since is not None:
            self.probe = number
        return number

    def end(self, number: int, policy: BreakerPolicy, outcome: Outcome, now: float) -> None:
        if self.open_since is not None:
            if number != self.probe:
                return
            self.probe = None
            if outcome is Outcome.FAILED:
                self.open_since = now
            elif outcome is Outcome.ANSWERED:
                self.open_since, self.in_a_row, self.first_that_counts = None, 0, self.begun
        elif number >= self.first_that_counts and outcome is not Outcome.UNKNOWN:
            self.in_a_row = self.in_a_row + 1 if outcome is Outcome.FAILED else 0
            if self.in_a_row >= policy.failure_threshold:
                self.open_since = now


@profile(150)
@given(st.lists(ACTS, max_size=60))
def test_a_breaker_does_what_the_model_does_whatever_happens_in_any_order(acts: list[tuple[Any, ...]]):
    clock, model, heard = Clock(), Model(), [State.CLOSED]
    breaker = Breaker(clock, heard.append)
    running: list[tuple[Attempt, int, BreakerPolicy]] = []

    for act in acts:
        match act:
            case ("ask", policy):
                seconds = breaker.retry_after(policy)
                assert seconds == model.seconds(policy, clock.now)
                if seconds == 0:
                    running.append((breaker.begin(policy), model.begin(), policy))
            case ("end", index, outcome) if running:
                attempt, number, policy = running.pop(index % len(running))
                breaker.end(attempt, outcome)
                model.end(number, policy, outcome, clock.now)
                breaker.end(attempt, Outcome.FAILED)  # Only the first end of an attempt counts.
            case ("pass", seconds):
                clock.now += seconds
            case _:
                pass
        assert breaker.state == heard[-1] == model.state()


@pytest.mark.parametrize("outcome", Outcome)
def test_after_a_probe_attempts_come_one_at_a_time_unless_it_was_answered(outcome: Outcome) -> None:
    clock = Clock()
    breaker = Breaker(clock, lambda _: None)
    for _ in range(POLICY.failure_threshold):
        breaker.end(breaker.begin(POLICY), Outcome.FAILED)
    clock.now += POLICY.timeout
    breaker.end(breaker.begin(POLICY), outcome)
    clock.now += POLICY.timeout
    breaker.begin(POLICY)

    assert (breaker.retry_after(POLICY) == 0) == (outcome is Outcome.ANSWERED)
