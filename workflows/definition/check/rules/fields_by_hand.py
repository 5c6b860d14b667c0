"""Rules about which fields a step type needs, and which mean nothing for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import listed, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.step import WorkflowStep

_T = StepType
_PLAIN = frozenset({_T.SEQUENTIAL, _T.WORKER, _T.LOOP})
_REMOTE = _PLAIN | {_T.WEBHOOK, _T.REACT, _T.ORCHESTRATOR}
_TIMED = _REMOTE | {_T.SUB_WORKFLOW}
_MAPPED = _PLAIN | {_T.REACT, _T.ORCHESTRATOR, _T.SUB_WORKFLOW}

MEANING: dict[str, frozenset[StepType]] = {
    "action": _PLAIN,
    "agent_capability": _REMOTE,
    "timeout": _TIMED,
    "total_timeout": _REMOTE,
    "heartbeat_timeout": _PLAIN,
    "execution": _PLAIN,
    "queue_timeout": _REMOTE,
    "input_mapping": _MAPPED,
    "input_validation": _MAPPED,
    "output_mapping": frozenset(StepType) - {_T.ROLLBACK},
    "rollback_actions": _TIMED,
    "rollback_mapping": _TIMED,
    "rollback_timeout": _TIMED,
    "rollback_to": frozenset({_T.ROLLBACK}),
    "parallel_steps": frozenset({_T.PARALLEL}),
    "for_each": frozenset({_T.PARALLEL}),
    "max_concurrency": frozenset({_T.PARALLEL}),
    "add_on": frozenset({_T.PARALLEL}),
    "complete_when": frozenset({_T.PARALLEL}),
    "loop_condition": frozenset({_T.LOOP}),
    "loop_max_iterations": frozenset({_T.LOOP}),
    "loop_check": frozenset({_T.LOOP}),
    "body": frozenset({_T.LOOP}),
    "mode": frozenset({_T.CONDITIONAL}),
    "approval": frozenset({_T.HUMAN_APPROVAL}),
    "wait": frozenset({_T.WAIT}),
    "webhook": frozenset({_T.WEBHOOK}),
    "workflow": frozenset({_T.SUB_WORKFLOW}),
    "workflow_version": frozenset({_T.SUB_WORKFLOW}),
    "agent": frozenset({_T.REACT}),
    "orchestrator": frozenset({_T.ORCHESTRATOR}),
}
"""Field -> step types it means something for. Fields that are not listed mean something for every type."""

RETRY_MEANING: dict[str, frozenset[StepType]] = {
    "max_attempts": _TIMED,
    "backoff_strategy": _TIMED,
    "delay": _TIMED,
    "backoff_multiplier": _TIMED,
    "max_delay": _TIMED,
    "jitter": _REMOTE,
    "non_retryable": _TIMED,
    "circuit_breaker": _REMOTE,
    "parallel_failure_threshold": frozenset({_T.PARALLEL}),
}
"""The same for the fields of a step's `retry_policy`."""

_Kind: TypeAlias = tuple[StepType, bool]
"""A step's type, and whether it is a loop over a body: that one runs no action of its own."""


def _others(meaning: Mapping[str, frozenset[StepType]]) -> dict[_Kind, frozenset[str]]:
    """The fields that mean nothing for each kind of step."""
    of_actions = (_PLAIN, _REMOTE, _TIMED, _MAPPED)
    return {
        (step_type, over_body): frozenset(
            name for name, types in meaning.items() if step_type not in types or (over_body and types in of_actions)
        )
        for step_type in StepType
        for over_body in (False, True)
    }


_OTHER_FIELDS = _others(MEANING)
_OTHER_RETRY_FIELDS = _others(RETRY_MEANING)

_NEEDED: dict[StepType, tuple[str, str]] = {
    _T.SEQUENTIAL: ("action", "Name the action to run; 'adw actions' lists them."),
    _T.WORKER: ("action", "Name the action to run; 'adw actions' lists them."),
    _T.CONDITIONAL: ("conditions", "Add conditions with 'next_steps'."),
    _T.WAIT: ("wait", "Add 'wait' with 'seconds', 'until' or 'event'."),
    _T.LOOP: ("loop_condition", "Add the expression that must hold for another round."),
    _T.WEBHOOK: ("webhook", "Add 'webhook' with 'url'."),
    _T.SUB_WORKFLOW: ("workflow", "Name the definition to run."),
    _T.REACT: ("agent", "Add 'agent' with 'model'."),
    _T.ORCHESTRATOR: ("orchestrator", "Add 'orchestrator'."),
}
_STEP_DEFAULTS = {
    name: field.get_default(call_default_factory=True)
    for name, field in WorkflowStep.model_fields.items()
    if name in MEANING
}


def field_problems(placement: Placement) -> Iterator[Problem]:
    """Everything about the presence of fields on one step."""
    yield from _missing(placement)
    yield from _meaningless(placement)
    yield from _loop_problems(placement)
    yield from _route_problems(placement)


def _missing(placement: Placement) -> Iterator[Problem]:
    step = placement.step
    name, fix = _NEEDED.get(step.step_type, ("", ""))
    if name and getattr(step, name) in (None, ()):
        message = f"a step of type '{step.step_type.value}' needs '{name}'."
        yield problem(Code.MISSING_FIELD, (*placement.loc, name), message, fix)


def _meaningless(placement: Placement) -> Iterator[Problem]:
    step, policy = placement.step, placement.step.retry_policy
    kind = (step.step_type, _is_body_loop(step))
    # Only what is written can be wrong, and most steps write few of their fields.
    for name in sorted(step.model_fields_set & _OTHER_FIELDS[kind]):
        if getattr(step, name) != _STEP_DEFAULTS[name]:
            yield _means_nothing(placement, (name,), MEANING[name])
    for name in sorted(policy.model_fields_set & _OTHER_RETRY_FIELDS[kind]):
        if getattr(policy, name) is not None:
            yield _means_nothing(placement, ("retry_policy", name), RETRY_MEANING[name])


def _is_body_loop(step: WorkflowStep) -> bool:
    return step.step_type is StepType.LOOP and step.action is None and bool(step.body)


def _means_nothing(placement: Placement, name: tuple[str, ...], types: frozenset[StepType]) -> Problem:
    loc, owner = (*placement.loc, *name), f"a step of type '{placement.step.step_type.value}'"
    fix = f"Remove it; it is for: {listed(sorted(one.value for one in types), len(StepType))}."
    if _is_body_loop(placement.step) and StepType.LOOP in types:
        owner, fix = "a loop with a 'body'", "Remove it, or write it on the steps of the body."
    return problem(Code.MEANINGLESS_FIELD, loc, f"'{'.'.join(name)}' means nothing on {owner}.", fix)


def _loop_problems(placement: Placement) -> Iterator[Problem]:
    step = placement.step
    if step.step_type is StepType.LOOP and (step.action is None) == (not step.body):
        message = "a loop needs either 'action' or 'body'."
        yield problem(Code.MISSING_FIELD, (*placement.loc, "body"), message, "Give exactly one of them.")


def _route_problems(placement: Placement) -> Iterator[Problem]:
    step, loc = placement.step, (*placement.loc, "conditions")
    is_conditional = step.step_type is StepType.CONDITIONAL
    defaults = 0
    for index, condition in enumerate(step.conditions):
        defaults += condition.default
        if is_conditional and not condition.next_steps:
            message = "a condition of a 'conditional' step needs 'next_steps'."
            yield problem(Code.MISSING_FIELD, (*loc, index, "next_steps"), message, "Name the steps it routes to.")
        if is_conditional and condition.default and defaults == 2:
            message = "only one condition of a step may be the default."
            yield problem(Code.DEFAULT_CONDITION, (*loc, index, "default"), message, "Keep one of them.")
        for name in () if is_conditional else ("default", "next_steps"):
            if getattr(condition, name):
                message = f"'{name}' in a condition means nothing on a step of type '{step.step_type.value}'."
                fix = "Remove it, or make the step 'conditional'."
                yield problem(Code.MEANINGLESS_FIELD, (*loc, index, name), message, fix)
