"""State graphs of the engine's own, as the adapter runs them; the workflow around them is in tests/engine/kinds."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, TypedDict

import pytest

from advanced_workflow.workflows.engine.graphs.adapter import END, START, Graph, State, build, run
from advanced_workflow.workflows.errors import GraphLimitReached
from tests.patience import never_ends


class Counted(TypedDict, total=False):
    rounds: Annotated[int, operator.add]
    last: str


def counting(most: int) -> Graph:
    async def count(state: State) -> State:
        return {"rounds": 1, "last": "count"}

    async def end(state: State) -> State:
        return {"last": "end"}

    def route(state: State) -> str:
        return "count" if state["rounds"] < most else "end"

    return build(
        Counted,
        nodes={"count": count, "end": end},
        edges=[(START, "count"), ("end", END)],
        routes={"count": (route, ("count", "end"))},
    )


async def test_nodes_run_as_their_routes_say() -> None:
    assert await run(counting(3), {"rounds": 0}, limit=10) == {"rounds": 3, "last": "end"}


async def test_a_graph_that_does_not_end_reaches_its_limit() -> None:
    with pytest.raises(GraphLimitReached, match="within 5 rounds"):
        await run(counting(100), {"rounds": 0}, limit=5)


async def test_what_a_node_raises_comes_out_as_it_is_and_the_others_have_ended() -> None:
    ended: list[str] = []
    began = asyncio.Event()

    async def bad(state: State) -> State:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    async def slow(state: State) -> State:
        began.set()
        try:
            await never_ends()
        finally:
            await asyncio.sleep(0.01)
            ended.append("slow")
        return {}

    graph = build(Counted, nodes={"bad": bad, "slow": slow}, edges=[(START, "bad"), (START, "slow")], routes={})
    with pytest.raises(ZeroDivisionError):
        await run(graph, {"rounds": 0}, limit=5)
    assert ended == ["slow"]

    began.clear()
    task = asyncio.ensure_future(
        run(build(Counted, nodes={"slow": slow}, edges=[(START, "slow")], routes={}), {}, limit=5)
    )
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["slow", "slow"]
