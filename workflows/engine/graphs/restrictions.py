"""The restrictions of the SDK's sandbox around a user's graph: the engine runs without a sandbox, and their code needs one.

A graph's modules are loaded under the restrictions, anew for each step that runs it, which takes about a millisecond: what one run leaves in a
module no other run sees. From then on the clock, randomness, files and the network raise where they are used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractContextManager, suppress
from functools import cache
from importlib import import_module
from types import ModuleType, coroutine
from typing import Any, TypeAlias, cast

from temporalio.worker.workflow_sandbox import SandboxRestrictions
from temporalio.worker.workflow_sandbox._importer import Importer
from temporalio.worker.workflow_sandbox._restrictions import RestrictionContext

from advanced_workflow.workflows.engine.temporal.patches import follows_rules
from advanced_workflow.workflows.engine.temporal.quiet import is_run_cancelled

Applied: TypeAlias = Callable[[], AbstractContextManager[None]]
"""Has the restrictions hold in a `with` block."""
_SHARED = (
    "advanced_workflow",
    "langgraph",
    "langchain_core",
    "langsmith",
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions",
    "typing_inspection",
    "xxhash",
    "orjson",
    "ormsgpack",
)
"""Modules that all runs share; LangGraph's own clock and ids are used for nothing that a history holds."""


_GIVES_WAY = 1000
"""How often in a row a node may let others run. What comes from outside comes with a later workflow task."""


class NodeEnded(Exception):
    """A node did what would end a process, cancelled itself, or waits for nothing without an end."""


class Restricted:
    """The modules of one graph in one step."""

    def __init__(self) -> None:
        """Nothing is loaded yet."""
        self._context = RestrictionContext()
        self._importer = Importer(_restrictions(), self._context)

    def load(self, module: str) -> ModuleType:
        """Import a module, and what it imports that is not shared."""
        with self._importer.applied():
            loaded = import_module(module)
        self._context.is_runtime = True
        return loaded

    def applied(self) -> AbstractContextManager[None]:
        """Have the restrictions hold in a `with` block; nothing in it may wait."""
        return self._importer.applied()


@cache
def _restrictions() -> SandboxRestrictions:
    return SandboxRestrictions.default.with_passthrough_modules(*_SHARED)


def _the_end(work: Coroutine[Any, Any, Any] | None = None) -> Generator[Any, Any, BaseException | None]:
    """Where the run is cancelled, wait for that to reach the task, and give what reached it; it is on its way."""
    if not (follows_rules(4) and is_run_cancelled()):
        return None
    try:
        return (yield from asyncio.get_running_loop().create_future())
    except GeneratorExit:
        if work is not None:
            work.close()
        raise
    except BaseException as thrown:
        return thrown


@coroutine
def confined(applied: Applied, work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Run a coroutine; the restrictions hold exactly while its own code runs, not while it waits.

    Once the run is cancelled it goes on with that alone: code that never gives way must not keep the run from its end.

    Raises `NodeEnded` where it gives way again and again without waiting for anything: that would hold the workflow's thread for ever.
    """
    sent: Any = None
    given_way = 0
    error: BaseException | None = None
    while True:
        error = error or (yield from _the_end(work))
        try:
            with applied():
                wanted = work.send(sent) if error is None else work.throw(error)
        except StopIteration as end:
            return end.value
        sent, error = None, None
        given_way = given_way + 1 if wanted is None else 0
        if given_way > _GIVES_WAY:
            with applied(), suppress(RuntimeError):  # It is closed whether it likes it or not.
                work.close()
            raise NodeEnded(
                f"a node gave way {_GIVES_WAY} times and waited for nothing; await a call, or what is to end."
            )
        try:
            sent = yield wanted
        except GeneratorExit:
            work.close()
            raise
        except BaseException as thrown:
            error = thrown


async def confined_call(applied: Applied, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the function gives
    """Call a function, plain or async, under the restrictions."""
    if ended := await coroutine(_the_end)():
        raise ended
    with applied():
        given = call()
    return await confined(applied, cast("Coroutine[Any, Any, Any]", given)) if isinstance(given, Coroutine) else given
