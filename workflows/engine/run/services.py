"""Makes the services of one run, new or with what an earlier history carried on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from temporalio import workflow

from advanced_workflow.workflows.contract import ExecutionOptions, Json, Prepared, callback_of
from advanced_workflow.workflows.engine.around.steps import execute
from advanced_workflow.workflows.engine.graph.plan import Plan
from advanced_workflow.workflows.engine.monitoring.display import Display
from advanced_workflow.workflows.engine.monitoring.telemetry import begin_telemetry
from advanced_workflow.workflows.engine.people.approvals import Approvals
from advanced_workflow.workflows.engine.people.events import Events
from advanced_workflow.workflows.engine.people.operations import Operations
from advanced_workflow.workflows.engine.run import snapshot
from advanced_workflow.workflows.engine.run.reruns import keep
from advanced_workflow.workflows.engine.state.continuation import Continuation
from advanced_workflow.workflows.engine.state.live_state import LiveState
from advanced_workflow.workflows.engine.state.locks import Locks
from advanced_workflow.workflows.engine.state.slots import Slots
from advanced_workflow.workflows.engine.state.task_budget import TaskBudget
from advanced_workflow.workflows.engine.state.withdrawals import Withdrawals
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.temporal.clock import timestamp
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.undo.saga import Saga
from advanced_workflow.workflows.engine.undo.undo_log import UndoLog


def services_of(
    plan: Plan,
    prepared: Prepared,
    input_data: Json,
    options: ExecutionOptions,
    started_at: datetime,
    carried: Mapping[str, Json] | None,
) -> RunContext:
    """Make them; nothing runs yet. `carried` is the snapshot of an earlier history."""
    info, definition = workflow.info(), plan.workflow
    execution_id: str = carried["execution_id"] if carried is not None else _new_execution_id()
    state = LiveState(
        plan,
        input_data,
        {
            "id": info.workflow_id,
            "execution_id": execution_id,
            "workflow_id": definition.workflow_id,
            "version": definition.version,
            "started_at": timestamp(started_at),
            "callback": callback_of(info.namespace, info.workflow_id),
        },
    )
    run = RunContext(
        execution_id=execution_id,
        run_id=info.run_id,
        plan=plan,
        prepared=prepared,
        options=options,
        state=state,
        slots=Slots(definition.max_parallel_steps),
        locks=Locks(),
        continuation=Continuation(prepared.continue_after),
        withdrawals=Withdrawals(),
        breakers={},
        budget=TaskBudget(),
        saga=Saga(
            plan.runnable,
            snapshot.undo_log_of(carried) if carried is not None else UndoLog(),
            may_repeat=definition.on_failure == "pause",
        ),
        approvals=Approvals(state, options.started_by, options.groups, room=prepared.payload_limit // 4),
        events=Events(state.changes, room=prepared.payload_limit // 8 * 5),
        operations=Operations(state, prepared.signed, prepared.before_signed),
        display=Display(state, search_attributes=prepared.search_attributes),
        telemetry=begin_telemetry(
            definition.workflow_id, execution_id, carried["telemetry"] if carried is not None else None
        ),
        execute_step=execute,
    )
    if carried is not None:
        snapshot.give(run, carried)
    elif options.rerun is not None:
        keep(run, options.rerun)
    return run


def _new_execution_id() -> str:
    """The id that the effects of a business run are named after.

    It is that of the chain of histories that began with it: a run that continues as new carries it on, one that is reset, or that the server
    starts again by a retry policy, has the same. The chain of a cron schedule is one of many business runs, and each has its own.
    """
    info = workflow.info()
    first: str = info.first_execution_run_id
    if info.cron_schedule and info.original_execution_run_id != first and patched(Patch.RULES_2):
        return info.original_execution_run_id
    return first
