"""PydanticAI on Temporal: an agent with its capability `TemporalDurability`, as its documentation shows it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer, Worker

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from pydantic_ai import Agent, Tool, UsageLimits
    from pydantic_ai.durable_exec.temporal import PydanticAIPlugin, PydanticAIWorkflow, TemporalDurability
    from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, UserPromptPart
    from pydantic_ai.models.function import AgentInfo, FunctionModel
    from pydantic_ai.usage import RequestUsage
    from temporalio.common import RetryPolicy
    from temporalio.workflow import ActivityConfig

    from tests.benchmarks.agents.talk import INSTRUCTIONS, TOOLS, finds, says

WORKFLOW = "AgentOfPydanticAI"


async def ask_model(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
    prompt = next(part for part in messages[0].parts if isinstance(part, UserPromptPart))
    said = says(str(prompt.content), sum(isinstance(one, ModelResponse) for one in messages))
    parts: list[TextPart | ToolCallPart] = [TextPart(said.text)]
    if said.tool:
        parts.append(ToolCallPart(said.tool, said.arguments, said.call_id))
    taken, given = said.tokens
    return ModelResponse(parts, usage=RequestUsage(input_tokens=taken, output_tokens=given))


async def use_tool(query: str, size: int) -> str:
    return finds(size)


agent = Agent(
    FunctionModel(ask_model),
    name="responder",
    instructions=INSTRUCTIONS,
    tools=[Tool(use_tool, name=name, description=text) for name, text in TOOLS.items()],
    capabilities=[
        TemporalDurability(
            activity_config=ActivityConfig(
                start_to_close_timeout=timedelta(seconds=300),
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=60), maximum_attempts=3),
            )
        )
    ],
)


@workflow.defn(name=WORKFLOW)
class AgentOfPydanticAI(PydanticAIWorkflow):
    __pydantic_ai_agents__ = (agent,)

    @workflow.run
    async def run(self, question: str) -> str:
        return (await agent.run(question, usage_limits=UsageLimits(request_limit=None))).output


async def connect(address: str) -> Client:
    return await Client.connect(address, plugins=[PydanticAIPlugin()])


def worker(client: Client, queue: str) -> Worker:
    return Worker(client, task_queue=queue, workflows=[AgentOfPydanticAI])


async def start(client: Client, queue: str, question: str) -> WorkflowHandle[Any, Any]:
    return await client.start_workflow(WORKFLOW, question, id=f"agent-{uuid4().hex}", task_queue=queue)


def replayer() -> Replayer:
    return Replayer(workflows=[AgentOfPydanticAI], plugins=[PydanticAIPlugin()])
