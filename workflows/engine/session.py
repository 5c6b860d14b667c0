"""A run as Temporal sees it: arguments in, messages in, result or failure out.

Messages may come before the definition is known; they are kept and delivered in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from workflows.contract import PREPARE_ACTIVITY, ExecutionOptions, Json, Prepared, PrepareRequest, RunRequest
from workflows.engine.calls import is_being_cancelled
from workflows.engine.failures import failure_of_activity
from workflows.engine.payloads import decode
from workflows.engine.plan import plan_of
from workflows.engine.run import Run, RunCancelled, RunFailedError
from workflows.errors import InputInvalid, OperationRefused, WorkflowError

Model = TypeVar("Model", bound=BaseModel)

PREPARE_TIMEOUT = timedelta(seconds=30)
"""Finding and checking the largest definition takes a few seconds."""


class Session:
    """One workflow execution."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._run: Run | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._early: list[Callable[[Run], None]] = []

    async def run_registered(self, workflow_type: str, arguments: Sequence[RawValue]) -> Json:
        """Run a registered definition: arguments `input_data[, execution_options]`."""
        try:
            values = [decode(one, f"argument {number + 1}") for number, one in enumerate(arguments)]
        except WorkflowError as error:
            raise as_failure(error) from error
        input_data, options, *_ = [*values, None, None]
        return await self._execute(
            PrepareRequest(workflow_type=workflow_type, input_data=input_data, execution_options=options)
        )

    async def run_ad_hoc(self, workflow_type: str, argument: RawValue) -> Json:
        """Run the definition that comes with the argument."""
        try:
            request = parsed(RunRequest, decode(argument, "the argument"), "the argument", InputInvalid)
        except WorkflowError as error:
            raise as_failure(error) from error
        return await self._execute(
            PrepareRequest(
                workflow_type=workflow_type,
                workflow=request.workflow,
                input_data=request.input_data,
                execution_options=request.execution_options,
            )
        )

    async def _execute(self, request: PrepareRequest) -> Json:
        prepared = await _prepare(request)
        plan = plan_of(prepared.definition or request.workflow or {}, prepared.sha256)
        options = ExecutionOptions.model_validate(request.execution_options or {})
        run = self._run = Run(plan, request.input_data, options, search_attributes=prepared.search_attributes)
        for deliver in self._early:
            deliver(run)
        self._early.clear()
        self._ready.set_result(None)
        try:
            return await run.execute()
        except RunCancelled:
            raise asyncio.CancelledError from None
        except RunFailedError as error:
            failure = error.failure
            raise ApplicationError(failure.message, failure.details, type=failure.code, non_retryable=True) from None

    @property
    def run(self) -> Run | None:
        """The run, once its definition is known."""
        return self._run

    def known_run(self) -> Run:
        """The run. Raises `OperationRefused` while its definition is not known yet."""
        if self._run is None:
            raise OperationRefused("the run has not read its definition yet; ask again in a moment.")
        return self._run

    async def ready_run(self) -> Run:
        """The run, as soon as its definition is known."""
        await asyncio.shield(self._ready)
        return self.known_run()

    def when_ready(self, deliver: Callable[[Run], None]) -> None:
        """Deliver a message now, or in order once the definition is known."""
        if self._run is None:
            self._early.append(deliver)
        else:
            deliver(self._run)


async def _prepare(request: PrepareRequest) -> Prepared:
    """Find, check and pin the definition: one marker in the history."""
    try:
        answer = await workflow.execute_local_activity(
            PREPARE_ACTIVITY,
            request.model_dump(mode="json"),
            result_type=RawValue,
            schedule_to_close_timeout=PREPARE_TIMEOUT,
            summary="check and pin the definition",
            retry_policy=RetryPolicy(maximum_attempts=3),
        )
    except ActivityError as error:
        if is_being_cancelled():
            raise asyncio.CancelledError from None
        cause = failure_of_activity(error, PREPARE_ACTIVITY).error
        raise ApplicationError(cause.message, type=cause.type, non_retryable=True) from error
    return Prepared.model_validate(decode(answer, "the prepared definition"))


def parsed(model: type[Model], payload: Json, what: str, refusal: type[WorkflowError]) -> Model:
    """Read a message's payload. Raises `refusal` with one sentence that names the fields."""
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'payload'}: {one['msg']}" for one in error.errors()[:5])
        raise refusal(f"{what} does not fit: {places}.") from None


def as_failure(error: WorkflowError) -> ApplicationError:
    """The Temporal failure of an error: its code is the type, and trying again would not help."""
    return ApplicationError(str(error), type=error.code, non_retryable=True)
