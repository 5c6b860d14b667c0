"""A run as Temporal sees it: arguments in, messages in, result or failure out.

Messages may come before the definition is known; they are kept and delivered in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

from advanced_workflow.workflows import contract
from advanced_workflow.workflows.contract import (
    ExecutionOptions,
    Json,
    PrepareRequest,
    RunRequest,
)
from advanced_workflow.workflows.engine.graph.driver import ended
from advanced_workflow.workflows.engine.graph.plan import plan_of
from advanced_workflow.workflows.engine.graphs.registry import require_graphs
from advanced_workflow.workflows.engine.run.arguments import as_failure, failure, parsed, refused_as_failure
from advanced_workflow.workflows.engine.run.effects import nothing_undone, read_effects, taken_over, undo_request
from advanced_workflow.workflows.engine.run.endings import RunCancelled, RunContinues, RunFails
from advanced_workflow.workflows.engine.run.origin import carried_on, handed_over
from advanced_workflow.workflows.engine.run.own_activities import prepare, require_cancelled, take_over
from advanced_workflow.workflows.engine.run.rollback_again import roll_back_again
from advanced_workflow.workflows.engine.run.run import Run
from advanced_workflow.workflows.engine.run.snapshot import CARRIED_LIMIT, earlier_part, prepared_of
from advanced_workflow.workflows.engine.temporal.patches import follow_rules
from advanced_workflow.workflows.engine.temporal.payloads import NOTHING, argument, decode, encode
from advanced_workflow.workflows.engine.temporal.quiet import quiet
from advanced_workflow.workflows.errors import InputInvalid, OperationRefused

_OWN_TYPES = (
    contract.AD_HOC_WORKFLOW_TYPE,
    contract.UNDO_WORKFLOW_TYPE,
    contract.TAKEOVER_WORKFLOW_TYPE,
    contract.ROLLBACK_WORKFLOW_TYPE,
)
_MOST_ARGUMENTS = 3
"""Of a registered type: the third one is the engine's own."""
_DEEPEST_ARGUMENT = 250
"""A definition may be deeper than data; what is deeper than this no model can be made of."""


Deliver = Callable[[Run], Coroutine[Any, Any, None]]
"""Gives a run a message."""


class Execution:
    """One workflow execution."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._run: Run | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._early: deque[tuple[int, Deliver]] = deque()
        self._beginning: asyncio.Future[None] | None = None

    async def begin(self, workflow_type: str, arguments: Sequence[RawValue]) -> Json:
        """Run what the workflow type says. Arguments that do not fit are the run's failure, before anything begins.

        A registered type takes `input_data[, execution_options]`, and a third one when the run continues as new; the engine's own
        types take one argument.
        """
        with refused_as_failure():
            only = argument(arguments, f"workflow type {workflow_type!r}") if workflow_type in _OWN_TYPES else NOTHING
            if len(arguments) > _MOST_ARGUMENTS:
                raise InputInvalid(
                    f"a run takes input_data and execution_options, and {len(arguments)} arguments were sent; send two."
                )
        match workflow_type:
            case contract.AD_HOC_WORKFLOW_TYPE:
                return await self._run_ad_hoc(workflow_type, only)
            case contract.UNDO_WORKFLOW_TYPE:
                return await self._run_undo(workflow_type, only)
            case contract.TAKEOVER_WORKFLOW_TYPE:
                with refused_as_failure():
                    return taken_over(decode(only, "the argument"))
            case contract.ROLLBACK_WORKFLOW_TYPE:
                return await roll_back_again(only)
            case _:
                return await self._run_registered(workflow_type, arguments)

    async def _run_registered(self, workflow_type: str, arguments: Sequence[RawValue]) -> Json:
        first, second, carried, *_ = [*arguments, NOTHING, NOTHING, NOTHING]
        with refused_as_failure():
            input_data, options = _given(first, "argument 1"), _given(second, "argument 2")
            earlier = earlier_part(carried_on(_given(carried, "argument 3")))
        request = PrepareRequest(workflow_type=workflow_type, input_data=input_data, execution_options=options)

        def next_arguments(carried: Json) -> list[RawValue]:
            return [first, second, encode(carried, "what the run carries on", CARRIED_LIMIT)]

        # The server's limit is for all arguments together.
        taken = len(first.payload.data) + len(second.payload.data)
        return await self._execute(request, earlier, next_arguments, taken)

    async def _run_ad_hoc(self, workflow_type: str, only: RawValue) -> Json:
        with refused_as_failure():
            request = parsed(RunRequest, _given(only, "the argument"), "the argument", InputInvalid)
            earlier = earlier_part(carried_on(request.carried))
        wanted = PrepareRequest(
            workflow_type=workflow_type,
            workflow=request.workflow,
            input_data=request.input_data,
            execution_options=request.execution_options,
        )

        def next_arguments(carried: Json) -> list[RawValue]:
            rest = request.model_dump(mode="json", exclude={"input_data"})
            value = {**rest, "input_data": request.input_data, "carried": carried}
            return [encode(value, "what the run carries on", CARRIED_LIMIT)]

        taken = len(only.payload.data) if request.carried is None else _size_without_carried(request)
        return await self._execute(wanted, earlier, next_arguments, taken)

    async def _run_undo(self, workflow_type: str, only: RawValue) -> Json:
        """Undo what an ended run did: it handed that over to its parent, or it is read from its history."""
        with refused_as_failure():
            value = _given(only, "the argument")
            wanted = undo_request(value)
            if wanted is not None and (workflow.info().cron_schedule or workflow.info().retry_policy):
                raise InputInvalid("what undoes a run is started once, without a cron schedule or a retry policy.")
            earlier = earlier_part(handed_over(value)) if wanted is None else None
        if wanted is not None:
            earlier = await read_effects(wanted)
            if earlier is None:
                return nothing_undone(wanted)
        if earlier is None:
            raise as_failure(InputInvalid("this workflow type is started by runs that undo their children."))
        request = PrepareRequest(
            workflow_type=workflow_type, input_data=earlier["input_data"], execution_options=earlier["options"]
        )

        def next_arguments(carried: Json) -> list[RawValue]:
            return [encode(carried, "what the run carries on", CARRIED_LIMIT)]

        return await self._execute(request, earlier, next_arguments)

    async def _execute(
        self,
        request: PrepareRequest,
        earlier: dict[str, Json] | None,
        next_arguments: Callable[[Json], list[RawValue]],
        taken: int = 0,
    ) -> Json:
        prepared = prepared_of(earlier) if earlier is not None else await prepare(request)
        follow_rules(prepared.rules)
        require_graphs(prepared.graphs)
        plan = plan_of(prepared.definition or request.workflow or {}, prepared.sha256)
        options = ExecutionOptions.model_validate(request.execution_options or {})
        if earlier is None:
            await take_over(options.rerun)
        run = Run(plan, prepared, request.input_data, options, earlier, room=prepared.payload_limit - taken)
        if earlier is None:
            if prepared.tells_version:
                run.context.display.tell_version()
            await self._begin(run)
        else:
            self._beginning = asyncio.ensure_future(self._begin_when_idle(run))
        try:
            return await _executed(run)
        except RunContinues as continues:
            # A new history needs nothing of the build that wrote the old one: it begins on the current build.
            workflow.continue_as_new(
                args=next_arguments(continues.carried),
                initial_versioning_behavior=workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE,
            )
        except RunCancelled:
            await require_cancelled()
            raise asyncio.CancelledError from None
        except RunFails as failed:
            raise failure(failed.code, failed.message, failed.details) from None

    async def _begin(self, run: Run) -> None:
        """The run can be talked to, once it has heard what came before."""
        while self._early:
            size, deliver = self._early.popleft()
            async with run.inbox.turn(size):
                await deliver(run)
        self._run = run
        self._ready.set_result(None)
        run.context.continuation.begin()

    async def _begin_when_idle(self, run: Run) -> None:
        """Messages come after the steps that were under way have taken up their places."""
        await quiet()
        run.context.operations.taken_up()
        await self._begin(run)

    @property
    def run(self) -> Run | None:
        """The run, once its definition is known."""
        return self._run

    def known_run(self) -> Run:
        """The run. Raises `OperationRefused` while its definition is not known yet."""
        if self._run is None:
            raise OperationRefused(
                "the run has not read its definition; ask again in a moment, or where it has ended see 'adw show'."
            )
        return self._run

    async def deliver(self, size: int, deliver: Deliver) -> None:
        """Deliver a message of so many bytes when its turn has come: as a rule now, or once the definition is known."""
        if self._run is None:
            self._early.append((size, deliver))
            return
        async with self._run.inbox.turn(size):
            await deliver(self._run)

    @asynccontextmanager
    async def turn(self, size: int) -> AsyncGenerator[Run, None]:
        """Around what a message of so many bytes does, when its turn has come and the definition is known."""
        await asyncio.shield(self._ready)
        run = self.known_run()
        async with run.inbox.turn(size):
            yield run


async def _executed(run: Run) -> Json:
    """Run to the end, at which nobody waits to be heard."""
    try:
        return await run.execute()
    finally:
        if not run.inbox.is_empty:
            await ended(asyncio.ensure_future(run.inbox.emptied()))


def _given(raw: RawValue, what: str) -> Json:
    # Half characters stay: the check of the definition and of the input refuses them by their place.
    return decode(raw, what, deepest=_DEEPEST_ARGUMENT, whole=False)


def _size_without_carried(request: RunRequest) -> int:
    return len(request.model_copy(update={"carried": None}).model_dump_json())
