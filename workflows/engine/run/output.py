"""The run's own output: what the definition's `output` gives once all steps have ended."""

from __future__ import annotations

from functools import partial

from advanced_workflow.workflows.contract import ErrorInfo, Json
from advanced_workflow.workflows.engine.monitoring.display import OPERATOR
from advanced_workflow.workflows.engine.people.operations import RUN_OUTPUT
from advanced_workflow.workflows.engine.people.remedies import Remedy
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.state.scope import scope_of
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.step.failures import StepFailure, read_error
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.payloads import encode, encode_built

_RESULT = "the run's result"


async def output_of_run(run: RunContext, frame: Frame) -> Json:
    """Build it. Where it fails, `on_failure: pause` holds the run for an operator; otherwise it raises `StepFailure`."""
    while True:
        try:
            return _built(run, frame)
        except Exception as error:
            info = _info(error)
        if run.plan.workflow.on_failure != "pause" or not patched(Patch.RULES_2):
            raise StepFailure(info)
        remedy = await _hold(run, info)
        if remedy.given is not None:
            return remedy.given.output


def _built(run: RunContext, frame: Frame) -> Json:
    output = run.plan.output
    result = run.state.variables if output is None else output.evaluate(scope_of(run.state, frame))
    encode_built(result, _RESULT, run.prepared.payload_limit // 2)
    return result


def _require_fitting(run: RunContext, result: Json) -> None:
    encode(result, _RESULT, run.prepared.payload_limit // 2, flat=True)


def _info(error: Exception) -> ErrorInfo:
    known = read_error(error)
    # The place that a mapping's error begins with: `.total: no field ...`.
    text = f"{RUN_OUTPUT}{known}" if str(known).startswith((".", "[")) else f"{RUN_OUTPUT}: {known}"
    return ErrorInfo(type=known.code, message=text)


async def _hold(run: RunContext, error: ErrorInfo) -> Remedy:
    run.state.output_error = error
    run.display.waits_for(RUN_OUTPUT, (OPERATOR,))
    try:
        return await run.operations.hold(RUN_OUTPUT, partial(_require_fitting, run), needs_output=True)
    finally:
        run.state.output_error = None
        run.display.waits_no_longer(RUN_OUTPUT)
