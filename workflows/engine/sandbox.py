"""How workers and replayers run the engine: sandboxed, with what is pure and costly to load passed through."""

from __future__ import annotations

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PURE = {
    # Pure and immutable: definitions, expressions, the wire.
    "workflows.errors": "constants and exception classes",
    "workflows.definition": "pydantic models",
    "workflows.expressions": "compiled once for all runs",
    "workflows.contract": "pydantic models",
    # Shared on purpose: plans are cached by the definition's digest, headers cross the sandbox.
    "workflows.engine.plan": "immutable, cached by digest",
    "workflows.engine.step_plan": "immutable; expressions are compiled once",
    "workflows.engine.scheduler": "no module state; the plan holds its graphs",
    "workflows.engine.interceptor": "one context variable for engine and interceptor",
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
