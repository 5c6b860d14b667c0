"""A LangGraph graph of two nodes with the plugin `temporalio-langgraph`: each node is an activity that takes the graph's state.

Messages are plain data, as in the plugin's own example of such an agent; LangChain's message objects are larger.
"""

from __future__ import annotations

import operator
from datetime import timedelta
from typing import Annotated, Any, TypedDict
from uuid import uuid4

from langgraph.graph import END, START, StateGraph
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.langgraph import LangGraphPlugin, graph
from temporalio.worker import Replayer, Worker

with workflow.unsafe.imports_passed_through():
    from tests.benchmarks.agents.talk import finds, says

WORKFLOW = "AgentGraph"
GRAPH = "agent"
Message = dict[str, Any]
_OPTIONS: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=300),
    "retry_policy": RetryPolicy(maximum_interval=timedelta(seconds=60), maximum_attempts=3),
}


class State(TypedDict):
    messages: Annotated[list[Message], operator.add]


async def ask_model(state: State) -> dict[str, Any]:
    messages = state["messages"]
    said = says(messages[0]["content"], sum(one["role"] == "assistant" for one in messages))
    answer: Message = {"role": "assistant", "content": said.text, "usage": said.tokens}
    if said.tool:
        answer["tool_calls"] = [{"id": said.call_id, "name": said.tool, "arguments": said.arguments}]
    return {"messages": [answer]}


async def use_tools(state: State) -> dict[str, Any]:
    calls = state["messages"][-1]["tool_calls"]
    return {
        "messages": [
            {"role": "tool", "tool_call_id": call["id"], "content": finds(call["arguments"]["size"])} for call in calls
        ]
    }


async def goes_on(state: State) -> str:
    return "tools" if state["messages"][-1].get("tool_calls") else END


@workflow.defn(name=WORKFLOW)
class AgentGraph:
    @workflow.run
    async def run(self, question: str) -> str:
        asked: State = {"messages": [{"role": "user", "content": question}]}
        end = await graph(GRAPH).compile().ainvoke(asked, {"recursion_limit": 1000})
        return end["messages"][-1]["content"]


def _plugin() -> LangGraphPlugin:
    built = StateGraph(State)
    for name, node in (("model", ask_model), ("tools", use_tools)):
        built.add_node(name, node, metadata={"execute_in": "activity", "summary": name, **_OPTIONS})
    built.add_edge(START, "model")
    built.add_conditional_edges("model", goes_on)
    built.add_edge("tools", "model")
    return LangGraphPlugin(graphs={GRAPH: built})


async def connect(address: str) -> Client:
    return await Client.connect(address)


def worker(client: Client, queue: str) -> Worker:
    return Worker(client, task_queue=queue, workflows=[AgentGraph], plugins=[_plugin()])


async def start(client: Client, queue: str, question: str) -> WorkflowHandle[Any, Any]:
    return await client.start_workflow(WORKFLOW, question, id=f"agent-{uuid4().hex}", task_queue=queue)


def replayer() -> Replayer:
    return Replayer(workflows=[AgentGraph], plugins=[_plugin()])
