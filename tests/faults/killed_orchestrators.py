"""An orchestrator on worker processes that are killed at a place of its work: the actions, the models' scripts, and the processes.

An action stops where the test wants it to: until its file is gone it goes no further, so that what is killed is exactly this attempt.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.api.enums.v1 import PendingActivityState

from advanced_workflow.activities.action.decorator import action
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.dev.processes import WorkerProcess, local_environment
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.contract import UndoInput
from tests.faults.killed_agents import DONE, FOLDER, Deed
from tests.harness import ROOT, Definition, Harness, definition, eventually

PATIENT = {"max_attempts": 20, "delay": 0.1, "max_delay": 1}
BEATS = {"heartbeat_timeout": 2, "retry_policy": PATIENT}
THINKS = 4
"""Seconds a model takes that is to be killed."""


def hold(name: str) -> str:
    """Name of the file that holds an action."""
    return f"hold-{name}"


async def _begin(name: str) -> None:
    info = activity.info()
    deed = Deed(info.workflow_id or "", info.activity_id, info.attempt, os.getpid(), time.time())
    folder = Path(os.environ[FOLDER])
    file = os.open(folder / DONE, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{json.dumps({**asdict(deed), 'name': name})}\n".encode())
    os.close(file)
    while (folder / hold(name)).exists():  # noqa: ASYNC110 - another process removes it
        await asyncio.sleep(0.05)


@action(name="killed.put")
async def put(name: str) -> dict[str, str]:
    """Put something there."""
    await _begin(name)
    return {"put": name}


@action(name="killed.take")
async def take(step: UndoInput) -> None:
    """Take it back."""
    await _begin(f"take-{step.input['name']}")


@action(name="killed.bad")
async def bad(name: str) -> None:
    """Fail for good."""
    await _begin(name)
    raise ActionError("it cannot be done", type="Bad", retryable=False)


def _worker(name: str, **more: Any) -> dict[str, Any]:
    return {"action": "killed.put", "name": name, "rollback_actions": ["killed.take"], **BEATS, **more}


def _given(id: str, worker: str = "", **more: Any) -> dict[str, Any]:
    return {"id": f"'{id}'", "worker": f"'{worker or id}'", "input": {"name": f"'{id}'"}, **more}


PLANNER = [
    {
        "when": "!has(last.data.failures)",
        "answer": {
            "complexity_score": 0.5,
            "reason": "'first'",
            "subtasks": [_given("side"), _given("first"), _given("bad", needs=["'first'"])],
        },
        "seconds": THINKS,
    },
    {
        "answer": {
            "complexity_score": 0.5,
            "reason": "'second'",
            "subtasks": [
                _given("tested", needs=["'side'"], when="\"steps.side.output.put == 'side'\""),
                {"id": "'thinker'", "worker": "'thinker'", "input": {"task": "'think'"}, "needs": ["'tested'"]},
                _given("sent", needs=["'thinker'"]),
            ],
        }
    },
]
THINKER = [
    {"calls": [{"name": "thought", "arguments": {"name": "'thought'"}}], "seconds": THINKS},
    {"say": "done"},
]


def workflow() -> Definition:
    """A run that comes to every node: two plans, a test, an agent, an approval."""
    thinker = {"name": "thinker", "agent": {"model": "scripted:thinker", "tools": [_worker("thought")]}, **BEATS}
    workers = [
        *map(_worker, ("side", "first", "tested")),
        {"action": "killed.bad", "name": "bad", **BEATS},
        thinker,
        _worker("sent", sensitive=True),
    ]
    made = {"workers": workers, "analysis": "model", "model": "scripted:planner", "approval": {"approvers": ["ann"]}}
    return definition(
        {"step_id": "plan", "step_type": "orchestrator", "orchestrator": made, **BEATS},
        output={"plan": "steps.plan.output"},
    )


@dataclass
class Crew:
    """One worker process after the other."""

    server: DevServer
    harness: Harness
    folder: Path
    killed: dict[int, float] = field(default_factory=dict[int, float])
    """When a process was killed."""
    worker: WorkerProcess | None = None

    @classmethod
    @asynccontextmanager
    async def at_work(cls, server: DevServer, harness: Harness, folder: Path) -> AsyncGenerator[Crew, None]:
        """With its first process."""
        for name, lines in (("planner", PLANNER), ("thinker", THINKER)):
            (folder / f"{name}.json").write_text(json.dumps(lines), encoding="utf-8")
        made = cls(server, harness, folder)
        try:
            await made.start()
            yield made
        finally:
            if made.worker is not None:
                await made.worker.stop()

    async def start(self) -> None:
        """Start the next process."""
        environment = local_environment(
            self.server.address,
            PYTHONPATH=str(ROOT),
            ADW_ACTIONS="tests.faults.killed_orchestrators",
            ADW_MODEL_SCRIPTS=str(self.folder),
            ADW_TASK_QUEUE=self.harness.task_queue,
            **{FOLDER: str(self.folder)},
        )
        self.worker = WorkerProcess(environment, log_path=self.folder / f"worker-{len(self.killed)}.log")
        await self.worker.start()

    async def kill(self) -> None:
        """Kill it; none lives then."""
        assert self.worker is not None
        self.killed[self.worker.pid or 0] = time.time()
        await self.worker.kill()
        self.worker = None

    async def kill_in_action(self, name: str) -> None:
        """Kill it while an action is under way, which was held."""
        await eventually(lambda: name in self.begun())
        await self.kill()
        (self.folder / hold(name)).unlink()
        await self.start()

    async def kill_in_model_call(self, run: Run, path: str) -> None:
        """Kill it while a model thinks."""

        async def thinks() -> bool:
            described = await run.client.get_workflow_handle(run.id).describe()
            calls = described.raw_description.pending_activities
            state = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
            return any(one.activity_id == path and one.state == state for one in calls)

        await eventually(thinks)
        await self.kill()
        await self.start()

    def begun(self) -> list[str]:
        """Names of what began, in its order."""
        return [one["name"] for one in self._lines()]

    def deeds(self) -> list[Deed]:
        """All attempts that began."""
        return [Deed(**{name: value for name, value in one.items() if name != "name"}) for one in self._lines()]

    def _lines(self) -> list[dict[str, Any]]:
        path = self.folder / DONE
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
