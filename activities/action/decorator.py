"""`@action`: a plain typed function becomes an action, a Temporal activity of that name."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast, overload

from pydantic import JsonValue
from temporalio import activity

from advanced_workflow.activities.action.errors import ActionInvalid, refusal
from advanced_workflow.activities.action.heartbeat import heartbeats
from advanced_workflow.activities.action.parameters import ActionInput
from advanced_workflow.activities.action.results import ActionResult
from advanced_workflow.activities.action.threads import call_in_thread
from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES
from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from advanced_workflow.workflows.definition.model.reserved import ACTIONS, is_reserved_action
from advanced_workflow.workflows.errors import WorkflowError

_ATTRIBUTE = "__advanced_workflow_action__"

Activity = Callable[..., Awaitable[JsonValue]]
_F = TypeVar("_F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Action:
    """One action: its function, and how JSON goes in and out of it."""

    name: str
    function: Callable[..., object]
    description: str
    source: str
    """`module:function`, for messages."""
    input: ActionInput
    result: ActionResult

    async def run(self, value: object = None, *, payload_limit: int = PAYLOAD_LIMIT_BYTES) -> JsonValue:
        """Run one attempt inside an activity. Bad input fails with `InputInvalid` before the function is called."""
        try:
            arguments = self.input.arguments(value)
        except WorkflowError as error:
            raise refusal(error) from None
        returned = await self._call(arguments)
        try:
            return self.result.plain_json(returned, payload_limit)
        except WorkflowError as error:
            raise refusal(error) from None

    async def _call(self, arguments: dict[str, Any]) -> object:
        with heartbeats():
            if inspect.iscoroutinefunction(self.function):
                return await cast("Awaitable[object]", self.function(**arguments))
            return await call_in_thread(self.function, **arguments)

    def activity(self, *, payload_limit: int = PAYLOAD_LIMIT_BYTES) -> Activity:
        """Give the callable for `Worker(activities=...)`; `payload_limit` is the largest result in bytes."""

        async def run(value: Any = None) -> Any:  # noqa: ANN401 - any JSON; the action's own types are checked inside
            return await self.run(value, payload_limit=payload_limit)

        return activity.defn(name=self.name)(run)

    def info(self) -> ActionInfo:
        """What `check` and `adw actions` show."""
        return ActionInfo(
            name=self.name,
            description=self.description,
            input_schema=self.input.schema(),
            output_schema=self.result.schema(),
            source=self.source,
            guide=inspect.getdoc(self.function) or "",
        )


@overload
def action(function: _F, /) -> _F: ...
@overload
def action(*, name: str) -> Callable[[_F], _F]: ...
def action(function: Callable[..., object] | None = None, /, *, name: str | None = None) -> object:
    """Make a function an action; it stays callable as it was.

    The action's name is the function's unless `name` is given. A single parameter that is a pydantic model, dataclass, TypedDict,
    dict or `Any` takes the whole input object; otherwise the input's fields fill the parameters by name. Plain functions run in
    threads. The result must be JSON once pydantic has dumped it. Raises `ActionInvalid` when the signature does not fit.
    """

    def decorate(decorated: Callable[..., object]) -> Callable[..., object]:
        setattr(decorated, _ATTRIBUTE, _describe(decorated, name or decorated.__name__))
        return decorated

    return decorate if function is None else decorate(function)


def action_of(value: object) -> Action | None:
    """The action a module member was made into, or None."""
    found = getattr(value, _ATTRIBUTE, None) if inspect.isfunction(value) else None
    return found if isinstance(found, Action) else None


def _describe(function: Callable[..., object], name: str) -> Action:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ActionInvalid(f"action {name!r}: a generator cannot be an action; return a list.")
    if is_reserved_action(name):
        raise ActionInvalid(f"action {name!r}: names that begin with {ACTIONS!r} are the engine's own; give another.")
    return Action(
        name=name,
        function=function,
        description=(inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " "),
        source=f"{function.__module__}:{function.__qualname__}",
        input=ActionInput(name, function),
        result=ActionResult(name, function),
    )
