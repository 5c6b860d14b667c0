"""Rules about `execution: local`: what a local activity cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.model.retries import BackoffStrategy
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

LONGEST_ATTEMPT_SECONDS = 10
"""What one attempt of a local step may take, and what it gets when its `timeout` is not written."""
LONGEST_TOTAL_SECONDS = 60
"""What all attempts of a local step together may take: as long they keep their run's worker busy."""

_FIX = "Remove it, or leave 'execution: local' out."


def local_problems(placement: Placement, workflow: AdvancedWorkflow) -> Iterator[Problem]:
    """Everything that a step with `execution: local` says and that cannot be kept."""
    if placement.step.execution == "local":
        for loc, message, fix in (
            *_absent(placement.step),
            *_too_long(placement.step),
            *_delays(placement.step, workflow),
        ):
            yield problem(Code.LOCAL_EXECUTION, (*placement.loc, *loc), message, fix)


def is_over(value: object, most: float) -> TypeGuard[float]:
    """Whether a time is a number, not an expression, and longer than so many seconds."""
    return isinstance(value, int | float) and value > most


def _absent(step: WorkflowStep) -> Iterator[tuple[Loc, str, str]]:
    if step.agent_capability is not None:
        yield ("agent_capability",), "a local step runs in the run's own worker, not on a capability's queue.", _FIX
    if step.queue_timeout is not None:
        yield ("queue_timeout",), "a local step waits in no queue.", _FIX
    if step.heartbeat_timeout is not None:
        yield ("heartbeat_timeout",), "a local step sends no heartbeats.", _FIX
    if step.retry_policy.circuit_breaker is not None:
        yield ("retry_policy", "circuit_breaker"), "no circuit breaker watches local steps.", _FIX


def _too_long(step: WorkflowStep) -> Iterator[tuple[Loc, str, str]]:
    if "timeout" in step.model_fields_set and is_over(step.timeout, LONGEST_ATTEMPT_SECONDS):
        message = (
            f"an attempt of a local step may take {LONGEST_ATTEMPT_SECONDS} s, and this says {step.timeout:g} s; "
            f"where no 'timeout' is written it gets {LONGEST_ATTEMPT_SECONDS} s."
        )
        yield ("timeout",), message, "Shorten or remove it, or leave 'execution: local' out."
    if is_over(step.total_timeout, LONGEST_TOTAL_SECONDS):
        message = (
            f"all attempts of a local step may take {LONGEST_TOTAL_SECONDS} s, and this says {step.total_timeout:g} s."
        )
        yield ("total_timeout",), message, "Shorten it, or leave 'execution: local' out."


def _delays(step: WorkflowStep, workflow: AdvancedWorkflow) -> Iterator[tuple[Loc, str, str]]:
    """Linear and random delays are worked out where a regular activity runs; a local one has only Temporal's own."""
    own, general = step.retry_policy, workflow.retry_policy
    if (own.backoff_strategy or general.backoff_strategy) is BackoffStrategy.LINEAR:
        message = "a local step cannot have 'linear' backoff" + _inherited(own.backoff_strategy)
        yield _place("backoff_strategy", own.backoff_strategy), message, "Write 'exponential' or 'fixed' on the step."
    if own.jitter if own.jitter is not None else general.jitter:
        message = "the delays of a local step cannot have jitter" + _inherited(own.jitter)
        yield _place("jitter", own.jitter), message, "Write 'jitter: 0' on the step."


def _place(name: str, own: object) -> Loc:
    return ("retry_policy", name) if own is not None else ("execution",)


def _inherited(own: object) -> str:
    return "." if own is not None else ", which the workflow's 'retry_policy' asks for."
