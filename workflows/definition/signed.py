"""What in a definition leads to decisions that must be signed: in its own steps, in tools and orchestrators, and in the runs it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from advanced_workflow.workflows.definition.graph.layout import lay_out
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.tools import acting, asking_step, tool_steps
from advanced_workflow.workflows.definition.versions import Definitions, Known
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


@dataclass(frozen=True, slots=True)
class SignedParts:
    """Of one definition."""

    asking: tuple[tuple[str, Approval], ...] = ()
    """What is asked, each with the id of its step; in the runs that it starts, too."""
    leading: frozenset[str] = frozenset()
    """Ids of its own steps and of their tools that ask, and of those around them; a step whose run asks is one."""
    before: frozenset[str] = frozenset()
    """Ids of its own steps that come before one that leads to such a decision: what they give says whether it is asked, and what."""


def signed_parts(workflow: AdvancedWorkflow, at_hand: Known) -> SignedParts:
    """What leads to signed decisions; `at_hand` are the definitions that its `sub_workflow` steps may name."""
    known = Definitions.of(at_hand)
    reached = _reached(workflow, known)
    asking = [(one.step_id, approval) for each in reached.values() for one, approval in _asking(each)]
    if not asking:
        return SignedParts()
    leading = _leading(workflow, _that_ask(reached, known), known)
    return SignedParts(tuple(asking), frozenset(leading), frozenset(_before(workflow, leading)))


def asks_signed(workflow: AdvancedWorkflow) -> frozenset[str]:
    """The ids of the steps that themselves ask for a decision which must be signed."""
    return frozenset(step.step_id for step, _ in _asking(workflow))


def _asking(workflow: AdvancedWorkflow) -> Iterator[tuple[WorkflowStep, Approval]]:
    for _, step in acting(workflow):
        for one in (step, asking_step(step)):
            if one is not None and one.approval is not None and one.approval.identity == "signed":
                yield one, one.approval


def _children(workflow: AdvancedWorkflow, known: Definitions) -> Iterator[AdvancedWorkflow]:
    for _, step in acting(workflow):
        child = known.find(step.workflow, step.workflow_version)
        if child is not None:
            yield child


def _reached(workflow: AdvancedWorkflow, known: Definitions) -> dict[int, AdvancedWorkflow]:
    """The definition and all whose runs it leads to, each once however often it is named."""
    found = {id(workflow): workflow}
    waiting = [workflow]
    while waiting:
        for child in _children(waiting.pop(), known):
            if id(child) not in found:
                found[id(child)] = child
                waiting.append(child)
    return found


def _that_ask(reached: Mapping[int, AdvancedWorkflow], known: Definitions) -> set[int]:
    """Those whose runs ask, or start one that does."""
    parents: dict[int, list[int]] = {}
    for name, each in reached.items():
        for child in _children(each, known):
            parents.setdefault(id(child), []).append(name)
    waiting = [name for name, each in reached.items() if any(True for _ in _asking(each))]
    found = set(waiting)
    while waiting:
        more = [one for one in parents.get(waiting.pop(), ()) if one not in found]
        found.update(more)
        waiting += more
    return found


def _leading(workflow: AdvancedWorkflow, that_ask: set[int], known: Definitions) -> set[str]:
    own = {step.step_id for step, _ in _asking(workflow)}
    for _, step in acting(workflow):
        child = known.find(step.workflow, step.workflow_version)
        if child is not None and id(child) in that_ask:
            own.add(step.step_id)
    leading: set[str] = set()

    def look(step: WorkflowStep) -> bool:
        inner = [*step.parallel_steps, *step.body, *(one for _, one in tool_steps(step))]
        asks = asking_step(step)
        found = [look(one) for one in inner]  # All of them, each adds itself.
        if asks is not None and asks.step_id in own:
            leading.add(asks.step_id)
            found.append(True)
        if step.step_id in own or any(found):
            leading.add(step.step_id)
            return True
        return False

    for step in workflow.steps:
        look(step)
    return leading


def _before(workflow: AdvancedWorkflow, leading: set[str]) -> Iterator[str]:
    layout = lay_out(workflow)
    mask = 0
    for placement in layout.outline.placements:
        if placement.step.step_id in leading:
            mask |= layout.upstream[placement.number]
    for placement in layout.outline.placements:
        if mask >> placement.number & 1 and placement.step.step_id not in leading:
            yield placement.step.step_id
