"""Users' graphs of each shape, as a user would write them. They are loaded under the sandbox's restrictions."""

# pyright: reportMissingTypeStubs=false, reportInvalidTypeArguments=false, reportDeprecated=false, reportTypedDictNotRequiredAccess=false
from __future__ import annotations

import asyncio
import operator
from contextlib import suppress
from typing import Annotated, Any, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel

from advanced_workflow import GraphCallFailed, GraphContext

Nodes = Runtime[GraphContext]


class S(TypedDict, total=False):
    out: Annotated[list[Any], operator.add]
    n: int


def node(name: str) -> Any:
    async def run(state: S, runtime: Nodes) -> dict[str, Any]:
        return {"out": [await runtime.context.call("act", name=f"{name}.{state.get('n', 0)}")]}

    run.__name__ = name
    return run


def fan() -> Any:
    """20 branches at once, a waiting edge, then one."""
    graph: Any = StateGraph(S)
    names = [f"branch_{chr(97 + i)}{i * 7 % 13}" for i in range(20)]
    for one in names:
        graph.add_node(one, node(one))
        graph.add_edge(START, one)
    graph.add_node("join", node("join"))
    graph.add_edge(names, "join")
    return graph.compile()


def multi() -> Any:
    """Routes to several nodes, a node that waits for all, and a plain route."""
    graph: Any = StateGraph(S)
    for one in "pqrst":
        graph.add_node(one, node(one))
        graph.add_edge(one, "mid")
    graph.add_node("mid", node("mid"), defer=True)

    async def first(state: S) -> list[str]:
        return ["s", "p", "r"]

    def second(state: S) -> Literal["x", "y"]:
        return "x" if len(state["out"]) > 2 else "y"

    graph.add_conditional_edges(START, first, list("pqrst"))
    graph.add_node("x", node("x"))
    graph.add_node("y", node("y"))
    graph.add_conditional_edges("mid", second)
    return graph


def send() -> Any:
    """15 copies of a node by `Send`, and a `Command` to several."""
    graph: Any = StateGraph(S)

    async def plan(state: S) -> Command[Any]:
        return Command(update={"n": 1}, goto=[Send("work", {"n": i}) for i in range(15)])

    async def after(state: S) -> Command[Any]:
        return Command(update={"out": ["after"]}, goto=["b", "c"])

    graph.add_node("plan", plan, destinations=("work",))
    graph.add_node("work", node("work"))
    graph.add_node("after", after, destinations=("b", "c"))
    graph.add_node("b", node("b"))
    graph.add_node("c", node("c"))
    graph.add_edge(START, "plan")
    graph.add_edge("work", "after")
    return graph


def sub() -> Any:
    """Two subgraphs at once; one leads out with a `Command` to its parent."""
    inner: Any = StateGraph(S)
    inner.add_node("i1", node("i1"))
    inner.add_node("i2", node("i2"))
    inner.add_edge(START, "i1")
    inner.add_edge(START, "i2")
    other: Any = StateGraph(S)

    async def leave(state: S, runtime: Nodes) -> Command[Any]:
        gave = await runtime.context.call("act", name="leave")
        return Command(graph=Command.PARENT, goto="end", update={"out": [gave]})

    other.add_node("leave", leave)
    other.add_edge(START, "leave")
    graph: Any = StateGraph(S)
    graph.add_node("one", inner.compile())
    graph.add_node("two", other.compile(), destinations=("end",))
    graph.add_node("end", node("end"))
    graph.add_edge(START, "one")
    graph.add_edge(START, "two")
    graph.add_edge("one", "end")
    return graph


class P(BaseModel):
    out: Annotated[list[Any], operator.add] = []
    n: int = 0


def typed() -> Any:
    """A pydantic state and a loop of 10 rounds."""
    graph: Any = StateGraph(P)

    async def step(state: P, runtime: Nodes) -> dict[str, Any]:
        return {"out": [await runtime.context.call("act", {"name": f"step.{state.n}"})], "n": state.n + 1}

    def more(state: P) -> str:
        return "step" if state.n < 10 else END

    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", more, ["step", END])
    return graph


def errors() -> Any:
    """Two nodes fail in one moment, and a third is under way."""
    graph: Any = StateGraph(S)

    async def bad(state: S, runtime: Nodes) -> dict[str, Any]:
        await runtime.context.call("act", name="bad")
        raise ValueError("no good")

    async def slow(state: S, runtime: Nodes) -> dict[str, Any]:
        for number in range(5):
            await runtime.context.call("act", name=f"slow.{number}")
        return {}

    graph.add_node("bad", bad)
    graph.add_node("slow", slow)
    graph.add_edge(START, "bad")
    graph.add_edge(START, "slow")
    return graph


def interrupts() -> Any:
    """Interrupts at once, one after another in a node, and in a subgraph; each with a call before it."""

    async def ask(state: S, runtime: Nodes) -> dict[str, Any]:
        before = await runtime.context.call("act", name="ask.before")
        first = interrupt({"q": "first"})
        between = await runtime.context.call("act", name="ask.between")
        second = interrupt({"q": "second", "first": first["comment"]})
        return {"out": [before, first["comment"], between, second["comment"]]}

    async def other(state: S, runtime: Nodes) -> dict[str, Any]:
        return {"out": [interrupt("other")["decision"], await runtime.context.call("act", name="other.after")]}

    inner: Any = StateGraph(S)
    inner.add_node("other", other)
    inner.add_node("before", node("before"))
    inner.add_edge(START, "before")
    inner.add_edge("before", "other")
    graph: Any = StateGraph(S)
    graph.add_node("ask", ask)
    graph.add_node("inside", inner.compile())
    graph.add_node("w", node("w"))
    for one in ("ask", "inside", "w"):
        graph.add_edge(START, one)
    return graph


def many() -> Any:
    """Rounds of five nodes at once, each round with a question: 13 calls and a question a round."""

    async def plan(state: S, runtime: Nodes) -> Command[Any]:
        await runtime.context.call("act", name=f"plan{state['n']}")
        return Command(update={"n": state["n"] + 1}, goto=[Send("work", {"n": state["n"] * 10 + i}) for i in range(5)])

    async def work(state: S, runtime: Nodes) -> dict[str, Any]:
        first = await runtime.context.call("act", name=f"a{state['n']}")
        return {"out": [first + await runtime.context.call("act", name=f"b{state['n']}")]}

    async def ask(state: S, runtime: Nodes) -> dict[str, Any]:
        before = await runtime.context.call("act", name=f"before{state['n']}")
        answer = interrupt({"round": state["n"]})
        return {"out": [before + await runtime.context.call("act", name=f"after{state['n']}-{answer['comment']}")]}

    async def more(state: S) -> str:
        return "plan" if state["n"] < 3 else END

    graph: Any = StateGraph(S)
    graph.add_node("plan", plan, destinations=("work",))
    graph.add_node("work", work)
    graph.add_node("ask", ask)
    graph.add_edge(START, "plan")
    graph.add_edge("work", "ask")
    graph.add_conditional_edges("ask", more, ["plan", END])
    return graph


def one(function: Any) -> Any:
    graph: Any = StateGraph(S)
    graph.add_node("a", function)
    graph.add_edge(START, "a")
    return graph


def endless() -> Any:
    graph = one(node("a"))
    graph.add_edge("a", "a")
    return graph


def plain() -> Any:
    """A node that is a plain function, and one that catches the failure of a call."""

    async def tries(state: S, runtime: Nodes) -> dict[str, Any]:
        try:
            return {"out": [await runtime.context.call("fails")]}
        except GraphCallFailed as failed:
            return {"out": [failed.type, runtime.context.config["limit"]]}

    graph = one(lambda state: {"out": ["plain"]})
    graph.add_node("tries", tries)
    graph.add_edge("a", "tries")
    return graph


rounds = 0


def module_state() -> Any:
    async def counts(state: S, runtime: Nodes) -> dict[str, Any]:
        global rounds
        rounds += 1
        return {"out": [await runtime.context.call("act", name=f"round{rounds}")]}

    return one(counts)


def uncaught() -> Any:
    async def calls(state: S, runtime: Nodes) -> dict[str, Any]:
        await runtime.context.call("act", name="before")
        await runtime.context.call("fails")
        return {}

    return one(calls)


def unknown_worker() -> Any:
    async def calls(state: S, runtime: Nodes) -> dict[str, Any]:
        return {"out": [await runtime.context.call("acct")]}

    return one(calls)


def fickle() -> Any:
    """Asks for another call when it runs again."""
    runs: list[int] = []

    async def changes(state: S, runtime: Nodes) -> dict[str, Any]:
        runs.append(1)
        try:
            await runtime.context.call("act", name=f"run{len(runs)}")
        except Exception:
            return {}
        return {"out": [interrupt("ok?")["decision"]]}

    return one(changes)


def clock() -> Any:
    import time

    async def reads(state: S) -> dict[str, Any]:
        return {"out": [time.time()]}

    return one(reads)


def network() -> Any:
    async def asks(state: S) -> dict[str, Any]:
        import socket

        return {"out": [socket.gethostname()]}

    return one(asks)


def leaves() -> Any:
    async def ends(state: S) -> dict[str, Any]:
        raise SystemExit(3)

    return one(ends)


def raises_no_exception() -> Any:
    class Odd(BaseException):
        pass

    async def ends(state: S) -> dict[str, Any]:
        raise Odd

    return one(ends)


def circles() -> Any:
    async def turns(state: S) -> dict[str, Any]:
        while True:
            with suppress(Exception):
                await asyncio.sleep(0)

    return one(turns)


def nothing() -> Any:
    """Its state has no field that was written."""
    graph: Any = StateGraph(Empty)
    graph.add_node("a", _nothing)
    graph.add_edge(START, "a")
    return graph


def no_fields() -> Any:
    of_no_fields: Any = Annotated[list[Any], _listed]
    graph: Any = StateGraph(of_no_fields)
    graph.add_node("a", _no_fields)
    graph.add_edge(START, "a")
    return graph


class Empty(TypedDict, total=False):
    never: int


async def _nothing(state: Empty) -> dict[str, Any]:
    return {}


def _listed(old: list[Any], new: Any) -> list[Any]:
    return [*old, new]


async def _no_fields(state: Any) -> list[Any]:
    return ["x"]


def forgets() -> Any:
    """Its node begins a call and does not wait for it."""

    async def begins(state: S, runtime: Nodes) -> dict[str, Any]:
        _BEGUN.append(asyncio.create_task(runtime.context.call("act", name="late")))
        return {"out": ["early"]}

    return one(begins)


def forgets_one_that_fails() -> Any:
    async def begins(state: S, runtime: Nodes) -> dict[str, Any]:
        _BEGUN.append(asyncio.create_task(runtime.context.call("fails")))
        return {"out": ["early"]}

    return one(begins)


_BEGUN: list[Any] = []


def not_finite() -> Any:
    async def gives(state: S) -> dict[str, Any]:
        return {"out": [float("nan")]}

    return one(gives)


def half_a_character() -> Any:
    async def gives(state: S) -> dict[str, Any]:
        return {"out": ["\ud83d"]}

    return one(gives)


def cancels_itself() -> Any:
    async def ends(state: S) -> dict[str, Any]:
        raise asyncio.CancelledError

    return one(ends)


def threads() -> Any:
    """A graph in a function, whose plain node nobody could see."""

    async def hides(state: S) -> dict[str, Any]:
        return await one(lambda state: {"out": ["x"]}).compile().ainvoke({})

    return one(hides)


def not_json() -> Any:
    async def gives(state: S) -> dict[str, Any]:
        return {"out": [{1, 2}]}

    return one(gives)


def model() -> Any:
    async def asks(state: S, runtime: Nodes) -> dict[str, Any]:
        return {"out": [await runtime.context.model("How are you?", instructions="Be short.")]}

    return one(asks)


SHAPES = (
    fan,
    multi,
    send,
    sub,
    typed,
    errors,
    interrupts,
    many,
    endless,
    plain,
    module_state,
    uncaught,
    unknown_worker,
    fickle,
    clock,
    network,
    leaves,
    cancels_itself,
    threads,
    not_json,
    forgets,
    forgets_one_that_fails,
    not_finite,
    half_a_character,
    raises_no_exception,
    circles,
    nothing,
    no_fields,
    model,
)
