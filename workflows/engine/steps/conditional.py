"""`conditional`: chooses which steps come next."""

from __future__ import annotations

from workflows.engine.context import Done, StepContext
from workflows.engine.step_plan import RoutePlan


async def run_conditional(step: StepContext) -> Done:
    """Route by the first condition that holds, else by the default; without one nobody is routed to."""
    step.begin()
    chosen = _choose(step)
    targets = chosen.targets if chosen else ()
    return Done({"routed": list(targets)}, routed=frozenset(targets))


def _choose(step: StepContext) -> RoutePlan | None:
    scope = step.scope()
    default: RoutePlan | None = None
    for number, route in enumerate(step.plan.routes):
        if route.condition is None:
            default = route
            continue
        with step.reading(f"conditions[{number}]"):
            if route.condition.holds(scope):
                return route
    return default
