"""What a step gives: kept in its record, and written to the run's variables as its `output_mapping` says."""

from __future__ import annotations

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.engine.state.changes import VARIABLES
from advanced_workflow.workflows.engine.step.context import StepContext


def keep_output(step: StepContext, output: Json) -> None:
    """Keep an output, and write what the definition takes from it. Raises `StepFailure` where that cannot be."""
    step.record.output, step.record.has_output = output, True
    if step.plan.outputs is not None:
        with step.reading("output_mapping"):
            step.plan.outputs.apply(step.scope(result=output), step.run.state.variables)
        step.run.state.changes.note(VARIABLES)


def require_fitting(step: StepContext, output: Json) -> None:
    """Raise the error of the `output_mapping` where it cannot use an output; nothing is written."""
    if step.plan.outputs is not None:
        step.plan.outputs.apply(step.scope(result=output), dict(step.run.state.variables))
