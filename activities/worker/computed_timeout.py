"""How long a run may take, where its definition has an expression for it: it sees the run's input, and is evaluated before the run begins."""

from __future__ import annotations

from pydantic import JsonValue

from advanced_workflow.workflows.definition.model.results import read_span
from advanced_workflow.workflows.definition.model.roots import INPUT
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import ExpressionError, InputInvalid
from advanced_workflow.workflows.expressions import compile_expression


def computed_timeout(workflow: AdvancedWorkflow, input_data: JsonValue) -> float | None:
    """Seconds, or None where the definition says them itself. Raises `InputInvalid` where this input gives none."""
    if not isinstance(workflow.timeout, str):
        return None
    try:
        return read_span(compile_expression(workflow.timeout, INPUT).evaluate({"input": input_data}))
    except (ExpressionError, ValueError) as error:
        raise InputInvalid(
            f"'timeout' of {workflow.workflow_id!r} cannot be had from this input: {str(error).rstrip('.')}; "
            "correct the input, or the expression."
        ) from None
