"""Actions of random runs: what each does is in its run's case, and when it began and ended is noted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity

from advanced_workflow.activities.action.errors import ActionError
from tests.engine.cases import SHORT_TIMEOUT_SECONDS, Case
from tests.harness import Harness, Outcome, outcome_of


@asynccontextmanager
async def arena(harness: Harness) -> AsyncGenerator[Actions, None]:
    """A worker with the recording actions; every history is replayed at the end."""
    actions = Actions(harness)

    async def do() -> None:
        await actions.do()

    async def undo(undo: dict[str, Any]) -> None:
        await actions.undo(undo["step_id"])

    async with harness.worker({"do": do, "undo": undo}):
        yield actions
    await harness.replay()


@dataclass
class Recorded:
    """What one run's actions did: when each began and ended, as positions in one sequence."""

    case: Case
    began: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    undo_began: dict[str, int] = field(default_factory=dict)
    undo_ended: dict[str, int] = field(default_factory=dict)
    _count: int = 0

    def note(self, where: dict[str, int], path: str) -> None:
        assert path not in where, f"{path} twice"
        self._count += 1
        where[path] = self._count


@dataclass
class Actions:
    harness: Harness
    runs: dict[str, Recorded] = field(default_factory=dict)

    async def run(self, case: Case, name: str, **more: Any) -> tuple[Recorded, Outcome]:
        """Run a case, with `more` in its definition, to its end."""
        run_id = f"{name}-{self.harness.task_queue}"
        recorded = self.runs[run_id] = Recorded(case)
        async with asyncio.timeout(60):
            run = await self.harness.start({**case.definition, **more}, case.input_data, id=run_id)
            return recorded, await outcome_of(run)

    async def do(self) -> None:
        recorded, path = self._where()
        recorded.note(recorded.began, path)
        await asyncio.sleep(0)
        outcome = recorded.case.outcomes[step_id_of(path)]
        if outcome == "times_out":
            await asyncio.sleep(SHORT_TIMEOUT_SECONDS * 100)
        elif outcome == "fails":
            raise ActionError("fails as told", retryable=False)
        recorded.note(recorded.done, path)

    async def undo(self, step_id: str) -> None:
        recorded, path = self._where()
        path = path.removesuffix(".rollback[0]")
        recorded.note(recorded.undo_began, path)
        await asyncio.sleep(0)
        recorded.note(recorded.undo_ended, path)
        if step_id in recorded.case.undo_fails:
            raise ActionError("cannot be undone", retryable=False)

    def _where(self) -> tuple[Recorded, str]:
        info = activity.info()
        return self.runs[info.workflow_id or ""], info.activity_id


def step_id_of(path: str) -> str:
    return path.replace("!", ".").rsplit(".", 1)[-1]
