"""The nodes of a user's graph, so that they run in a workflow: under the restrictions, in its own event loop, and with their calls counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from advanced_workflow.workflows.engine.graphs.adapter import to_its_end
from advanced_workflow.workflows.engine.graphs.calls import NODE, NodeRun
from advanced_workflow.workflows.engine.graphs.library import langgraph
from advanced_workflow.workflows.engine.graphs.refusals import function_of
from advanced_workflow.workflows.engine.graphs.restrictions import Applied, NodeEnded, confined_call
from advanced_workflow.workflows.engine.temporal.quiet import is_being_cancelled


class Nodes:
    """Prepares the nodes of one graph, and knows which of them failed first."""

    def __init__(self, applied: Applied) -> None:
        """`applied` has the restrictions hold."""
        self._applied = applied
        self._bubbling: type[Exception] = langgraph("langgraph.errors").GraphBubbleUp
        self.failed: Exception | None = None
        """What failed first in this round of nodes. Of several that fail in one moment LangGraph raises any."""

    def begin_round(self) -> None:
        """The nodes of a round have ended."""
        self.failed = None

    def prepare(self, graph: Any) -> None:  # noqa: ANN401 - LangGraph's
        """Wrap all functions of a graph and of its subgraphs; each step has loaded a graph of its own."""
        builder = getattr(graph, "builder", graph)
        for spec in builder.nodes.values():
            if hasattr(spec.runnable, "builder"):
                self.prepare(spec.runnable)
            else:
                spec.runnable.afunc = self._wrapped(function_of(spec.runnable), NodeRun)
        for branches in builder.branches.values():
            for branch in branches.values():
                branch.path.afunc = self._wrapped(function_of(branch.path), lambda: None)

    def _wrapped(self, function: Callable[..., Any], begin: Callable[[], NodeRun | None]) -> Callable[..., Any]:
        async def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the function's
            NODE.set(begin())
            try:
                return await to_its_end(self._run(partial(function, *args, **kwargs)))
            except Exception as error:
                if not isinstance(error, self._bubbling):
                    self.failed = self.failed or error
                raise

        return run

    async def _run(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - the function's
        try:
            return await confined_call(self._applied, call)
        except asyncio.CancelledError:
            if is_being_cancelled():
                raise
            raise NodeEnded("a node cancelled itself; return, or raise an exception.") from None
        except BaseException as error:
            # Temporal's own end what is left of a run that was let go of.
            if isinstance(error, (Exception, GeneratorExit)) or type(error).__module__.startswith("temporalio"):
                raise
            raise NodeEnded(f"a node raised {type(error).__name__}; return, or raise an exception.") from None
