"""One action that may have to be undone, noted before it is scheduled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal

from advanced_workflow.workflows.contract import Json, UndoInput
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.errors import WorkflowError

StepOutcome = Literal["running", "completed", "unknown", "failed"]

_OLD = 3
"""Of the values that may be left out release 0.1.0 knows so many."""


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
    """For a `sub_workflow` step: its child's id as `run`, and what the child handed over, so that it can be undone, as `carried`."""
    undone: int = 0
    """How many of its undo actions have run, of those that are to run."""
    mapped: Json = None
    """Input of its undo actions, where it was built at once: what a round or copy sees is gone when it is undone."""
    earlier: StepOutcome | None = None
    """How it ended before, where it runs again under the same key: what it may have done then stays."""
    left: list[int] | None = None
    """Numbers of the undo actions that are to run, where others have run before; all of them otherwise."""

    numbers: Json = None
    """The times of its attempts that expressions gave, which its undo actions have too."""

    @property
    def needs_undo(self) -> bool:
        """Whether it took effect, or may have."""
        return self.outcome in ("completed", "unknown")

    @property
    def execution_id(self) -> str:
        """The execution id in its key."""
        return self.idempotency_key.removesuffix(f":{self.path}")

    def run_again(self, value: Json) -> None:
        """It is called again, with the same key: there is one effect, and it is undone once."""
        self.earlier = self._known()
        self.input, self.outcome, self.undone = value, "running", 0

    def settle(self, outcome: StepOutcome, output: Json) -> bool:
        """Say how it ended. That it failed now takes nothing back; gives whether this end is the one that counts."""
        known, self.earlier = self._known(), None
        if outcome != "completed" and known is not None:
            self.outcome = known
            return False
        self.outcome, self.output = outcome, output
        return True

    def _known(self) -> StepOutcome | None:
        """What it did, or may have done, before the latest call."""
        before = self.earlier if self.outcome == "running" else self.outcome
        return before if before in ("completed", "unknown") else None

    def is_of(self, other: Armed) -> bool:
        """Whether it is the same effect: that of one key, or of one child's run."""
        runs = [one.child and (one.child["run"], one.child.get("execution_id")) for one in (self, other)]
        return self.idempotency_key == other.idempotency_key and runs[0] == runs[1]

    def with_left(self, left: list[int]) -> Armed:
        """The same with only these undo actions to run; a child's own history then says what is left of it."""
        child = None if self.child is None else {name: self.child[name] for name in self.child if name != "carried"}
        return replace(self, left=left, undone=0, child=child)

    def mapped_by(self, plan: StepPlan, scope: Mapping[str, Json]) -> Json:
        """What the definition maps for its undo actions, null where that is in a result which it does not have. Raises `WorkflowError`."""
        template = plan.undo_input
        if template is None:
            return None
        try:
            return template.evaluate(scope)
        except WorkflowError:
            without_result = plan.undo_input_without_result
            if self.output is not None or without_result is None or not patched(Patch.RULES_2):
                raise
            return without_result.evaluate(scope)

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
        more = [self.child, self.undone, self.mapped, self.earlier, self.left, self.numbers]
        if more == [None, 0, None, None, None, None]:
            return known
        while more[-1] is None and len(more) > _OLD:
            more.pop()
        return [*known, *more]

    @staticmethod
    def load(data: list[Json]) -> Armed:
        """What `dump` gave."""
        step_id, path, *more = data
        # What a later release adds comes last.
        return Armed(step_id, StepPath(path), *more[: len(fields(Armed)) - 2])
