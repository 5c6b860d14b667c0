"""How workers and replayers run the engine: sandboxed, with what is pure and costly to load passed through."""

from __future__ import annotations

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PASSED_THROUGH = {
    # Pure and immutable: definitions, expressions, the wire.
    "workflows.errors": "constants and exception classes",
    "workflows.definition": "pydantic models",
    "workflows.expressions": "compiled once for all runs",
    "workflows.contract": "pydantic models",
    # Shared on purpose: plans are cached by the definition's digest, headers cross the sandbox.
    "workflows.engine.plan": "immutable, cached by digest",
    "workflows.engine.scheduler": "no module state; the plan holds its graphs",
    "workflows.engine.headers": "one context variable for engine and interceptor",
    "workflows.engine.telemetry": "no module state; compiled and its classes made once",
    "workflows.engine.tracing": "no module state; its spans go to the worker",
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


def sandbox_runner() -> SandboxedWorkflowRunner:
    """The runner for `Worker(workflow_runner=...)` and `Replayer(workflow_runner=...)`."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))
