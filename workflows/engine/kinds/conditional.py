"""`conditional`: chooses which steps come next."""

from __future__ import annotations

from advanced_workflow.workflows.engine.graph.step_plan import RoutePlan
from advanced_workflow.workflows.engine.step.context import Done, StepContext


async def run_conditional(step: StepContext) -> Done:
    """Route by the first condition that holds, or by all that hold, else by the default; without one nobody is routed to."""
    step.begin()
    targets = dict.fromkeys(target for route in await _choose(step) for target in route.targets)
    return Done({"routed": list(targets)}, routed=frozenset(targets))


async def _choose(step: StepContext) -> list[RoutePlan]:
    scope = step.scope()
    chosen: list[RoutePlan] = []
    default: list[RoutePlan] = []
    for number, route in enumerate(step.plan.routes):
        if route.condition is None:
            default = [route]
            continue
        await step.run.state.thinking.pause()
        with step.reading(f"conditions[{number}]"):
            if route.condition.holds(scope):
                chosen.append(route)
        if chosen and step.plan.step.mode == "first":
            break
    return chosen or default
