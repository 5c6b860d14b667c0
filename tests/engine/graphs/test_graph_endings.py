"""Runs of users' graphs that cannot go on: what is told, and how they are ended and undone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from types import coroutine
from typing import Any

import pytest
from temporalio.api.history.v1 import WorkflowTaskFailedEventAttributes

from advanced_workflow.activities.agents.graphs import preload
from advanced_workflow.client.reruns.rollback import retry_rollback
from advanced_workflow.client.runs import Run
from advanced_workflow.client.service import faults
from advanced_workflow.client.service.description import describe
from advanced_workflow.client.service.faults import engine_fault
from advanced_workflow.workflows.engine.actions import calls
from advanced_workflow.workflows.engine.graphs import restrictions
from advanced_workflow.workflows.engine.graphs.registry import GRAPHS, register
from advanced_workflow.workflows.engine.graphs.restrictions import NodeEnded
from tests.engine.graphs.test_graph_runs import UNDONE, Ledger
from tests.engine.undo.test_ended_with_a_fault import ended_by_force, started
from tests.harness import Definition, Harness, definition, eventually, outcome_of

HOLDING = "tests.engine.graphs.holding"


def graph_of(name: str) -> Definition:
    preload()  # Another test's worker may leave it to a thread, which then is not done yet.
    register(name, f"{HOLDING}:{name}")
    made = {"graph": name, "workers": [{**UNDONE, "name": "act"}]}
    return definition({"step_id": "flow", "step_type": "orchestrator", "orchestrator": made})


@pytest.fixture(autouse=True)
def _graphs() -> Generator[None]:
    known = dict(GRAPHS)
    yield
    GRAPHS.clear()
    GRAPHS.update(known)


async def test_a_terminated_run_is_undone_where_the_settings_name_its_graph(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger()
    right, first = calls._start, list[str]()

    def start(call: Any, *arguments: Any) -> Any:
        if call.path not in first and first:
            raise KeyError("nobody foresaw this")
        first[:] = [call.path]
        return right(call, *arguments)

    monkeypatch.setattr(calls, "_start", start)
    workflow = graph_of("calls")  # A worker looks at its graphs when it starts.
    async with harness.worker(ledger.actions):
        run = await started(harness, workflow)
        await ended_by_force(run, GRAPHS.clear)
        monkeypatch.setenv("ADW_GRAPHS", f"calls={HOLDING}:calls")
        report = await retry_rollback(harness.client, run.id)

    assert (ledger.made, ledger.undone) == (["first"], ["first"])
    assert report.complete


@pytest.mark.long
async def test_a_run_whose_graph_does_not_give_way_says_so_and_is_undone_when_it_is_cancelled(harness: Harness) -> None:
    ledger = Ledger()
    harness.faults = True

    async def fault_of(run: Run) -> Any:
        fault = await engine_fault(run.client, await describe(run.client, run.id))
        return fault if fault is not None and fault.held_by_graph else None

    workflow = graph_of("holds")
    async with harness.worker(ledger.actions) as worker:
        tasks: Any = worker._workflow_worker
        tasks._deadlock_timeout_seconds = 0.5  # Other tests have no such limit.
        run = await started(harness, workflow)
        fault = await eventually(lambda: fault_of(run), 120)
        await run.cancel()
        outcome = await outcome_of(run)

    assert fault.reason.startswith("GraphHoldsWorker: function 'hold' of a graph (graphs/holding.py, line ")
    assert f"'adw cancel {run.id}' ends it" in fault.help(run.id)
    assert outcome.failure == "Cancelled", outcome.message
    assert (ledger.made, ledger.undone) == (["first"], ["first"])


def test_code_of_a_graph_does_not_go_on_once_the_run_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    cancelled: list[bool] = []
    monkeypatch.setattr(restrictions, "follows_rules", lambda number: number <= 4)
    monkeypatch.setattr(restrictions, "is_run_cancelled", lambda: bool(cancelled))
    applied: Callable[[], AbstractContextManager[None]] = nullcontext

    @coroutine
    def a_call() -> Generator[str, Any, None]:
        yield "call"

    async def node() -> None:
        done.append("begun")
        try:
            await a_call()
        except asyncio.CancelledError:
            done.append("cancelled")
            raise
        done.append("went on")

    async def main() -> None:
        work: Any = restrictions.confined(applied, node())
        assert work.send(None) == "call"
        cancelled.append(True)
        assert isinstance(work.send("the call's result"), asyncio.Future)
        assert done == ["begun"]
        with pytest.raises(asyncio.CancelledError):
            work.throw(asyncio.CancelledError())

    asyncio.run(main())
    assert done == ["begun", "cancelled"]


@pytest.mark.parametrize(("waits", "ends"), [(True, False), (False, True)])
def test_only_giving_way_again_and_again_without_a_wait_ends_a_node(
    monkeypatch: pytest.MonkeyPatch, *, waits: bool, ends: bool
) -> None:
    monkeypatch.setattr(restrictions, "follows_rules", lambda _: False)
    most = restrictions._GIVES_WAY

    @coroutine
    def a_call() -> Generator[Any, Any, None]:
        yield "call"

    async def node() -> None:
        for number in range(2 * most):
            await asyncio.sleep(0)
            if waits and number % most == most - 2:
                await a_call()

    applied: Callable[[], AbstractContextManager[None]] = nullcontext
    work: Any = restrictions.confined(applied, node())

    def run() -> None:
        while True:
            work.send(None)

    with pytest.raises(NodeEnded if ends else StopIteration):
        run()


def test_what_holds_a_worker_is_the_function_that_the_graph_calls() -> None:
    failed = WorkflowTaskFailedEventAttributes()
    failed.failure.message = f"{faults.HELD} Potential deadlock detected"
    inner, node = 'File "/lib/json.py", line 3, in dumps', 'File "/a/shop/graphs.py", line 7, in pay'
    engine = 'File "/b/workflows/engine/graphs/restrictions.py", line 88, in confined'

    failed.failure.stack_trace = f"  {inner}\n    x\n\n  {node}\n    y\n\n  {engine}\n    z\n"
    assert faults._holder(failed).startswith("GraphHoldsWorker: function 'pay' of a graph (shop/graphs.py, line 7) ")
    failed.failure.stack_trace = f"  {inner}\n"
    assert faults._holder(failed) == ""
    failed.failure.message = "KeyError"
    failed.failure.stack_trace = f"  {node}\n  {engine}\n"
    assert faults._holder(failed) == ""
