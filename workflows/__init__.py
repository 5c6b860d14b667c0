"""What authors of definitions import.

    from workflows import AdvancedWorkflow, WorkflowStep, check, load

Nothing here needs a Temporal server, nor its SDK.
"""

from workflows.definition.catalog import ActionCatalog, ActionInfo
from workflows.definition.codes import Code
from workflows.definition.editor_schema import json_schema
from workflows.definition.load import (
    LIBRARY,
    LoadedDefinition,
    definition_sha256,
    dump_definition,
    find_definitions,
    load,
    parse,
)
from workflows.definition.models import AdvancedWorkflow, StepStatus, StepType, WorkflowStep
from workflows.definition.policies import (
    Agent,
    Approval,
    ApproverExpression,
    BackoffStrategy,
    Callback,
    CircuitBreakerPolicy,
    Condition,
    ErrorHandler,
    Escalation,
    Operator,
    Orchestrator,
    Reminder,
    RetryPolicy,
    WaitFor,
    Webhook,
)
from workflows.definition.problems import DefinitionProblems, Problem, errors_of
from workflows.definition.support import unsupported
from workflows.errors import DefinitionInvalid, ExpressionError, ExpressionInvalid, WorkflowError
from workflows.expressions.check import check, check_text

__all__ = [
    "LIBRARY",
    "ActionCatalog",
    "ActionInfo",
    "AdvancedWorkflow",
    "Agent",
    "Approval",
    "ApproverExpression",
    "BackoffStrategy",
    "Callback",
    "CircuitBreakerPolicy",
    "Code",
    "Condition",
    "DefinitionInvalid",
    "DefinitionProblems",
    "ErrorHandler",
    "Escalation",
    "ExpressionError",
    "ExpressionInvalid",
    "LoadedDefinition",
    "Operator",
    "Orchestrator",
    "Problem",
    "Reminder",
    "RetryPolicy",
    "StepStatus",
    "StepType",
    "WaitFor",
    "Webhook",
    "WorkflowError",
    "WorkflowStep",
    "check",
    "check_text",
    "definition_sha256",
    "dump_definition",
    "errors_of",
    "find_definitions",
    "json_schema",
    "load",
    "parse",
    "unsupported",
]
