"""What expressions see. Views over the run's state: nothing is copied, and a step's entry is built when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from advanced_workflow.workflows.contract import ErrorInfo, Json
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.state.live_state import LiveState
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.expressions.budget import Account


class StepsView(Mapping[str, Json]):
    """The root `steps`, seen from one pass: a step's status is always there, its output and error once it has one."""

    def __init__(self, state: LiveState, frame: Frame) -> None:
        """Look into this state from this pass."""
        self._state = state
        self._frame = frame

    def __getitem__(self, step_id: str) -> dict[str, Json]:
        """Build the entry of one step."""
        record = self._state.locate(step_id, self._frame)
        if record is None:
            raise KeyError(step_id)
        return step_entry(record)

    def __contains__(self, step_id: object) -> bool:
        """Whether the step has a place that can be seen from here."""
        return isinstance(step_id, str) and self._state.locate(step_id, self._frame) is not None

    def __iter__(self) -> Iterator[str]:
        """Ids of those steps."""
        return (step_id for step_id in self._state.plan.steps if step_id in self)

    def __len__(self) -> int:
        """How many they are."""
        return sum(1 for _ in self)


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


class Scope(dict[str, Json]):
    """The roots that an expression may use; what it costs goes to the run's account."""

    __slots__ = ("account",)

    def __init__(self, roots: dict[str, Json], account: Account) -> None:
        """Take the roots as they are."""
        super().__init__(roots)
        self.account = account


def own_entry(path: str, idempotency_key: str) -> dict[str, Json]:
    """The root `step`: the step whose expression it is."""
    return {"path": path, "idempotency_key": idempotency_key}


def scope_of(state: LiveState, frame: Frame, **more: Json) -> Scope:
    """The roots every expression may use, and those of its place."""
    roots = {
        "input": state.input_data,
        "workflow": state.variables,
        "steps": StepsView(state, frame),
        "run": state.run_info,
        **frame.names,
        **more,
    }
    return Scope(roots, state.thinking)
