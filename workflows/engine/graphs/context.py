"""What the nodes of a user's graph are given to act: durable calls. It knows nothing of the engine behind it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

Make: TypeAlias = Callable[[str, Mapping[str, Any]], Coroutine[Any, Any, Any]]


class GraphCallFailed(Exception):
    """A call of a node failed for good; the node may catch it. Not caught it is the step's failure, with its type."""

    def __init__(self, type: str, message: str, details: Any = None) -> None:  # noqa: ANN401 - JSON
        """`type` is that of the failure, such as an action's own error type."""
        super().__init__(message)
        self.type = type
        self.message = message
        self.details = details


class GraphContext:
    """Given to nodes as `runtime.context`: `async def node(state, runtime: Runtime[GraphContext])`."""

    def __init__(self, make: Make, config: Mapping[str, Any]) -> None:
        """`make` makes a call; `config` is that of the step."""
        self.config = config
        """What the definition says in `config`."""
        self._make = make

    async def call(self, worker: str, input: Mapping[str, Any] | None = None, /, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """Call a worker of the step by its name, and give its output.

        It is a step of its own: an activity with retries, approval and undo as the definition says. A node that LangGraph runs again is given
        what the call gave before. Raises `GraphCallFailed`.
        """
        return await self._make(worker, {**(input or {}), **arguments})

    async def model(self, prompt: str, *, instructions: str = "") -> str:
        """Ask the step's own `model`, and give its answer. Raises `GraphCallFailed`."""
        return await self._make("model", {"prompt": prompt, "instructions": instructions})
