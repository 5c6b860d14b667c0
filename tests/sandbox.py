"""The strict sandbox, in which the tests replay all they ran: engine and workflow classes are loaded under its restrictions.

The runs of a process share what is loaded, as they do in a worker; they are replayed one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, cast

from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker._command_aware_visitor import CommandInfo
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.worker.workflow_sandbox._importer import Importer
from temporalio.worker.workflow_sandbox._in_sandbox import InSandbox
from temporalio.worker.workflow_sandbox._restrictions import RestrictionContext
from temporalio.worker.workflow_sandbox._runner import _Instance as SandboxedInstance

PURE = {
    # Pure and immutable: definitions, expressions, the wire.
    "advanced_workflow.workflows.errors": "constants and exception classes",
    "advanced_workflow.workflows.plain": "functions of plain values",
    "advanced_workflow.workflows.definition": "pydantic models",
    "advanced_workflow.workflows.expressions": "compiled once for all runs",
    "advanced_workflow.workflows.contract": "pydantic models",
    # Shared on purpose: plans are cached by the definition's digest, headers cross the sandbox.
    "advanced_workflow.workflows.engine.graph.plan": "immutable, cached by digest",
    "advanced_workflow.workflows.engine.graph.edges": "pure",
    "advanced_workflow.workflows.engine.graph.step_plan": "immutable; expressions are compiled once",
    "advanced_workflow.workflows.engine.graph.scheduler": "no module state; the plan holds its graphs",
    "advanced_workflow.workflows.engine.temporal.interceptor": "one context variable for engine and interceptor",
    "advanced_workflow.workflows.engine.monitoring.telemetry": "no module state; compiled and its classes made once",
    "advanced_workflow.workflows.engine.monitoring.tracing": "no module state; its spans go to the worker",
    # The users' graphs of the process; their own code is loaded under the restrictions again, for each step.
    "advanced_workflow.workflows.engine.graphs.context": "what user code sees; it knows nothing of the engine",
    "advanced_workflow.workflows.engine.graphs.library": "imports only",
    "advanced_workflow.workflows.engine.graphs.refusals": "pure",
    "advanced_workflow.workflows.engine.graphs.registry": "filled before anything runs",
    "advanced_workflow.workflows.engine.graphs.restrictions": "the sandbox around user code",
    # Third parties without state of a run.
    "pydantic": "compiled validators",
    "pydantic_core": "native",
    "cel_expr_python": "native",
    "google.protobuf": "native",
    "cryptography": "native",
    # State graphs: no state of a run, and none of the clock, randomness and I/O that they have reaches one.
    "langgraph": "graphs are made for each run",
    "langchain_core": "base classes of graphs",
    "langsmith": "tracing, which is off",
    "xxhash": "native",
    "orjson": "native",
    "ormsgpack": "native",
}
"""Modules that are passed through, and why that is sound."""


def strict_runner() -> SandboxedWorkflowRunner:
    """For `unsandboxed_workflow_runner` of a replayer or worker: our workflow classes ask for no sandbox, and get this one."""
    import_module("cryptography.hazmat.primitives.asymmetric.ed25519")  # Its native part cannot be loaded first inside.
    return _LoadedOnce(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PURE))


@dataclass(frozen=True)
class _LoadedOnce(SandboxedWorkflowRunner):
    """The SDK's sandbox loads the engine again for each run, which takes four times as long as the replay."""

    loaded: dict[str, Importer] = field(default_factory=dict)
    """What is loaded under the sandbox's restrictions, by the module of the workflow class."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Instance(det, self)


class _Instance(SandboxedInstance):
    def __init__(self, details: WorkflowInstanceDetails, runner: _LoadedOnce) -> None:
        self.instance_details = details
        self.runner_class = runner.runner_class
        module = details.defn.cls.__module__
        self.importer = runner.loaded.setdefault(
            module, Importer(runner.restrictions, RestrictionContext(), workflow_module_name=module)
        )
        self._current_thread_id = None
        self.globals_and_locals = {"__file__": "workflow_sandbox.py"}
        self._create_instance()

    @property
    def _in_sandbox(self) -> InSandbox:
        return cast("dict[str, Any]", self.globals_and_locals)["__temporal_in_sandbox"]

    def get_serialization_context(self, command_info: CommandInfo | None) -> SerializationContext | None:
        """For each payload: it reads what the SDK itself keeps of a call, for which the sandbox need not be entered."""
        return self._in_sandbox.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: CommandInfo | None) -> StorageDriverStoreContext:
        """As above."""
        return self._in_sandbox.get_external_store_context(command_info)
