"""Asking a run for what its worker lacks of a conversation.

A query writes nothing into the history and works from any machine. Three things are in the way, each met here: the worker that had the
run in its memory may be gone, and the server would wait for it; the server keeps one waiting question for a run; and a run whose workflow
tasks fail cannot answer at all, which must be said.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetStickyTaskQueueRequest
from temporalio.client import Client, RPCTimeoutOrCancelledError, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.activities.agents.failures import ModelError
from advanced_workflow.workflows.contract import (
    QUERY_CONVERSATION,
    ConversationPart,
    ConversationRequest,
    Json,
    ModelFailure,
)

ANSWER_SECONDS = 40.0
"""After which a run that does not answer is given up, for this attempt."""
_FIRST_SECONDS = 1.0
"""Until the worker is taken for gone that has the run in its memory."""
_LATER_SECONDS = 10.0
"""For a worker that replays the run first."""
_NEVER = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.NOT_FOUND})

_random = random.SystemRandom()


class Questions:
    """The questions of one worker process."""

    def __init__(self, seconds: float = ANSWER_SECONDS) -> None:
        """`seconds` is how long a run is asked."""
        self._seconds = seconds
        self._asking: dict[str, tuple[asyncio.Lock, int]] = {}

    async def ask(self, asked: ConversationRequest) -> ConversationPart:
        """Ask the run of the current activity.

        Raises:
            ModelError: it does not answer, or has no such agent.
        """
        run = activity.info().workflow_run_id or ""
        try:
            async with asyncio.timeout(self._seconds):
                with self._turn(run) as lock:
                    async with lock:
                        part = await _answer(activity.client(), asked)
        except TimeoutError:
            raise _unanswered(asked, f"did not answer within {self._seconds:g} s") from None
        if not part.found:
            raise _unanswered(asked, "says that it has no such agent now")
        return part

    @contextmanager
    def _turn(self, run: str) -> Generator[asyncio.Lock]:
        """The lock of a run, kept as long as somebody waits for it."""
        lock, users = self._asking.get(run, (asyncio.Lock(), 0))
        self._asking[run] = lock, users + 1
        try:
            yield lock
        finally:
            lock, users = self._asking.pop(run)
            if users > 1:
                self._asking[run] = lock, users - 1


async def _answer(client: Client, asked: ConversationRequest) -> ConversationPart:
    info = activity.info()
    handle = client.get_workflow_handle(info.workflow_id or "", run_id=info.workflow_run_id)
    seconds = _FIRST_SECONDS
    while True:
        try:
            answer: Json = await handle.query(
                QUERY_CONVERSATION,
                asked.model_dump(mode="json"),
                rpc_timeout=timedelta(seconds=seconds),
            )
            return ConversationPart.model_validate(answer)
        except WorkflowQueryFailedError as error:
            raise _unanswered(asked, f"cannot answer ({error.message})") from None
        except RPCTimeoutOrCancelledError:
            await _forget_worker(client)
            seconds = _LATER_SECONDS
        except RPCError as error:
            await _look_at(error, asked)


async def _look_at(error: RPCError, asked: ConversationRequest) -> None:
    if error.status in _NEVER:
        raise _unanswered(asked, f"may not be asked by this worker ({error.message})", final=True) from None
    if error.status is RPCStatusCode.DEADLINE_EXCEEDED:
        await _forget_worker(activity.client())
    # Another worker's question is waiting, or the server has no time.
    await asyncio.sleep(_random.uniform(0.05, 0.5))


async def _forget_worker(client: Client) -> None:
    """Have the server give the run's questions to any worker."""
    info = activity.info()
    execution = WorkflowExecution(workflow_id=info.workflow_id or "", run_id=info.workflow_run_id or "")
    request = ResetStickyTaskQueueRequest(namespace=client.namespace, execution=execution)
    try:
        await client.workflow_service.reset_sticky_task_queue(request)
    except RPCError:
        # It has none, or may not be reset: then the server's own time has to pass.
        await asyncio.sleep(_random.uniform(0.05, 0.5))


def _unanswered(asked: ConversationRequest, why: str, *, final: bool = False) -> ModelError:
    info = activity.info()
    return ModelError(
        ModelFailure.CONVERSATION_UNAVAILABLE,
        f"the model was not called: run {info.workflow_id!r} was asked for the conversation of {asked.agent!r} and {why}; "
        f"'adw show {info.workflow_id}' says whether its workflow tasks fail, and some worker must serve its queue.",
        final=final,
    )
