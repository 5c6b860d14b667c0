"""How workers and replayers run the engine: sandboxed, with what is pure and costly to load passed through."""

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
"""Modules the strict sandbox passes through, and why that is sound."""


def sandbox_runner() -> SandboxedWorkflowRunner:
    """The runner of workers.

    The whole package is passed through: it keeps no state between runs, and loading it anew costs each run about 20 ms. That it
    does nothing a replay must not do is checked by the linter, and by the tests, which replay all they ran under `strict_runner`.
    """
    return _runner({**PURE, "workflows": "no module state beside the shared caches"})


def strict_runner() -> SandboxedWorkflowRunner:
    """The runner of the tests: engine and workflow classes are loaded anew for each run, under the sandbox's restrictions."""
    return _runner(PURE)


def _runner(passed_through: dict[str, str]) -> SandboxedWorkflowRunner:
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*passed_through))
