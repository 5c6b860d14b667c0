"""What the actions of a run did, in order, and steps that note it."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import activity

from advanced_workflow.activities.action import context
from advanced_workflow.client.runs import Run
from tests.harness import Actions, Outcome, eventually, outcome_of
from tests.patience import PATIENCE_SECONDS


def step(step_id: str, *after: str, **more: Any) -> dict[str, Any]:
    """A step that calls the journal's action once these steps have settled."""
    return {"step_id": step_id, "action": "work", "dependencies": list(after), **more}


def container(step_id: str, *after: str, of: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A `parallel` step of these steps."""
    return {"step_id": step_id, "step_type": "parallel", "dependencies": list(after), "parallel_steps": of, **more}


def event(step_id: str, name: str, *after: str, **more: Any) -> dict[str, Any]:
    """A step that waits for an event."""
    wait = {"event": name, **more}
    return {"step_id": step_id, "step_type": "wait", "dependencies": list(after), "wait": wait}


class Journal:
    """Paths of the steps whose action began, ended or was stopped; `held` ones work until they are released or stopped."""

    def __init__(self, *held: str) -> None:
        self.notes: list[str] = []
        self.began: list[str] = []
        self.ended: list[str] = []
        self.stopped: list[str] = []
        self._held = set(held)

    @property
    def actions(self) -> Actions:
        """The action `work`, which gives back what was mapped."""

        async def work(given: dict[str, Any] | None = None) -> dict[str, Any] | None:
            await self._work(context.step_path())
            return given

        return {"work": work}

    def release(self, *paths: str) -> None:
        """Let held steps end."""
        self._held.difference_update(paths)

    async def sees(self, *paths: str) -> None:
        """Wait until the actions of these steps have begun."""
        await eventually(lambda: set(paths) <= set(self.began))

    def take(self) -> list[str]:
        """The steps that ended, in their order, and begin a new page: for another run on the same worker."""
        ended = list(self.ended)
        for page in (self.notes, self.began, self.ended, self.stopped):
            page.clear()
        return ended

    def is_before(self, earlier: str, later: str) -> bool:
        """Whether one note was made before another: `a ends`, `b begins`."""
        return self.notes.index(earlier) < self.notes.index(later)

    def one_at_a_time(self) -> bool:
        """Whether every action ended before the next began."""
        pairs = zip(self.notes[::2], self.notes[1::2], strict=True)
        return all(first.removesuffix(" begins") == second.removesuffix(" ends") for first, second in pairs)

    async def _work(self, path: str) -> None:
        self._note(self.began, path, "begins")
        try:
            await asyncio.sleep(0.02)  # Long enough for others to begin meanwhile, where they may.
            while path in self._held:
                context.heartbeat()  # The answer tells that the step was cancelled.
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            if not activity.is_worker_shutdown():  # That stops it too, but is not the run's doing.
                self._note(self.stopped, path, "is stopped")
            raise
        self._note(self.ended, path, "ends")

    def _note(self, where: list[str], path: str, what: str) -> None:
        where.append(path)
        self.notes.append(f"{path} {what}")


async def end_of(run: Run) -> Outcome:
    """Wait for the run's end, not longer than it could take: a step that is held too long would wait for ever."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await outcome_of(run)


async def statuses(run: Run) -> dict[str, str]:
    """Path -> status, as the run itself says: what a settled step brought about is in it too."""
    return {one.path: str(one.status) for one in (await run.state()).steps}


async def reaches(run: Run, path: str, status: str) -> dict[str, str]:
    """Wait until a step has a status; give all of them at that moment."""

    async def reached() -> dict[str, str] | None:
        now = await statuses(run)
        return now if now.get(path) == status else None

    return await eventually(reached)
