"""A graph whose code does not give way, once it has made a call."""

# pyright: reportMissingTypeStubs=false, reportInvalidTypeArguments=false
from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime

from advanced_workflow import GraphContext


class State(TypedDict, total=False):
    n: int
    out: list[str]


async def hold(state: State, runtime: Runtime[GraphContext]) -> State:
    await runtime.context.call("act", name="first")
    while True:
        pass


async def once(state: State, runtime: Runtime[GraphContext]) -> State:
    return {"out": [await runtime.context.call("act", name="first"), await runtime.context.call("act", name="second")]}


holds: Any = StateGraph(State)
holds.add_node("hold", hold)
holds.add_edge(START, "hold")
calls: Any = StateGraph(State)
calls.add_node("once", once)
calls.add_edge(START, "once")
