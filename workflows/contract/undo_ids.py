"""Whose a run is that has an id under which effects are undone or taken over: whoever may start runs can take such an id first.

Such an id follows from the run that it is about, so it is no secret, and a stranger's run of that id could keep the effects from being undone, or
answer that they are. It counts only where the server vouches for it:

- As one that undoes: it is of the engine's own type, on the queue of the run that it is about, and nothing puts off its begin. Then the
  engine's own code runs it, which undoes nothing out of turn.
- As the record that a rerun owns the effects: it is that rerun's child, and only the engine starts children of that type. It counts from the
  moment in which it is made, but a rerun that was ended before it began has nothing: the effects have stayed with the run it repeats.

Any other run is passed over, as is one that never began to undo: the next id is free for everybody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol

from advanced_workflow.workflows.contract.names import TAKEOVER_WORKFLOW_TYPE, UNDO_WORKFLOW_TYPE

_NOT_BEGUN = 3
"""Events of a run whose first workflow task has not ended."""


class Described(Protocol):
    """What the server says of a run, as Temporal's SDK gives it."""

    @property
    def run_id(self) -> str: ...  # noqa: D102
    @property
    def workflow_type(self) -> str: ...  # noqa: D102
    @property
    def task_queue(self) -> str: ...  # noqa: D102
    @property
    def parent_id(self) -> str | None: ...  # noqa: D102
    @property
    def parent_run_id(self) -> str | None: ...  # noqa: D102
    @property
    def start_time(self) -> datetime: ...  # noqa: D102
    @property
    def execution_time(self) -> datetime | None: ...  # noqa: D102
    @property
    def close_time(self) -> datetime | None: ...  # noqa: D102
    @property
    def history_length(self) -> int: ...  # noqa: D102
    @property
    def raw_info(self) -> Any: ...  # noqa: ANN401, D102 - a message of Temporal's API


Describe = Callable[[str, str | None], Awaitable[Described | None]]
"""Describes a run by its id and maybe that of a history of it; None where it is gone."""
Began = Callable[[str, str], Awaitable[bool]]
"""Tells of a run that has ended whether it had begun, by its id and that of its last history."""


def undoes(seen: Described, task_queue: str) -> bool:
    """Whether a run that has such an id undoes; `task_queue` is that of the run it is about."""
    if seen.workflow_type != UNDO_WORKFLOW_TYPE or seen.task_queue != task_queue:
        return False
    later = seen.execution_time is not None and seen.execution_time > seen.start_time
    elsewhere = seen.raw_info.versioning_info.HasField("versioning_override")
    return seen.history_length > _NOT_BEGUN or not (later or elsewhere)


def owner_in(seen: Described) -> str | None:
    """The rerun that has taken the effects over, where the run is the record of that."""
    return seen.parent_id if seen.workflow_type == TAKEOVER_WORKFLOW_TYPE else None


async def owner_of(seen: Described, describe: Describe, began: Began) -> str | None:
    """The same, unless that rerun was ended before it began: then nobody has taken them over."""
    owner, first = owner_in(seen), seen.parent_run_id
    if owner is None or not first:
        return owner
    last = await describe(owner, None)
    if last is None or last.raw_info.first_run_id != first:  # Else it is what a reset made of it.
        last = await describe(owner, first)
    if last is None or last.close_time is None:
        return owner
    return owner if await began(owner, last.run_id) else None
