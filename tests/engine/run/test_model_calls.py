"""A worker that lacks a conversation asks the run for it, on a real server: whoever was killed, whatever stands in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from advanced_workflow.activities.agents.calls import ModelCalls
from advanced_workflow.activities.agents.pieces import Asked
from advanced_workflow.activities.agents.questions import Questions
from advanced_workflow.activities.agents.scripts import Line
from advanced_workflow.workflows.contract import (
    MODEL_ACTIVITY,
    QUERY_CONVERSATION,
    AgentHead,
    ChatMessage,
    ConversationPart,
    ConversationRequest,
    ModelAnswer,
    ModelRequest,
)
from advanced_workflow.workflows.contract.conversation import chained, digest_of_head, part_of
from tests.harness import Harness
from tests.patience import PATIENCE_SECONDS

HEAD = AgentHead(instructions="Count.").model_dump(mode="json", exclude_defaults=True)


@workflow.defn(name="ByHand", sandboxed=False)
class ByHand:
    """The loop of an agent by hand: what is not inlined must be asked for. With `broken` its workflow tasks fail."""

    broken = False

    def __init__(self) -> None:
        self.messages = [ChatMessage(role="user", content="x" * 300_000).as_raw()]

    @workflow.query(name=QUERY_CONVERSATION)
    def conversation(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self.broken:
            raise ValueError("the engine is broken")
        request = ConversationRequest.model_validate(asked)
        if not request.agent.startswith("count"):
            return ConversationPart(found=False).model_dump(mode="json")
        return part_of(HEAD, self.messages, request).model_dump(mode="json")

    @workflow.run
    async def run(self, turns: int, agents: int = 1, local: str = "count") -> str:
        answers = [""]
        for turn in range(turns):
            given = await asyncio.gather(*(self.ask(turn, f"{local}{number}") for number in range(agents)))
            answers = [str(one.message["content"]) for one in given]
            self.messages += [given[0].message, ChatMessage(role="user", content="y" * 300_000).as_raw()]
        return answers[0]

    async def ask(self, turn: int, agent: str) -> ModelAnswer:
        first = digest_of_head(HEAD)
        request = ModelRequest(
            agent=agent,
            turn=turn + 1,
            model="scripted:count",
            head_digest=first,
            length=len(self.messages),
            digest=chained(first, self.messages),
        )
        answer: Any = await workflow.execute_activity(
            MODEL_ACTIVITY,
            request.model_dump(mode="json"),
            start_to_close_timeout=timedelta(seconds=60),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=10),
        )
        return ModelAnswer.model_validate(answer)


@dataclass
class Service:
    """Workers of a queue, each with its own memory."""

    client: Client
    queue: str = field(default_factory=lambda: f"models-{uuid4().hex[:8]}")
    asked: int = 0
    gate: Callable[[], Awaitable[None]] | None = None

    def worker(self, *, runs: bool = True, calls: bool = True, seconds: float = 30) -> Worker:
        questions = Questions(seconds)

        async def ask(request: ConversationRequest) -> ConversationPart:
            self.asked += 1
            if self.gate is not None:
                await self.gate()
            return await questions.ask(request)

        def says(asked: Asked) -> Line:
            return Line(
                say=f"{len(asked.messages)} messages, {sum(len(one.content) for one in asked.messages)} characters"
            )

        model = ModelCalls(scripts={"count": says}, ask=ask)
        return Worker(
            self.client,
            task_queue=self.queue,
            workflows=[ByHand] if runs else [],
            activities=[model.call] if calls else [],
            disable_eager_activity_execution=True,
        )

    async def start(self, *arguments: Any) -> Any:
        return await self.client.start_workflow(
            "ByHand", args=[*arguments], id=f"by-hand-{uuid4().hex[:8]}", task_queue=self.queue
        )


async def test_what_is_large_is_asked_for_in_parts_once_and_kept(harness: Harness) -> None:
    service = Service(harness.client)
    async with service.worker():
        run = await service.start(3)
        answer = await run.result()

    assert answer.startswith("5 messages, 9000")
    # The head and the first message, then what each turn added: its answer is known.
    assert service.asked == 4


async def test_agents_of_one_run_ask_at_the_same_time(harness: Harness) -> None:
    service = Service(harness.client)
    async with service.worker():
        run = await service.start(2, 12)
        answer = await run.result()
        history = await run.fetch_history()

    assert answer.startswith("3 messages")
    assert not any(one.HasField("activity_task_failed_event_attributes") for one in history.events)


async def test_a_run_whose_worker_was_killed_is_asked_through_another_one(harness: Harness) -> None:
    service = Service(harness.client)
    reached, killed = asyncio.Event(), asyncio.Event()

    async def wait_for_the_kill() -> None:
        reached.set()
        await killed.wait()

    service.gate = wait_for_the_kill
    lost = service.worker(calls=False)
    stopping = asyncio.create_task(lost.run())
    async with service.worker(runs=False):
        run = await service.start(1)
        await reached.wait()
        # It goes without a word to the server: the run's questions still go to it.
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        async with service.worker(calls=False):
            killed.set()
            assert (await run.result()).startswith("1 messages")


async def test_a_run_that_cannot_answer_is_said_and_not_timed_out(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ByHand, "broken", True)
    service = Service(harness.client)
    async with service.worker():
        run = await service.start(1)
        with pytest.raises(WorkflowFailureError) as caught:
            await run.result()

    assert isinstance(caught.value.cause, ActivityError)
    failure = caught.value.cause.cause
    assert isinstance(failure, ApplicationError)
    assert failure.type == "ConversationUnavailable"
    assert f"'adw show {run.id}'" in failure.message
    assert "the engine is broken" in failure.message


async def test_nobody_who_could_answer_is_said_too(harness: Harness) -> None:
    service = Service(harness.client)
    reached = asyncio.Event()

    async def note() -> None:
        reached.set()
        await gone.wait()

    gone = asyncio.Event()
    service.gate = note
    lost = service.worker(calls=False)
    running = asyncio.create_task(lost.run())
    async with service.worker(runs=False, seconds=2):
        run = await service.start(1)
        await reached.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        gone.set()

        async def failure() -> str:
            while True:
                (pending,) = (await run.describe()).raw_description.pending_activities
                if pending.HasField("last_failure"):
                    return pending.last_failure.message
                await asyncio.sleep(0.1)

        message = await asyncio.wait_for(failure(), PATIENCE_SECONDS)
        await run.terminate()

    assert "did not answer within 2 s" in message
    assert "some worker must serve its queue" in message


async def test_a_worker_that_may_not_ask_says_so_at_once(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    class Denied:
        async def query(self, *_: Any, **__: Any) -> Any:
            raise RPCError("no permission", RPCStatusCode.PERMISSION_DENIED, b"")

    service = Service(harness.client)
    async with service.worker():
        monkeypatch.setattr(
            activity, "client", lambda: type("C", (), {"get_workflow_handle": lambda *_, **__: Denied()})()
        )
        run = await service.start(1)
        with pytest.raises(WorkflowFailureError) as caught:
            await run.result()

    assert "may not be asked by this worker (no permission)" in str(caught.value.cause.__cause__)
