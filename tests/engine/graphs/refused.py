"""Graphs that cannot be right in a workflow, as users write them."""

# pyright: reportMissingTypeStubs=false, reportInvalidTypeArguments=false, reportDeprecated=false, reportTypedDictNotRequiredAccess=false
from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.runnables import RunnableLambda
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint
from langgraph.graph import START, StateGraph
from langgraph.graph.message import MessagesState
from langgraph.prebuilt import ToolNode
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy, RetryPolicy, StreamWriter

from tests.engine.graphs.shapes import S


async def nothing(state: S) -> dict[str, Any]:
    return {}


def one(function: Any, **more: Any) -> Any:
    graph: Any = StateGraph(S)
    graph.add_node("a", function, **more)
    graph.add_edge(START, "a")
    return graph


def runnable() -> Any:
    return one(RunnableLambda(lambda state: {}))


def retries() -> Any:
    return one(nothing, retry_policy=RetryPolicy(max_attempts=3))


def timeout() -> Any:
    return one(nothing, timeout=0.2)


def cached() -> Any:
    return one(nothing, cache_policy=CachePolicy())


def with_cache() -> Any:
    return one(nothing).compile(cache=InMemoryCache())


def with_store() -> Any:
    return one(nothing).compile(store=InMemoryStore())


def with_saver() -> Any:
    return one(nothing).compile(checkpointer=InMemorySaver())


def with_breakpoint() -> Any:
    return one(nothing).compile(interrupt_before=["a"])


def subgraph_with_saver() -> Any:
    return one(one(nothing).compile(checkpointer=True))


def thread() -> Any:
    async def uses(state: S) -> dict[str, Any]:
        return {"out": [await asyncio.to_thread(lambda: 1)]}

    return one(uses)


def writes() -> Any:
    async def uses(state: S) -> dict[str, Any]:
        get_stream_writer()({"progress": 1})
        return {}

    return one(uses)


def takes_writer() -> Any:
    async def uses(state: S, writer: StreamWriter) -> dict[str, Any]:
        return {}

    return one(uses)


def tools() -> Any:
    graph: Any = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode([]))
    graph.add_edge(START, "tools")
    return graph


def prebuilt() -> Any:
    graph: Any = StateGraph(MessagesState)

    async def calls(state: Any) -> dict[str, Any]:
        from langgraph.prebuilt import create_react_agent

        return await create_react_agent("openai:gpt-5", []).ainvoke(state)

    graph.add_node("agent", calls)
    graph.add_edge(START, "agent")
    return graph


@entrypoint()
async def functional(value: int) -> int:
    return value


def not_a_graph() -> Any:
    return {"nodes": []}


def broken() -> Any:
    raise RuntimeError("half written")
