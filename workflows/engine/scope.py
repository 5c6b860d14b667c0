"""What expressions see. Views over the run's state: nothing is copied, and a step's entry is built when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workflows.contract import ErrorInfo, Json
from workflows.definition.models import StepStatus
from workflows.engine.state import Record, RunState, static_path

_NOT_STARTED = (StepStatus.PENDING, StepStatus.RUNNING, StepStatus.WAITING)


class StepsView(Mapping[str, Json]):
    """The root `steps`: a step is there once it is settled; a skipped or failed one has no `output`."""

    def __init__(self, state: RunState) -> None:
        """Look into this state."""
        self._state = state

    def __getitem__(self, step_id: str) -> dict[str, Json]:
        """Build the entry of one step."""
        record = self._record(step_id)
        if record is None:
            raise KeyError(step_id)
        return step_entry(record)

    def __contains__(self, step_id: object) -> bool:
        """Whether the step is settled."""
        return isinstance(step_id, str) and self._record(step_id) is not None

    def __iter__(self) -> Iterator[str]:
        """Ids of the settled steps."""
        return (step_id for step_id in self._state.plan.steps if step_id in self)

    def __len__(self) -> int:
        """How many steps are settled."""
        return sum(1 for _ in self)

    def _record(self, step_id: str) -> Record | None:
        plan = self._state.plan.steps.get(step_id)
        record = self._state.records.get(static_path(plan)) if plan else None
        return None if record is None or record.status in _NOT_STARTED else record


def step_entry(record: Record) -> dict[str, Json]:
    """`status`, and `output` and `error` where there is one."""
    entry: dict[str, Json] = {"status": record.status.value}
    if record.has_output:
        entry["output"] = record.output
    if record.error is not None:
        entry["error"] = error_entry(record.error)
    return entry


def error_entry(error: ErrorInfo) -> dict[str, Json]:
    """An error as expressions see it: `type`, `message`, `details`."""
    return {"type": error.type, "message": error.message, "details": error.details}


def scope_of(state: RunState, **more: Json) -> dict[str, Json]:
    """The roots every expression may use, and those of its place."""
    return {
        "input": state.input_data,
        "workflow": state.variables,
        "steps": StepsView(state),
        "run": state.run_info,
        **more,
    }
