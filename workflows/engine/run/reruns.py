"""What one run can keep of another: completed steps of the definition's own graph, each with all that ran inside of it."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.workflows.contract import AuditEntry, Checkpoint, Json, KeptStep, RerunOf
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType
from advanced_workflow.workflows.definition.text.load import dump_definition
from advanced_workflow.workflows.engine.graph.plan import handler_name
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.undo.undo_log import UndoLog


def checkpoint_of(run: RunContext) -> Checkpoint:
    """What another run could keep of this one."""
    root = run.plan.root
    kept: dict[str, KeptStep] = {}
    for step_id, plan in root.steps.items():
        record = run.state.records[step_id]
        if record.status is StepStatus.COMPLETED and not plan.owners:
            names = list(_names(run, plan))
            kept[step_id] = KeptStep(
                records=[one.dump() for one in _records(run, names)],
                undo=_part(run.saga.log, names).dump(),
                output=record.output,
                ended=record.end_time or "",
                undone=_is_undone(run, plan, names),
            )
    return Checkpoint(
        execution_id=run.execution_id,
        definition=dump_definition(run.plan.workflow),
        input_data=run.state.input_data,
        options=run.options.model_dump(mode="json", exclude_defaults=True, exclude={"rerun"}),
        variables=run.state.variables,
        steps=kept,
        signed=run.prepared.signed,
    )


def keep(run: RunContext, rerun: RerunOf) -> None:
    """Begin with what was kept: those steps count as completed, and are undone with the rest if it comes to that."""
    run.state.variables = dict(rerun.variables)
    for data in rerun.records:
        run.state.put(Record.load(data, run.plan.runnable))
    if rerun.undo is not None:
        log = UndoLog.load(rerun.undo)
        run.saga.log.armed.update(log.armed)
        run.saga.log.inner.update(log.inner)
    if rerun.left is not None:
        entry = AuditEntry(
            time=run.state.run_info["started_at"],
            operation="rerun_anyway",
            by=run.options.started_by or "",
            reason=f"effects of run {rerun.run!r} stay: {rerun.left}",
        )
        run.state.audit.append(entry)


def _names(run: RunContext, plan: StepPlan) -> Iterator[str]:
    """The step's name, and those of the error handlers that may have run for it."""
    yield plan.step_id
    for handler in run.plan.root.shape[plan.step_id].handlers:
        yield handler_name(plan, run.plan.root.steps[handler])


def _records(run: RunContext, names: list[str]) -> list[Record]:
    return [one for one in run.state.records.values() if one.closed and any(_is_of(one.path, name) for name in names)]


def _is_of(path: StepPath, name: str) -> bool:
    return path == name or path.belongs_to(name)


def _part(log: UndoLog, names: list[str]) -> UndoLog:
    return UndoLog(
        {name: stack for name, stack in log.armed.items() if name in names},
        {name: passes for name, passes in log.inner.items() if name in names and not passes.is_empty},
    )


def _is_undone(run: RunContext, plan: StepPlan, names: list[str]) -> bool:
    """Whether a rollback went over it; a step that left nothing to undo in it counts as undone if it might have."""
    if not run.saga.went_back:
        return False
    part = _part(run.saga.log, names)
    return _may_undo(plan) and not part.armed and not part.inner


def _may_undo(plan: StepPlan) -> bool:
    inner: Json = plan.children.steps.values() if plan.children is not None else plan.tools.values()
    own = bool(plan.step.rollback_actions) or plan.step.step_type is StepType.SUB_WORKFLOW
    return own or any(_may_undo(one) for one in inner)
