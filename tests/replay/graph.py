"""The graph of a kept history, whose digest is in it: this file never changes."""

# pyright: reportMissingTypeStubs=false, reportTypedDictNotRequiredAccess=false
from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt


class State(TypedDict, total=False):
    n: int
    done: Any
    said: Any


async def work(state: State, runtime: Any) -> dict[str, Any]:
    return {"done": await runtime.context.call("work", n=state["n"])}


async def ask(state: State, runtime: Any) -> dict[str, Any]:
    await runtime.context.call("work", n=state["n"] + 1)
    return {"said": interrupt({"done": state["n"]})["comment"]}


kept: Any = StateGraph(State)
kept.add_node("work", work)
kept.add_node("ask", ask)
kept.add_edge(START, "work")
kept.add_edge("work", "ask")
