"""A breaker in a real worker."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.converter import DataConverter
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Interceptor, StartActivityInput, UnsandboxedWorkflowRunner, Worker
from temporalio.worker import WorkflowInboundInterceptor as Inbound
from temporalio.worker import WorkflowOutboundInterceptor as Outbound

from advanced_workflow.activities.action.decorator import action, action_of
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.worker.interceptors import ActionInterceptor
from advanced_workflow.workflows.contract import CIRCUIT_OPEN, HEADER_BREAKER, BreakerPolicy, CircuitRefusal

PAYLOADS = DataConverter.default.payload_converter


@dataclass
class Clock:
    now: float = 1000

    def __call__(self) -> float:
        return self.now


@dataclass
class Bank:
    clock: Clock
    works: bool = False
    calls: int = 0


bank = Bank(Clock())


@action
def charge() -> str:
    bank.calls += 1
    if not bank.works:
        raise ActionError("bank does not answer", type="BankDown")
    return "charged"


@workflow.defn
class Charge:
    @workflow.run
    async def run(self) -> Any:
        return await workflow.execute_activity(
            "charge",
            start_to_close_timeout=timedelta(seconds=60),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=5),
        )


class _WithBreaker(Outbound):
    def start_activity(self, input: StartActivityInput) -> Any:
        policy = BreakerPolicy(failure_threshold=3, timeout=30)
        input.headers = {**input.headers, HEADER_BREAKER: PAYLOADS.to_payload(policy.model_dump())}
        return super().start_activity(input)


class _Inbound(Inbound):
    def init(self, outbound: Outbound) -> None:
        super().init(_WithBreaker(outbound))


class Headers(Interceptor):
    def workflow_interceptor_class(self, input: Any) -> type[Inbound]:
        del input
        return _Inbound


@pytest_asyncio.fixture(loop_scope="session")
async def client() -> AsyncGenerator[Client]:
    server = str(Path(sys.executable).parent / "temporal-test-server")
    found = action_of(charge)
    assert found
    async with (
        await WorkflowEnvironment.start_time_skipping(test_server_existing_path=server) as environment,
        Worker(
            environment.client,
            task_queue="breaker",
            workflows=[Charge],
            activities=[found.activity()],
            interceptors=[Headers(), ActionInterceptor(bank.clock)],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ),
    ):
        yield environment.client


async def run_charge(client: Client) -> Any:
    return await client.execute_workflow(Charge.run, id=f"charge-{uuid4()}", task_queue="breaker")


async def refusal_of(client: Client) -> CircuitRefusal:
    with pytest.raises(WorkflowFailureError) as caught:
        await run_charge(client)
    failure = caught.value.cause
    assert isinstance(failure, ActivityError)
    refusal = failure.cause
    assert isinstance(refusal, ApplicationError)
    assert (refusal.type, refusal.non_retryable) == (CIRCUIT_OPEN, True)
    return CircuitRefusal.model_validate(refusal.details[0])


async def test_runs_of_one_worker_share_a_breaker_and_a_probe_of_one_lets_all_through(client: Client):
    assert await refusal_of(client) == CircuitRefusal(retry_after=30, attempts_used=3)
    bank.clock.now += 12
    assert await refusal_of(client) == CircuitRefusal(retry_after=18, attempts_used=0)
    assert bank.calls == 3

    bank.works = True
    bank.clock.now += 18
    assert [await run_charge(client), await run_charge(client)] == ["charged", "charged"]
    assert bank.calls == 5
