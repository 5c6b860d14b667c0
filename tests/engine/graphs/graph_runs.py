"""Runs the graphs of `shapes`."""

from __future__ import annotations

from typing import Any

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.agents.graphs import preload
from advanced_workflow.workflows.engine.graphs.registry import GRAPHS, register
from tests.harness import Harness, Outcome, definition

SHAPES = "tests.engine.graphs.shapes"


def graph_step(name: str, *, workers: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    register(name, f"{SHAPES}:{name}")
    made = {"graph": name, "workers": ["act", "fails"] if workers is None else workers, "config": {"limit": 7}}
    return {
        "step_id": "flow",
        "step_type": "orchestrator",
        "orchestrator": {**made, **more},
        "input_mapping": {"n": 0, "out": []},
    }


def flow(name: str, **more: Any) -> dict[str, Any]:
    """A definition of that one step."""
    return definition(graph_step(name, **more), output={"out": "steps.flow.output.out"})


def act(name: str) -> str:
    return f"{name}!"


def fails() -> None:
    raise ActionError("no luck", type="Unlucky", retryable=False)


async def run(harness: Harness, name: str, **more: Any) -> Outcome:
    actions = {"act": act, "fails": fails}
    return await harness.run(
        definition(graph_step(name, **more), output={"out": "steps.flow.output.out"}), actions=actions
    )


def register_kept() -> None:
    """Register the graph of the kept history."""
    register("kept", "tests.replay.graph:kept")


def register_shapes() -> None:
    """Register all graphs of `shapes`, for a process that replays their histories."""
    from tests.engine.graphs import shapes

    preload()  # Another test's worker may leave it to a thread, which then is not done yet.
    register_kept()
    for name in ("calls", "holds"):
        register(name, f"tests.engine.graphs.holding:{name}")

    for name in vars(shapes):
        if name not in GRAPHS and getattr(shapes, name) in shapes.SHAPES:
            register(name, f"{SHAPES}:{name}")
