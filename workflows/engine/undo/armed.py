"""One action that may have to be undone, noted before it is scheduled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from advanced_workflow.workflows.contract import Json, UndoInput
from advanced_workflow.workflows.contract.paths import StepPath

StepOutcome = Literal["running", "completed", "unknown", "failed"]


@dataclass(slots=True)
class Armed:
    """One action that may have to be undone."""

    step_id: str
    path: StepPath
    idempotency_key: str
    input: Json
    outcome: StepOutcome = "running"
    output: Json = None
    child: Json = None
    """For a `sub_workflow` step: what its child handed over, so that it can be undone."""
    undone: int = 0
    """How many of its undo actions have run."""
    mapped: Json = None
    """Input of its undo actions, where it was built at once: what a round or copy sees is gone when it is undone."""

    @property
    def needs_undo(self) -> bool:
        """Whether it took effect, or may have."""
        return self.outcome in ("completed", "unknown")

    def undo_input(self) -> dict[str, Json]:
        """What its undo actions receive unless the definition maps something else."""
        known = self.outcome == "completed"
        return UndoInput(
            step_id=self.step_id,
            input=self.input,
            output=self.output if known else None,
            outcome="completed" if known else "unknown",
            idempotency_key=self.idempotency_key,
        ).model_dump()

    def dump(self) -> list[Json]:
        """As plain data."""
        known = [self.step_id, self.path, self.idempotency_key, self.input, self.outcome, self.output]
        more = [self.child, self.undone, self.mapped]
        return known if more == [None, 0, None] else [*known, *more]

    @staticmethod
    def load(data: list[Json]) -> Armed:
        """What `dump` gave."""
        step_id, path, *more = data
        return Armed(step_id, StepPath(path), *more)
