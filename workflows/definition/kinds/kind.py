"""What is said about a kind of step, for `check` and for drawings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.markers import Trait
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.places import Loc
from advanced_workflow.workflows.definition.problems.problem import Problem

S = TypeVar("S", bound=DefinitionModel)
Names: TypeAlias = tuple[str, ...]

LONGEST: Final = 60
"""Characters of an expression that a drawing shows."""


@dataclass(frozen=True)
class Kind(Generic[S]):
    """One type of step.

    `field` is the field of a step that holds what only this type has, a model `S`; the functions are given its value.
    `output` names the fields of the step's output, or gives None where that depends on what it runs. `problems` are the rules
    about the value itself, `lines` what a drawing writes below the label, `drawn` the brackets of its shape in Mermaid.
    """

    step_type: StepType
    traits: frozenset[Trait] = frozenset()
    field: str | None = None
    output: Callable[[S | None], Names | None] = lambda _: None
    problems: Callable[[S, Loc], Iterator[Problem]] = lambda _value, _loc: iter(())
    lines: Callable[[S], Iterator[str]] = lambda _: iter(())
    drawn: tuple[str, str] = ("[", "]")
    gives_its_input: bool = False
    """Whether its output is what its `input_mapping` gives."""
    runs: bool = True
    """False as long as the type is checked and not run yet."""

    def value(self, step: DefinitionModel) -> S | None:
        """What a step has in the kind's own field."""
        return getattr(step, self.field) if self.field is not None else None


def always(*names: str) -> Callable[[object], Names]:
    """An output that has the same fields whatever the step says."""
    return lambda _: names
