"""Business and agentic processes as data, run durably on Temporal: what users import.

```python
from advanced_workflow import AdvancedWorkflow, WorkflowStep, action, check, connect, load, start
```

A name is loaded when it is first used: writing and checking definitions needs neither a Temporal server nor its SDK.
What is not listed here, or in a module's documented surface, is private.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from advanced_workflow.activities.action import context
    from advanced_workflow.activities.action.decorator import action
    from advanced_workflow.activities.action.errors import ActionError
    from advanced_workflow.activities.action.namespace import Namespace
    from advanced_workflow.client.connection import connect
    from advanced_workflow.client.runs import Run, start
    from advanced_workflow.workflows.contract import UndoInput
    from advanced_workflow.workflows.definition.check.check import check
    from advanced_workflow.workflows.definition.model.step_type import StepType
    from advanced_workflow.workflows.definition.step import WorkflowStep
    from advanced_workflow.workflows.definition.text.load import load
    from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
    from advanced_workflow.workflows.engine.graphs.context import GraphCallFailed, GraphContext

__all__ = [
    "ActionError",
    "AdvancedWorkflow",
    "GraphCallFailed",
    "GraphContext",
    "Namespace",
    "Run",
    "StepType",
    "UndoInput",
    "WorkflowStep",
    "action",
    "check",
    "connect",
    "context",
    "load",
    "start",
]

_HOMES = {
    "ActionError": "advanced_workflow.activities.action.errors",
    "AdvancedWorkflow": "advanced_workflow.workflows.definition.workflow",
    "GraphCallFailed": "advanced_workflow.workflows.engine.graphs.context",
    "GraphContext": "advanced_workflow.workflows.engine.graphs.context",
    "Namespace": "advanced_workflow.activities.action.namespace",
    "Run": "advanced_workflow.client.runs",
    "StepType": "advanced_workflow.workflows.definition.model.step_type",
    "UndoInput": "advanced_workflow.workflows.contract",
    "WorkflowStep": "advanced_workflow.workflows.definition.step",
    "action": "advanced_workflow.activities.action.decorator",
    "check": "advanced_workflow.workflows.definition.check.check",
    "connect": "advanced_workflow.client.connection",
    "context": "advanced_workflow.activities.action.context",
    "load": "advanced_workflow.workflows.definition.text.load",
    "start": "advanced_workflow.client.runs",
}
"""Where each name is defined."""
_MODULE = "context"
"""The one name that is a module."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - as the language has it
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name]
    return import_module(home) if name == _MODULE else getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
