"""What is measured: each workload as a definition for the engine and as a hand-written workflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tests.benchmarks.handwritten import ACTION, HandwrittenChain, HandwrittenFan, step_id
from workflows.definition.load import LoadedDefinition, parse
from workflows.definition.models import AdvancedWorkflow, WorkflowStep

Side = Literal["engine", "handwritten"]


@dataclass(frozen=True)
class Workload:
    """`runs` runs at a time of `steps` steps; measured in `pairs` pairs."""

    name: str
    steps: int
    shape: Literal["chain", "fan"] = "chain"
    at_once: int = 1000
    runs: int = 1
    pairs: int = 10

    @property
    def workflow_id(self) -> str:
        return f"bench-{self.shape}-{self.steps}-{self.at_once}"

    def workflow_type(self, side: Side) -> str:
        if side == "engine":
            return self.workflow_id
        return (HandwrittenChain if self.shape == "chain" else HandwrittenFan).__name__

    def arguments(self, side: Side) -> list[Any]:
        if side == "engine":
            return [None]
        return [self.steps] if self.shape == "chain" else [self.steps, self.at_once]

    def definition(self) -> LoadedDefinition:
        """A step has an action and, in a chain, the step before as its dependency."""
        steps = tuple(
            WorkflowStep(
                step_id=step_id(number),
                action=ACTION,
                dependencies=(step_id(number - 1),) if number and self.shape == "chain" else (),
            )
            for number in range(self.steps)
        )
        workflow = AdvancedWorkflow(workflow_id=self.workflow_id, steps=steps, max_parallel_steps=self.at_once)
        return parse(workflow.model_dump_json(exclude_defaults=True))


def workloads(*, quick: bool = False) -> list[Workload]:
    """All workloads; `quick` measures fewer pairs and leaves the longest out."""
    few = 3 if quick else 10
    some = [
        Workload("chain of 100", 100, pairs=few),
        Workload("fan of 100, all at once", 100, "fan", pairs=few),
        Workload("fan of 100, 10 at a time", 100, "fan", at_once=10, pairs=few),
        Workload("200 runs of a chain of 10", 10, runs=200, pairs=2 if quick else 5),
        Workload("chain of 1,000", 1000, pairs=1 if quick else 3),
    ]
    return some if quick else [*some, Workload("chain of 5,000", 5000, pairs=1)]
