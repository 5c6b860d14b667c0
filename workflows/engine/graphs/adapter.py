"""The one place that touches LangGraph: makes a state graph of the engine's own, and runs a graph inside of a workflow.

LangGraph is imported late: it is an extra, takes over a second, and only workers that serve graphs need it (these import it before they
take work).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from advanced_workflow.workflows.engine.graph.driver import ended
from advanced_workflow.workflows.engine.graphs.library import langgraph
from advanced_workflow.workflows.errors import GraphLimitReached

START: Final = "__start__"
END: Final = "__end__"
"""As LangGraph calls them."""

State: TypeAlias = Mapping[str, Any]
"""What nodes are given: fields of the graph's state."""
Node: TypeAlias = Callable[[Any], Coroutine[Any, Any, State]]
"""Takes the state and gives what changes in it."""
Router: TypeAlias = Callable[[Any], str]
"""Takes the state and gives the next node, or `END`."""
Graph: TypeAlias = Any
"""A graph that can be run: LangGraph's `CompiledStateGraph`, whose types are too vague to be checked."""
_T = TypeVar("_T")


def build(
    state: type,
    *,
    nodes: Mapping[str, Node],
    edges: Sequence[tuple[str, str]],
    routes: Mapping[str, tuple[Router, Sequence[str]]],
) -> Graph:
    """Make a graph over a state, which is a `TypedDict`; `routes` gives for a node what chooses the next one, and which there are."""
    graph = langgraph("langgraph.graph").StateGraph(state)
    for name, node in nodes.items():
        graph.add_node(name, _ended(node))
    for source, target in edges:
        graph.add_edge(source, target)
    for source, (router, targets) in routes.items():
        graph.add_conditional_edges(source, _in_the_loop(router), list(targets))
    return graph.compile()


def _in_the_loop(router: Router) -> Callable[[Any], Awaitable[str]]:
    # LangGraph runs plain functions in threads, and a workflow has none.
    async def route(state: Any) -> str:  # noqa: ANN401 - the graph's own state
        return router(state)

    return route


async def run(graph: Graph, first: State | None, *, limit: int, **more: Any) -> Any:  # noqa: ANN401 - LangGraph's own
    """Run a graph to its end, or until it is interrupted; gives its last state: None where no field of it was ever written, and no mapping where it has no fields.

    `limit` is how many rounds of nodes there may be; `more` goes to LangGraph. When this is cancelled the nodes are cancelled and
    awaited. What nodes raise comes out as it is. Raises `GraphLimitReached`.
    """
    config = {**more.pop("config", {}), "recursion_limit": limit}
    with langgraph("langsmith").tracing_context(
        enabled=False
    ):  # It would ask the machine about itself, in the middle of a task.
        try:
            return await to_its_end(graph.ainvoke(first, config, **more))
        except langgraph("langgraph.errors").GraphRecursionError:
            raise GraphLimitReached(f"the graph did not end within {limit} rounds of nodes.") from None


async def to_its_end(work: Coroutine[Any, Any, _T] | asyncio.Future[_T]) -> _T:
    """What the work gives. However often this is cancelled, the work is cancelled once and awaited.

    LangGraph cancels a node several times, and a cancel in its own clearing up would leave nodes behind that still run.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        await ended(task)
        raise


def _ended(node: Node) -> Node:
    async def run_node(state: Any) -> State:  # noqa: ANN401 - the graph's own state
        return await to_its_end(node(state))

    return run_node
