"""A carrier that has nothing of ours: its client and its worker are written in TypeScript, with Temporal's own SDK."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio.api.enums.v1 import PendingActivityState

from advanced_workflow.client.runs import Run
from tests.harness import Harness, eventually, outcome_of
from tests.partners.node import NodeProject, project

PARCEL = yaml.safe_load((Path(__file__).parent / "definitions" / "parcel.yaml").read_text(encoding="utf-8"))
STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED


class Carrier:
    """The carrier's folder: its parcels, by the key under which each was booked, and its labels."""

    def __init__(self, folder: Path, harness: Harness) -> None:
        self.folder = folder / "carrier"
        self.folder.mkdir()
        queue = f"carrier-{harness.task_queue}"
        self.parcel = {**PARCEL, "steps": [_on(queue, step) for step in PARCEL["steps"]]}
        self.project = project(
            folder / "typescript",
            TEMPORAL_ADDRESS=harness.client.service_client.config.target_host,
            ADW_TASK_QUEUE=harness.task_queue,
            CARRIER_QUEUE=queue,
            CARRIER_FOLDER=str(self.folder),
        )

    def print_label(self, order: str) -> None:
        (self.folder / f"{order}.label").touch()

    def booked(self) -> dict[str, str]:
        """Number by key."""
        return self._parcels("*.parcel")

    def cancelled(self) -> dict[str, str]:
        return self._parcels("*.cancelled")

    def _parcels(self, pattern: str) -> dict[str, str]:
        found = [json.loads(one.read_text(encoding="utf-8")) for one in self.folder.glob(pattern)]
        return {one["key"]: one["number"] for one in found}


def _on(queue: str, step: dict[str, Any]) -> dict[str, Any]:
    return {**step, "agent_capability": queue} if "agent_capability" in step else step


async def is_at(run: Run, attempt: int) -> bool:
    """Whether an attempt of a call of the run, or a later one, is with a worker."""
    calls = (await run.handle.describe()).raw_description.pending_activities
    return any(call.state == STARTED and call.attempt >= attempt for call in calls)


@pytest.fixture
async def carrier(harness: Harness, tmp_path: Path) -> AsyncIterator[Carrier]:
    carrier = await asyncio.to_thread(Carrier, tmp_path, harness)
    async with harness.worker(definitions=[carrier.parcel]):
        yield carrier


async def test_the_sources_fit_their_types(tmp_path: Path) -> None:
    partner: NodeProject = await asyncio.to_thread(project, tmp_path / "typescript")

    assert await partner.run("node_modules/typescript/bin/tsc", "-p", ".") == ""


async def test_a_client_starts_decides_and_pays_and_a_worker_books_calls_back_and_undoes(
    harness: Harness, carrier: Carrier
) -> None:
    carrier.print_label("o1")
    async with carrier.project.serving("worker.ts"):
        said = await carrier.project.says("order.ts", f"{harness.task_queue}-paid", "o1", "20")
        booked = carrier.booked()
        failed = await carrier.project.says("order.ts", f"{harness.task_queue}-unpaid", "o1", "3")
    runs = [harness.client.get_workflow_handle(f"{harness.task_queue}-{one}") for one in ("paid", "unpaid")]
    harness.handles += runs
    report = said[-1]["ended"]["report"]
    [(key, number)] = booked.items()

    assert key == f"{report['execution_id']}:book"
    assert said[:-1] == [
        {"started": runs[0].id},
        {"asked": {"number": number}},
        {"refused": "SelfApproval"},
        {"refused": "NotAnApprover"},
        {"receipt": {"step_id": "confirm", "state": "counted", "approvals": 1, "required": 2, "path": "confirm"}},
    ]
    assert said[-1]["ended"]["failure"] is None
    assert (report["status"], report["result"]) == ("completed", {"number": number})
    ended = failed[-1]["ended"]
    assert ended["failure"] == "WorkflowFailed"
    assert "only 3 was paid" in ended["message"]
    assert [(one["path"], one["outcome"]) for one in ended["report"]["rollback"]["entries"]] == [("book", "undone")]
    assert list(carrier.cancelled()) == [f"{ended['report']['execution_id']}:book"]
    assert carrier.booked() == booked


async def test_what_a_killed_and_a_stopped_worker_began_goes_on_under_the_same_key_and_is_undone_by_it(
    harness: Harness, carrier: Carrier
) -> None:
    run = await harness.start("parcel", {"order": "o2", "address": "Mill Lane 3"})
    for attempt, ends in ((1, "kill"), (2, "terminate")):
        async with carrier.project.serving("worker.ts") as worker:
            await eventually(partial(is_at, run, attempt))
            await eventually(carrier.booked)
            getattr(worker, ends)()
    [(key, number)] = carrier.booked().items()
    async with carrier.project.serving("worker.ts"):
        await eventually(partial(is_at, run, 3))
        await run.cancel()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"
    assert outcome.state is not None
    assert key == f"{outcome.state.execution_id}:book"
    assert carrier.booked() == {}
    assert carrier.cancelled() == {key: number}
