"""The loop by hand: each model call takes the whole conversation, each call of a tool is an activity."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.worker import Replayer, Worker

with workflow.unsafe.imports_passed_through():
    from tests.benchmarks.agents.talk import finds, says

WORKFLOW = "AgentByHand"
Message = dict[str, Any]
_OPTIONS: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=300),
    "retry_policy": RetryPolicy(maximum_interval=timedelta(seconds=60), maximum_attempts=3),
}


@activity.defn
async def ask_model(messages: list[Message]) -> Message:
    """Instructions and tools are the activity's own, so that they are in no history."""
    said = says(messages[0]["content"], sum(one["role"] == "assistant" for one in messages))
    answer: Message = {"role": "assistant", "content": said.text, "usage": said.tokens}
    if said.tool:
        answer["tool_calls"] = [{"id": said.call_id, "name": said.tool, "arguments": said.arguments}]
    return answer


@activity.defn
async def use_tool(call: dict[str, Any]) -> str:
    return finds(call["arguments"]["size"])


@workflow.defn(name=WORKFLOW)
class AgentByHand:
    @workflow.run
    async def run(self, question: str) -> str:
        messages: list[Message] = [{"role": "user", "content": question}]
        while True:
            turn = len(messages) // 2
            answer = await workflow.execute_activity(
                ask_model, messages, activity_id=f"turn-{turn}", summary=f"turn {turn}: model", **_OPTIONS
            )
            messages.append(answer)
            calls = answer.get("tool_calls", [])
            if not calls:
                return answer["content"]
            results = await asyncio.gather(*(self._use(turn, call) for call in calls))
            messages += [
                {"role": "tool", "tool_call_id": call["id"], "content": result}
                for call, result in zip(calls, results, strict=True)
            ]

    async def _use(self, turn: int, call: dict[str, Any]) -> str:
        return await workflow.execute_activity(
            use_tool, call, activity_id=call["id"], summary=f"turn {turn}: {call['name']}", **_OPTIONS
        )


async def connect(address: str) -> Client:
    return await Client.connect(address)


def worker(client: Client, queue: str) -> Worker:
    return Worker(client, task_queue=queue, workflows=[AgentByHand], activities=[ask_model, use_tool])


async def start(client: Client, queue: str, question: str) -> WorkflowHandle[Any, Any]:
    return await client.start_workflow(WORKFLOW, question, id=f"agent-{uuid4().hex}", task_queue=queue)


def replayer() -> Replayer:
    return Replayer(workflows=[AgentByHand])
