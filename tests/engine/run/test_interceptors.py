from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.converter import DataConverter
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Interceptor, StartActivityInput, UnsandboxedWorkflowRunner, Worker
from temporalio.worker import WorkflowInboundInterceptor as Inbound
from temporalio.worker import WorkflowOutboundInterceptor as Outbound

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.decorator import action, action_of
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.worker.interceptors import ActionInterceptor, with_retry_delay
from advanced_workflow.workflows.contract import HEADER_EXECUTION, HEADER_RETRY, RetryDelay, retry_delay
from tests.patience import PATIENCE_SECONDS, never_ends

LINEAR = RetryDelay(strategy="linear", delay=10, multiplier=2, max_delay=25)
PAYLOADS = DataConverter.default.payload_converter

seen: dict[str, list[Any]] = {}
started = asyncio.Event()


@action
def flaky() -> str:
    seen.setdefault("times", []).append(activity.info().started_time)
    if context.attempt() < 4:
        raise ActionError("busy", type="Busy", details={"attempt": context.attempt()})
    return context.idempotency_key()


@action
def final() -> None:
    seen.setdefault("final", []).append(context.attempt())
    raise ActionError("no", type="Refused", retryable=False, details=[1, 2])


@action
async def endless() -> None:
    started.set()
    try:
        await never_ends()
    except asyncio.CancelledError:
        seen["interrupted"] = [context.cancelled()]
        raise


@workflow.defn
class OneAction:
    @workflow.run
    async def run(self, name: str, seconds: float) -> Any:
        return await workflow.execute_activity(
            name,
            activity_id="step.path",
            start_to_close_timeout=timedelta(seconds=seconds),
            heartbeat_timeout=timedelta(seconds=2),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=1),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )


class _WithHeaders(Outbound):
    def start_activity(self, input: StartActivityInput) -> Any:
        headers: Mapping[str, Payload] = {
            HEADER_EXECUTION: PAYLOADS.to_payload("first-run"),
            HEADER_RETRY: PAYLOADS.to_payload(LINEAR.model_dump()),
        }
        input.headers = {**input.headers, **headers}
        return super().start_activity(input)


class _Inbound(Inbound):
    def init(self, outbound: Outbound) -> None:
        super().init(_WithHeaders(outbound))


class Headers(Interceptor):
    def workflow_interceptor_class(self, input: Any) -> type[Inbound]:
        del input
        return _Inbound


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client() -> AsyncGenerator[Client]:
    server = str(Path(sys.executable).parent / "temporal-test-server")
    async with (
        await WorkflowEnvironment.start_time_skipping(test_server_existing_path=server) as environment,
        Worker(
            environment.client,
            task_queue="interceptors",
            workflows=[OneAction],
            activities=[found.activity() for one in (flaky, final, endless) if (found := action_of(one))],
            interceptors=[Headers(), ActionInterceptor()],
            workflow_runner=UnsandboxedWorkflowRunner(),
            default_heartbeat_throttle_interval=timedelta(milliseconds=100),
            max_heartbeat_throttle_interval=timedelta(milliseconds=100),
        ),
    ):
        yield environment.client


async def run(client: Client, name: str) -> Any:
    return await client.execute_workflow(
        OneAction.run, args=[name, 300], id=f"{name}-{uuid4()}", task_queue="interceptors"
    )


async def test_the_worker_gives_linear_delays_and_the_run_s_execution_id(client: Client):
    seen.clear()

    assert await run(client, "flaky") == "first-run:step.path"

    times: list[datetime] = seen["times"]
    gaps = [round((later - earlier).total_seconds()) for earlier, later in pairwise(times)]
    assert gaps == [10, 20, 25]


ALL_FAILED = {"adw_attempts": 1, "adw_all_failed": True}
"""What the worker adds for the run."""


async def test_a_non_retryable_failure_is_not_tried_again(client: Client):
    seen.clear()

    with pytest.raises(WorkflowFailureError) as caught:
        await run(client, "final")

    activity_error = caught.value.cause
    assert isinstance(activity_error, ActivityError)
    cause = activity_error.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.type, cause.message, cause.details) == ("Refused", "no", ([1, 2], ALL_FAILED))
    assert seen["final"] == [1]


async def test_a_cancel_reaches_an_action_that_sends_no_heartbeat_itself(client: Client):
    seen.clear()
    started.clear()
    handle = await client.start_workflow(
        OneAction.run, args=["endless", 300], id=f"endless-{uuid4()}", task_queue="interceptors"
    )
    await asyncio.wait_for(started.wait(), PATIENCE_SECONDS)
    await handle.cancel()

    with pytest.raises(WorkflowFailureError) as caught:
        await asyncio.wait_for(handle.result(), PATIENCE_SECONDS)

    cause = caught.value.cause
    assert isinstance(cause, CancelledError) or isinstance(cause.__cause__, CancelledError)
    assert seen["interrupted"] == [True]


def test_jitter_takes_at_most_its_share_off():
    policy = RetryDelay(strategy="fixed", delay=10, multiplier=1, max_delay=60, jitter=0.25)

    assert retry_delay(policy, 1, 0) == timedelta(seconds=10)
    assert retry_delay(policy, 1, 1) == timedelta(seconds=7.5)
    drawn = {delayed_by(policy) for _ in range(20)}
    assert len(drawn) > 1
    assert all(timedelta(seconds=7.5) <= delay <= timedelta(seconds=10) for delay in drawn)


def delayed_by(policy: RetryDelay) -> timedelta:
    delayed = with_retry_delay(ActionError("busy"), policy, 1)
    assert isinstance(delayed, ApplicationError)
    assert delayed.next_retry_delay is not None
    return delayed.next_retry_delay


def test_a_delayed_failure_keeps_message_type_and_details():
    delayed = with_retry_delay(ActionError("busy", type="Busy", details={"a": 1}), LINEAR, 2)

    assert isinstance(delayed, ApplicationError)
    assert (delayed.message, delayed.type, delayed.details) == ("busy", "Busy", ({"a": 1},))
    assert delayed.next_retry_delay == timedelta(seconds=20)


def test_an_ordinary_exception_gets_its_class_as_type():
    delayed = with_retry_delay(ConnectionError("reset"), LINEAR, 1)

    assert isinstance(delayed, ApplicationError)
    assert (delayed.message, delayed.type, delayed.non_retryable) == ("reset", "ConnectionError", False)


@pytest.mark.parametrize(
    "error",
    [
        ActionError("no", retryable=False),
        ApplicationError("later", next_retry_delay=timedelta(seconds=99)),
        CancelledError("cancelled"),
    ],
)
def test_failures_without_a_retry_or_with_a_delay_of_their_own_are_left_alone(error: Exception):
    assert with_retry_delay(error, LINEAR, 1) is error
