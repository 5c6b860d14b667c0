"""How many bytes the current workflow task sends: the server ends a run whose task sends more than 4 MiB.

Everything is counted in the moment it is sent, by the few functions that send: activities, children, timers, search attributes. What a
local activity gives is sent as a marker in the task in which it ends, however large it is by then: so room is held for it from its start.
Whoever sends something large asks `fits` first, and sends at once. A run of 0.1.0 counts as well, and decides nothing by it.
"""

from __future__ import annotations

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES, RESULT_KEPT
from advanced_workflow.workflows.engine.temporal.task_work import task_work

TASK_LIMIT_BYTES = 9 * 256 * 1024
"""2.25 MiB. One value of the largest size fits; beside it an answer to a query, or messages that came meanwhile, find room in 4 MiB."""
COMMAND_BYTES = 512
"""Of what is sent with a command beside its values and texts: times, policies, headers."""
_REFERENCE_BYTES = 1024
"""Of what is sent in place of a value that went to the external storage."""


class Outgoing:
    """What the current workflow task of one run sends."""

    def __init__(self) -> None:
        """No room is held."""
        self._held = 0

    def count(self, size: int) -> None:
        """So many bytes are sent."""
        task_work().sent.add(size)

    def hold(self, room: int) -> None:
        """Keep room for what a local activity will give; it may be in this task or in a later one."""
        self._held += room

    def came(self, room: int, size: int) -> None:
        """A local activity for which room was held has ended."""
        self._held -= room
        self.count(size)

    def fits(self, size: int) -> bool:
        """Whether so many bytes may be sent now."""
        return task_work().sent.now + self._held + size <= TASK_LIMIT_BYTES

    def fits_later(self, size: int) -> bool:
        """Whether so many bytes fit into a task that has sent nothing, with the room that is held now."""
        return self._held + size <= TASK_LIMIT_BYTES


def outgoing() -> Outgoing:
    """That of this run."""
    of_run: Outgoing = workflow.instance().outgoing
    return of_run


def size_of(arguments: Sequence[object]) -> int:
    """Bytes of arguments as they are sent; those that are not encoded yet are requests of the engine, and small."""
    return sum(sent_size(len(one.payload.data)) if isinstance(one, RawValue) else COMMAND_BYTES for one in arguments)


def sent_size(size: int) -> int:
    """Of one value: no larger one can be without external storage, and a reference is sent instead."""
    return size if size <= PAYLOAD_LIMIT_BYTES else _REFERENCE_BYTES


def kept_bytes(result: RawValue) -> int | None:
    """Size of the result of a local activity which its worker kept, as there was no room for it; None where it gave it."""
    size = result.payload.metadata.get(RESULT_KEPT)
    return None if size is None else int(size)


def size_of_texts(*texts: str | None) -> int:
    """Bytes of a command that carries these texts, without its values."""
    return COMMAND_BYTES + sum(len(one.encode()) for one in texts if one)


def size_of_failure(error: BaseException) -> int:
    """Bytes of a local activity's failure, about, and the same in a replay, where its outer part may be missing."""
    cause: BaseException | None = error.cause if isinstance(error, ActivityError) else error
    size = COMMAND_BYTES
    while isinstance(cause, ApplicationError):
        size += COMMAND_BYTES + len(cause.message.encode()) + len(str(cause.details).encode())
        cause = cause.cause
    return size
