"""What cannot be right in a workflow, as far as it can be seen in a graph: it is refused when the graph is registered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import CodeType
from typing import Any, Final

from advanced_workflow.workflows.engine.graphs.library import langgraph

_IN_CODE: Final[Mapping[str, str]] = {
    "to_thread": "threads do not replay; call an action for what takes long",
    "run_in_executor": "threads do not replay; call an action for what takes long",
    "get_stream_writer": "nobody hears a stream inside of a workflow; progress is seen in 'adw watch'",
    "stream_writer": "nobody hears a stream inside of a workflow; progress is seen in 'adw watch'",
    "create_react_agent": "prebuilt agents hide their calls from approvals and undo; use a worker that is an agent",
    "create_agent": "prebuilt agents hide their calls from approvals and undo; use a worker that is an agent",
    "ToolNode": "its calls are hidden from approvals and undo; call workers with 'context.call'",
}
"""Names in the code of nodes."""
_OF_A_NODE: Final[Mapping[str, str]] = {
    "retry_policy": "retries belong to the calls: 'retry_policy' of the worker",
    "cache_policy": "what a call gave is kept by the run itself",
    "timeout": "it goes by the machine's clock; durations belong to the calls: 'timeout' of the worker",
}
_OF_A_GRAPH: Final[Mapping[str, str]] = {
    "checkpointer": "the run keeps the graph's state itself",
    "store": "the run keeps the graph's state itself; use the graph's state, or an action",
    "cache": "what a call gave is kept by the run itself",
    "retry_policy": "retries belong to the calls: 'retry_policy' of the worker",
    "interrupt_before_nodes": "people are asked by 'interrupt()' in a node",
    "interrupt_after_nodes": "people are asked by 'interrupt()' in a node",
}
_PREBUILT: Final = ("langgraph.prebuilt", "langchain.agents", "langgraph_supervisor", "langgraph_swarm")


def refusals(graph: Any, where: str = "") -> Iterator[str]:  # noqa: ANN401 - LangGraph's
    """Every reason why a graph cannot be run, each with its place."""
    compiled = isinstance(graph, langgraph("langgraph.pregel").Pregel)
    if compiled:
        yield from _said(graph, _OF_A_GRAPH, f"{where}it is compiled with")
    builder: Any = getattr(graph, "builder", None) if compiled else graph
    if not isinstance(builder, langgraph("langgraph.graph").StateGraph):
        yield f"{where}it is a {type(graph).__name__}, not a StateGraph: write it as one"
        return
    yield from _said(builder._node_defaults, _OF_A_NODE, f"{where}its nodes have by default")  # noqa: SLF001 - there is no public way
    for name, spec in builder.nodes.items():
        yield from _of_node(spec, f"{where}node {name!r}")
    for source, branches in builder.branches.items():
        for branch in branches.values():
            yield from _of_runnable(branch.path, f"{where}the routes of {source!r}")


def _said(holder: object, reasons: Mapping[str, str], where: str) -> Iterator[str]:
    for name, reason in reasons.items():
        if getattr(holder, name, None):
            yield f"{where} {name!r}: {reason}"


def _of_node(spec: Any, where: str) -> Iterator[str]:  # noqa: ANN401 - LangGraph's
    yield from _said(spec, _OF_A_NODE, f"{where} has")
    if isinstance(spec.runnable, langgraph("langgraph.pregel").Pregel):
        yield from refusals(spec.runnable, f"{where}, ")
    else:
        yield from _of_runnable(spec.runnable, where)


def _of_runnable(runnable: Any, where: str) -> Iterator[str]:  # noqa: ANN401 - LangGraph's
    if type(runnable).__module__.startswith(_PREBUILT):
        yield f"{where} is a {type(runnable).__name__}: its calls are hidden from approvals and undo; call workers with 'context.call'"
        return
    if type(runnable) is not langgraph("langgraph._internal._runnable").RunnableCallable:
        yield f"{where} is a {type(runnable).__name__}, which runs in threads or calls models by itself; write an async function"
        return
    function = function_of(runnable)
    if getattr(function, "__module__", "").startswith(_PREBUILT):
        yield f"{where} is of a prebuilt agent: it hides its calls from approvals and undo; use a worker that is an agent"
        return
    for name in ("writer", "store"):
        if name in runnable.func_accepts:
            yield f"{where} takes {name!r}: {_IN_CODE['get_stream_writer'] if name == 'writer' else _OF_A_GRAPH['store']}"
    for name in sorted(_names_in(getattr(function, "__code__", None)) & _IN_CODE.keys()):
        yield f"{where} uses {name!r}: {_IN_CODE[name]}"


def function_of(runnable: Any) -> Callable[..., Any]:  # noqa: ANN401 - LangGraph's
    """The function of a node or of a router."""
    return runnable.func or runnable.afunc


def _names_in(code: CodeType | None) -> set[str]:
    if code is None:
        return set()
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    return {*code.co_names, *code.co_freevars}.union(*map(_names_in, inner))
