from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from advanced_workflow.activities.builtin.http_request import HttpRequests
from advanced_workflow.workflows.contract import HTTP_ACTION, HttpRequest, HttpResponse
from tests.unit.http_calls import Server, answer, details, loopback, nothing, running


@workflow.defn
class OneRequest:
    @workflow.run
    async def run(self, request: Any) -> Any:
        return await workflow.execute_activity(
            HTTP_ACTION,
            request,
            activity_id="call",
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10), maximum_attempts=2),
        )


async def run(client: Client, server: Server) -> HttpResponse:
    requests = HttpRequests(server.policy, resolver=loopback)
    request = HttpRequest(url=server.url, method="POST", body={}).model_dump(mode="json")
    queue = f"http-{uuid4()}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[OneRequest],
        activities=[requests.send],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        given = await client.execute_workflow(OneRequest.run, request, id=queue, task_queue=queue)
    return HttpResponse.model_validate(given)


@pytest.mark.parametrize(
    ("first", "effect"),
    [(nothing, "unknown"), (answer(status="500 Oops"), "unknown"), (answer(status="429 Busy"), None)],
)
async def test_a_doubt_about_one_attempt_outlives_the_next_on_a_real_server(client: Client, first: Any, effect: Any):
    async with running(first, answer(status="409 Conflict")) as server:
        with pytest.raises(WorkflowFailureError) as caught:
            await run(client, server)

    assert isinstance(caught.value.cause, ActivityError)
    error = caught.value.cause.cause
    assert isinstance(error, ApplicationError)
    assert len(server.requests) == 2
    assert (error.type, details(error)["status"], details(error).get("effect")) == ("HttpError", 409, effect)


async def test_both_attempts_on_a_real_server_carry_the_same_key_and_the_delay_is_the_server_s(client: Client):
    async with running(answer(status="503 Busy", Retry_After="1"), answer(b"done")) as server:
        began = asyncio.get_running_loop().time()
        given = await run(client, server)
        took = asyncio.get_running_loop().time() - began

    assert given.body == "done"
    first, second = (request["headers"]["idempotency-key"] for request in server.requests)
    assert first == second
    assert first.endswith(":call")
    assert took >= 1
