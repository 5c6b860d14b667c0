"""Results of local activities that are too large to be sent at once.

What a local activity gives is sent with the workflow task in which it ends, and the server ends a run whose task sends too much. So the
run says for how much it has room; a larger result stays here, and the run calls again once it has room for that.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES, RESULT_KEPT, LocalRoom
from advanced_workflow.workflows.errors import PayloadTooLarge

MOST_BYTES = 32 * 1024 * 1024
"""Of all results that are kept; beyond it the oldest is dropped, and its action called again."""


class LocalResults:
    """The results that a process keeps, by run and activity id."""

    def __init__(self) -> None:
        """Nothing is kept."""
        self._kept: OrderedDict[tuple[str, str], Payload] = OrderedDict()
        self._size = 0

    async def call(self, room: LocalRoom, action: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - whatever it gives
        """Run a local activity; its result, or where it does not fit one that says how large it is.

        Raises `ApplicationError` for a result over the limit of values. That the action ran then, the run knows.
        """
        name = (activity.info().workflow_run_id or "", activity.info().activity_id)
        # It stays until it is dropped: the run's workflow task may fail, and the run then asks once more.
        kept = self._kept.get(name) if room.again else None
        if kept is not None:
            return RawValue(kept)
        result = await action()
        (payload,) = activity.payload_converter().to_payloads([result])
        size = len(payload.data)
        if size > room.limit:
            raise _too_large(size, room.limit)
        if not room.room < size <= PAYLOAD_LIMIT_BYTES:  # A larger one goes to the external storage.
            return result
        self._keep(name, payload)
        return RawValue(Payload(metadata={"encoding": b"json/plain", RESULT_KEPT: str(size).encode()}, data=b"null"))

    def _keep(self, name: tuple[str, str], payload: Payload) -> None:
        before = self._kept.pop(name, None)
        self._size += len(payload.data) - (len(before.data) if before is not None else 0)
        self._kept[name] = payload
        while self._size > MOST_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped.data)


def _too_large(size: int, limit: int) -> ApplicationError:
    return ApplicationError(
        f"the result of action {activity.info().activity_type!r} is {size:,} bytes and the limit is {limit:,}; "
        "store it and return a reference.",
        type=PayloadTooLarge.code,
        non_retryable=True,
    )
