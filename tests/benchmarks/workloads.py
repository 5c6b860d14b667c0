"""What is measured: each workload as a definition for the engine and as a hand-written workflow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from advanced_workflow.workflows.definition.text.load import LoadedDefinition, parse
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from tests.benchmarks import definitions, handwritten

Side = Literal["engine", "handwritten"]
DATA_BYTES = 10_000


@dataclass(frozen=True, eq=False)
class Workload:
    """`runs` runs at a time, each of `steps` actions; measured in `pairs` pairs."""

    name: str
    steps: int
    definition: AdvancedWorkflow
    twin: type
    """The hand-written workflow."""
    twin_arguments: tuple[Any, ...]
    input_data: Any = None
    """The engine's."""
    children: tuple[AdvancedWorkflow, ...] = ()
    """Definitions that the engine runs as children."""
    runs: int = 1
    pairs: int = 10

    def workflow_type(self, side: Side) -> str:
        return self.definition.workflow_id if side == "engine" else self.twin.__name__

    def arguments(self, side: Side) -> list[Any]:
        return [self.input_data] if side == "engine" else list(self.twin_arguments)


def workloads(*, quick: bool = False) -> list[Workload]:
    """All workloads; `quick` measures fewer pairs and leaves the longest out."""
    few = 3 if quick else 10
    some = [
        chain(100, pairs=few),
        local_chain(100, handwritten.HandwrittenChain, "regular", pairs=few),
        local_chain(100, handwritten.HandwrittenLocalChain, "local", pairs=few),
        data_chain(50, pairs=few),
        fan(100, 1000, "fan of 100, all at once", pairs=few),
        fan(100, 10, "fan of 100, 10 at a time", pairs=few),
        for_each(1000, 10, pairs=1 if quick else 5),
        sub_workflows(20, 5, pairs=few),
        chain(10, runs=200, pairs=2 if quick else 5),
        loop(1000, pairs=1 if quick else 3),
        chain(1000, pairs=1 if quick else 3),
    ]
    return some if quick else [*some, chain(5000, pairs=1)]


def chain(steps: int, *, runs: int = 1, pairs: int = 10) -> Workload:
    """Regular activities, one after the other."""
    name = f"chain of {steps:,}" if runs == 1 else f"{runs} runs of a chain of {steps}"
    twin = handwritten.HandwrittenChain
    return Workload(name, steps, definitions.chain(steps), twin, (steps,), runs=runs, pairs=pairs)


def local_chain(steps: int, twin: type, by_hand: str, *, pairs: int) -> Workload:
    """Local activities, one after the other; by hand they are `by_hand` ones."""
    name = f"chain of {steps} local steps / {by_hand} by hand"
    return Workload(name, steps, definitions.chain(steps, "local"), twin, (steps,), pairs=pairs)


def data_chain(steps: int, *, pairs: int) -> Workload:
    """What each step takes and gives has `DATA_BYTES`."""
    name, data = f"data chain of {steps}, {DATA_BYTES // 1000} KB a step", {"data": "x" * DATA_BYTES}
    twin = handwritten.HandwrittenDataChain
    return Workload(name, steps, definitions.data_chain(steps), twin, (steps, data), data, pairs=pairs)


def fan(steps: int, at_once: int, name: str, *, pairs: int) -> Workload:
    """Steps that nothing keeps apart but the limit."""
    twin = handwritten.HandwrittenFan
    return Workload(name, steps, definitions.fan(steps, at_once), twin, (steps, at_once), pairs=pairs)


def for_each(items: int, at_once: int, *, pairs: int) -> Workload:
    """One action for each item of a list."""
    name, data = f"for_each over {items:,} items, {at_once} at a time", list(range(items))
    twin = handwritten.HandwrittenItems
    return Workload(name, items, definitions.for_each(at_once), twin, (data, at_once), {"items": data}, pairs=pairs)


def sub_workflows(children: int, steps: int, *, pairs: int) -> Workload:
    """Child runs, each a chain."""
    child = definitions.chain(steps)
    return Workload(
        f"{children} children with {steps} steps each",
        children * steps,
        definitions.parent(children, child),
        handwritten.HandwrittenParent,
        (children, steps),
        children=(child,),
        pairs=pairs,
    )


def loop(rounds: int, *, pairs: int) -> Workload:
    """One action, again and again."""
    twin = handwritten.HandwrittenLoop
    return Workload(f"loop of {rounds:,} rounds", rounds, definitions.loop(rounds), twin, (rounds,), pairs=pairs)


def loaded(workloads: Iterable[Workload]) -> dict[str, LoadedDefinition]:
    """All definitions of the workloads by id, as a worker has them."""
    found = [one for workload in workloads for one in (workload.definition, *workload.children)]
    return {one.workflow_id: parse(one.model_dump_json(exclude_defaults=True)) for one in found}
