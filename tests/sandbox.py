"""The strict sandbox, in which the tests replay all they ran: engine and workflow classes are loaded again for each run."""

from __future__ import annotations

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PURE = {
    # Pure and immutable: definitions, expressions, the wire.
    "advanced_workflow.workflows.errors": "constants and exception classes",
    "advanced_workflow.workflows.definition": "pydantic models",
    "advanced_workflow.workflows.expressions": "compiled once for all runs",
    "advanced_workflow.workflows.contract": "pydantic models",
    # Shared on purpose: plans are cached by the definition's digest, headers cross the sandbox.
    "advanced_workflow.workflows.engine.graph.plan": "immutable, cached by digest",
    "advanced_workflow.workflows.engine.graph.step_plan": "immutable; expressions are compiled once",
    "advanced_workflow.workflows.engine.graph.scheduler": "no module state; the plan holds its graphs",
    "advanced_workflow.workflows.engine.temporal.interceptor": "one context variable for engine and interceptor",
    "advanced_workflow.workflows.engine.monitoring.telemetry": "no module state; compiled and its classes made once",
    "advanced_workflow.workflows.engine.monitoring.tracing": "no module state; its spans go to the worker",
    # Third parties without state of a run.
    "pydantic": "compiled validators",
    "pydantic_core": "native",
    "cel_expr_python": "native",
    "google.protobuf": "native",
    "jsonschema": "compiled validators",
    "referencing": "used by jsonschema",
    "rpds": "native",
    "attr": "used by jsonschema",
    "attrs": "used by jsonschema",
    "jsonschema_specifications": "used by jsonschema",
}
"""Modules that are passed through, and why that is sound."""


def strict_runner() -> SandboxedWorkflowRunner:
    """For `unsandboxed_workflow_runner` of a replayer or worker: our workflow classes ask for no sandbox, and get this one."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PURE))
