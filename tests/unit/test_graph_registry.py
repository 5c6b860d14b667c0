"""Users' graphs are loaded under restrictions, looked at, and known by what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from advanced_workflow.activities.agents.graphs import preload
from advanced_workflow.workflows.engine.graphs.registry import GRAPHS, GraphChanged, register, require_graphs
from advanced_workflow.workflows.errors import GraphRefused

REFUSED = "tests.engine.graphs.refused"
GRAPH = """
from langgraph.graph import START, StateGraph

class State(dict): pass

async def a(state):
    return {"n": 1}%s

graph = StateGraph(State)
graph.add_node("a", a)
graph.add_edge(START, "a")
"""


@pytest.fixture(scope="module", autouse=True)
def _langgraph() -> None:
    preload()  # Another test's worker may leave it to a thread, which then is not done yet.


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("runnable", "node 'a' is a RunnableLambda"),
        ("retries", "node 'a' has 'retry_policy': retries belong to the calls"),
        ("timeout", "node 'a' has 'timeout'"),
        ("cached", "node 'a' has 'cache_policy'"),
        ("with_cache", "compiled with 'cache'"),
        ("with_store", "compiled with 'store'"),
        ("with_saver", "compiled with 'checkpointer'"),
        ("with_breakpoint", "compiled with 'interrupt_before_nodes'"),
        ("subgraph_with_saver", "node 'a', it is compiled with 'checkpointer'"),
        ("thread", "node 'a' uses 'to_thread'"),
        ("writes", "node 'a' uses 'get_stream_writer'"),
        ("takes_writer", "node 'a' takes 'writer'"),
        ("tools", "node 'tools' is a ToolNode"),
        ("prebuilt", "node 'agent' uses 'create_react_agent'"),
        ("functional", "not a StateGraph"),
        ("not_a_graph", "it is a dict"),
        ("broken", "cannot be loaded (RuntimeError: half written)"),
        ("missing", "cannot be loaded (AttributeError"),
    ],
)
def test_what_cannot_be_right_in_a_workflow_is_refused_with_the_reason(name: str, said: str) -> None:
    with pytest.raises(GraphRefused) as refused:
        register(name, f"{REFUSED}:{name}")
    assert said in str(refused.value)
    assert name not in GRAPHS


def test_a_graph_is_known_by_its_nodes_edges_and_code_and_comments_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))

    def digest(module: str, text: str) -> str:
        (tmp_path / f"{module}.py").write_text(text)
        return register("known", f"{module}:graph").digest

    first = digest("known_graph_1", GRAPH % "")
    assert digest("known_graph_2", GRAPH % "  # said beside it") == first
    assert digest("known_graph_3", (GRAPH % "").replace('"n": 1', '"n": 2')) != first
    assert digest("known_graph_4", (GRAPH % "") + 'graph.add_edge("a", "__end__")\n') != first

    require_graphs({"known": GRAPHS["known"].digest})
    with pytest.raises(GraphChanged, match=r"began with graph 'known' of digest .*has another one"):
        require_graphs({"known": first})
    del GRAPHS["known"]
    with pytest.raises(GraphChanged, match="this worker has none"):
        require_graphs({"known": first})
