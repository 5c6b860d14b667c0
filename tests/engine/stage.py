"""Actions that note where they ran, and fail, wait and are undone as told; and short ways to write steps that call them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run
from tests.harness import Actions, Noted, Outcome, eventually

Step = dict[str, Any]


def act(step_id: str, *after: str, **more: Any) -> Step:
    """A step whose action gives back the `value` it is given."""
    return {"step_id": step_id, "action": "work", "dependencies": list(after), **more}


def deed(step_id: str, *after: str, **more: Any) -> Step:
    """The same with an undo action."""
    return act(step_id, *after, **{"rollback_actions": ["undo"], **more})


def says(value: str) -> Step:
    """The mapping that gives the action this expression's value."""
    return {"input_mapping": {"value": value}}


def loop(step_id: str, *body: Step, rounds: Any = 2, after: Any = (), **more: Any) -> Step:
    """A loop of these steps, or of its own action where there are none."""
    what = {"body": list(body)} if body else {"action": "work"}
    given = {"step_id": step_id, "step_type": "loop", "loop_condition": f"iteration < {rounds}", **what}
    return {**given, "dependencies": list(after), **more}


def fan(step_id: str, items: str, *copy: Step, after: Any = (), **more: Any) -> Step:
    """A copy of these steps for each item."""
    given = {"step_id": step_id, "step_type": "parallel", "for_each": items, "parallel_steps": list(copy)}
    return {**given, "dependencies": list(after), **more}


def box(step_id: str, *inside: Step, after: Any = (), **more: Any) -> Step:
    """A container of these steps."""
    given = {"step_id": step_id, "step_type": "parallel", "parallel_steps": list(inside)}
    return {**given, "dependencies": list(after), **more}


def waits(step_id: str, *after: str, **more: Any) -> Step:
    """A step that waits for the event named like it."""
    event = {"event": step_id, **more.pop("wait", {})}
    return {"step_id": step_id, "step_type": "wait", "dependencies": list(after), "wait": event, **more}


class Stage:
    """What a run's actions did. `fails` says at which paths the action fails how often, `held` where it works until released."""

    def __init__(self, fails: Mapping[str, int] | None = None, *held: str) -> None:
        self.fails = dict(fails or {})
        self.held = set(held)
        self.began: list[str] = []
        self.done: list[str] = []
        self.stopped: list[str] = []
        self.undone: list[str] = []
        self.undo_inputs: dict[str, Any] = {}
        self._noted = Noted()
        self.most_at_once = 0
        self.may_stop = asyncio.Event()
        """Actions that are cancelled end once it is set, as it is at first."""
        self.may_stop.set()
        self._now = 0

    @property
    def actions(self) -> Actions:
        """The actions `work` and `undo`."""

        async def work(given: dict[str, Any] | None = None) -> Any:
            path = context.step_path()
            self.began.append(path)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            try:
                await self._at(path)
            except asyncio.CancelledError:
                self.stopped.append(path)
                await self.may_stop.wait()
                raise
            finally:
                self._now -= 1
            self.done.append(path)
            return (given or {}).get("value")

        async def undo(given: dict[str, Any]) -> None:
            path = context.step_path()
            self.undo_inputs[path.removesuffix(".rollback[0]")] = given
            await self._at(path)
            if self._noted.is_new():
                self.undone.append(path.removesuffix(".rollback[0]"))

        return {"work": work, "undo": undo}

    async def sees(self, *paths: str) -> None:
        """Wait until the actions of these steps have begun."""
        await eventually(lambda: set(paths) <= set(self.began))

    async def _at(self, path: str) -> None:
        while path in self.held:
            context.heartbeat()  # The answer tells that the step was cancelled.
            await asyncio.sleep(0.02)
        if self.fails.get(path, 0):
            self.fails[path] -= 1
            raise ActionError("no", type="Broken", retryable=False)


async def reaches(run: Run, path: str, status: str) -> None:
    """Wait until a step has a status."""

    async def reached() -> bool:
        return any(one.path == path and one.status == status for one in (await run.state()).steps)

    await eventually(reached)


async def is_seen(run: Run, path: str, status: str) -> bool:
    """Whether a step is seen to have a status that passes by itself: wait until it has it, or the step or the run has ended."""
    seen = ""

    async def was_there() -> bool:
        nonlocal seen
        state = await run.state()
        seen = next((str(one.status) for one in state.steps if one.path == path), "")
        return seen in (status, "completed", "failed", "skipped") or state.status not in ("running", "paused")

    await eventually(was_there)
    return seen == status


def ends(outcome: Outcome, *paths: str) -> list[str]:
    """How these steps ended: status, or why they were skipped."""
    entries = [outcome.report.steps[path] for path in paths]
    return [str(one.get("skip_reason") or one["status"]) for one in entries]


def output_of(outcome: Outcome, path: str) -> Any:
    """The output of a step of a run that has ended."""
    assert outcome.state is not None
    return next(one.execution_data["output"] for one in outcome.state.steps if one.path == path)


async def refusal_of(handle: WorkflowHandle[Any, Any]) -> ApplicationError:
    """Wait for the end of a run that is to fail; gives why it did."""
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause
