"""Rules about actions, where a registry is at hand: they exist, and take what they are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from advanced_workflow.workflows.definition.check.catalog import ActionCatalog, ActionInfo
from advanced_workflow.workflows.definition.check.rules.parameters import parameter_problems
from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.kinds.react import Tool
from advanced_workflow.workflows.definition.model.marked import named
from advanced_workflow.workflows.definition.model.markers import ActionName
from advanced_workflow.workflows.definition.model.retries import BackoffStrategy
from advanced_workflow.workflows.definition.model.rollback import RollbackAction
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, nearest, problem, warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def action_problems(placement: Placement, workflow: AdvancedWorkflow, actions: ActionCatalog) -> Iterator[Problem]:
    """Everything about the actions that one step names."""
    step = placement.step
    for loc, name, _ in named(step, ActionName, placement.loc):
        owner = _owner(step, loc[len(placement.loc) :])
        if name not in actions and name.strip():  # What is empty is a problem of its own.
            yield _unknown(loc, name, owner.agent_capability, actions)
        elif name in actions and loc[-2] == "rollback_actions":
            yield from _elsewhere(loc, name, owner, actions)
    if step.action is None:
        return
    info = actions.get(step.action)
    yield from _retry_delay(placement, workflow, info)
    if info is not None and info.input_schema:
        yield from parameter_problems(placement, f"action {step.action!r}", info.input_schema)


def _owner(step: WorkflowStep, loc: Loc) -> WorkflowStep | Tool | RollbackAction:
    """What says on which queue a name at a place in the step is called: the innermost object around it that names one."""
    owner: WorkflowStep | Tool | RollbackAction = step
    value: object = step
    for part in loc:
        value = cast("tuple[object, ...]", value)[part] if isinstance(part, int) else getattr(value, part)
        owner = value if isinstance(value, Tool | RollbackAction) else owner
    return owner


def _elsewhere(
    loc: Loc, name: str, owner: WorkflowStep | Tool | RollbackAction, actions: ActionCatalog
) -> Iterator[Problem]:
    """An undo action that is registered here and would be sent to workers who have other actions, as they have that of its step."""
    if isinstance(owner, RollbackAction) or owner.agent_capability is None or owner.action is None:
        return
    if owner.action not in actions:
        queue = owner.agent_capability
        message = (
            f"undo action {name!r} is registered here, and would run where {owner.action!r} runs, on queue {queue!r}."
        )
        fix = f"Write {{action: {name}}} for the run's own queue, or {{action: {name}, agent_capability: {queue}}}."
        yield problem(Code.WRONG_QUEUE, loc, message, fix)


def _unknown(loc: Loc, name: str, queue: str | None, actions: ActionCatalog) -> Problem:
    message = f"action {name!r} is not registered; 'adw actions' lists {len(actions)}."
    fix = nearest(name, sorted(actions)) or "Register it, or correct the name."
    if queue is None:
        return problem(Code.UNKNOWN_ACTION, loc, message, fix)
    # Another worker, in any language, serves a capability's queue: this registry cannot know all its actions.
    return warning(Code.UNKNOWN_ACTION, loc, message, f"{fix} The workers of {queue!r} may have it.")


def _retry_delay(placement: Placement, workflow: AdvancedWorkflow, info: ActionInfo | None) -> Iterator[Problem]:
    own, general = placement.step.retry_policy, workflow.retry_policy
    strategy = own.backoff_strategy or general.backoff_strategy
    jitter = own.jitter if own.jitter is not None else general.jitter
    needs = "'linear' backoff" if strategy is BackoffStrategy.LINEAR else "jitter" if jitter else ""
    if needs and (info is None or not info.computes_retry_delay):
        name = "jitter" if needs == "jitter" else "backoff_strategy"
        written = own.jitter if needs == "jitter" else own.backoff_strategy
        loc: Loc = (*placement.loc, "retry_policy") if written is not None else placement.loc
        message = (
            f"{needs} needs an action whose worker computes the delay; {placement.step.action!r} is not known to, "
            f"and workers of other SDKs fall back to a fixed delay."
        )
        place = (*loc, name) if written is not None else loc
        yield warning(Code.RETRY_DELAY_FALLBACK, place, message, "Use 'exponential' or 'fixed' where that matters.")
