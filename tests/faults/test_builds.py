"""Two builds of the engine serve the same runs by turns: what one wrote the other reads, whichever is the newer."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client

from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.dev.server_settings import PROMPT
from advanced_workflow.client.reruns.plan import plan_rerun, start_rerun
from advanced_workflow.client.reruns.rollback import retry_rollback
from advanced_workflow.client.runs import Run, get_run
from advanced_workflow.client.service.description import describe
from advanced_workflow.client.service.faults import engine_fault
from advanced_workflow.workflows.contract import RULES
from tests.engine.hops import NOISE, execution
from tests.faults import steady
from tests.faults.builds import Build, next_build, present_build, release_build
from tests.faults.fleet import DRAINED_AT_ONCE, FleetHere
from tests.faults.saying import wait_until_at
from tests.faults.steady import DATABASE
from tests.harness import Harness, definition, eventually, outcome_of

UNDO = {"rollback_actions": ["steady.unmake"]}
CONTINUE_AFTER = 100
"""Events of a history: the least that the settings take."""


def make(step_id: str, *after: str, **more: Any) -> dict[str, Any]:
    effect = {"action": "steady.make", "input_mapping": {"value": 1}, **UNDO}
    return {"step_id": step_id, "dependencies": list(after), **effect, **more}


def waits(step_id: str, event: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "wait", "dependencies": list(after), "wait": {"event": event, **more}}


def asks(step_id: str, *after: str, **approval: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "human_approval", "dependencies": list(after), "approval": approval}


CHILD = definition(make("inner"), asks("say", "inner", approvers=["ann"]), workflow_id="builds-child")
FORM = {"type": "object", "required": ["why"], "properties": {"why": {"type": "string"}}}
PARENT = definition(
    make("before"),
    make("stubborn", "before", rollback_actions=["steady.unmake_at_second"]),
    {"step_id": "broken", "action": "steady.fail", "retry_policy": {"max_attempts": 1, "continue_on_failure": True}},
    {
        "step_id": "fan",
        "step_type": "parallel",
        "for_each": "[1, 2]",
        "parallel_steps": [waits("one", "item", match="event == item"), make("each", "one")],
    },
    {
        "step_id": "again",
        "step_type": "loop",
        "loop_condition": "iteration < 2",
        "body": [make("first"), waits("round", "round", "first")],
    },
    {"step_id": "sub", "step_type": "sub_workflow", "workflow": CHILD["workflow_id"]},
    asks("ask", "before", approvers=["ann", "bob"], required=2, form=FORM),
    asks("later", "ask", approvers=["ann"]),
    waits("kept", "go", "ask"),
    {"step_id": "end", "action": "steady.fail", "dependencies": ["fan", "again", "sub", "later", "kept", "stubborn"]},
    workflow_id="builds-parent",
)
"""Everything that a run may hold while it waits; in the end it fails, and one undo is refused at first."""
PLAIN = definition(make("a"), make("b", "a"), workflow_id="builds-plain")


class Stage:
    """A server, a queue, and the worker of one build at a time."""

    def __init__(self, harness: Harness, server: DevServer, folder: Path) -> None:
        self.harness = harness
        self.address = server.address
        self.folder = folder
        self.settings = {
            "ADW_ACTIONS": "tests.faults.steady",
            "ADW_DEFINITIONS": str(folder),
            "ADW_TASK_QUEUE": harness.task_queue,
            "ADW_CONTINUE_AFTER": str(CONTINUE_AFTER),
            DATABASE: str(folder / "effects.db"),
        }
        for one in (CHILD, PARENT, PLAIN):
            (folder / f"{one['workflow_id']}.json").write_text(json.dumps(one), encoding="utf-8")

    def served_by(self, build: Build) -> Any:
        return build.serve(self.address, self.folder, **self.settings)

    async def adw(self, build: Build, *words: str) -> str:
        return await build.command(self.address, *words, **self.settings)

    async def said_by(self, build: Build, *calls: tuple[str, str, dict[str, Any]]) -> list[Any]:
        """What runs answer to a client of a build: see `tests.faults.saying`."""
        return json.loads(
            await build.python("tests.faults.saying", self.address, self.harness.task_queue, json.dumps(calls))
        )

    def run(self, id: str) -> Run:
        return get_run(self.harness.client, id, user="tester")

    def effects(self) -> dict[str, tuple[int, int]]:
        """How often each was made and undone, by its key."""
        with closing(sqlite3.connect(self.folder / "effects.db")) as db:
            return {key: (calls, undone) for key, calls, undone in db.execute("SELECT key, calls, undone FROM effects")}

    async def hop(self, id: str) -> None:
        """Let a run that waits continue as new."""
        run, before = self.run(id), await execution(self.run(id))

        async def another() -> bool:
            await run.send_event(NOISE, event_id=NOISE)
            return await execution(run) != before

        await eventually(another)

    async def is_at(self, id: str, *paths: str) -> None:
        """Wait until these steps wait."""
        await wait_until_at(self.run(id), paths)

    async def begin_to_decide(self, id: str) -> None:
        """Give a run what it counts or keeps while it waits."""
        run = self.run(id)
        await run.approve("ask", approver="ann", form={"why": "so"}, decision_id="1")
        await run.signal_approval("later", approver="ann")
        await run.send_event("go", event_id="go")

    async def finish(self, id: str, child_decided: bool) -> str | None:
        """Give a run what it still waits for; gives how it failed."""
        run = self.run(id)
        if not child_decided:
            await self.run(f"{id}/sub").signal_approval("say", approver="ann")
        for item in (1, 2):
            await run.send_event("item", item)
        await run.send_event("round")
        await self.is_at(id, "again#1.round")
        await run.send_event("round")
        await run.approve("ask", approver="bob", form={"why": "fine"})
        return (await outcome_of(run)).failure

    async def fault(self, run: Run) -> str | None:
        """Why no worker can continue a run, as `adw show` says it."""
        found = await engine_fault(run.client, await describe(run.client, run.id))
        return found.reason if found else None

    async def failed_tasks(self) -> list[str]:
        """Workflow tasks that failed, in all histories that the server has; not those that a message came before the end of."""
        return [
            f"{one.id}: {event.workflow_task_failed_event_attributes.failure.message}"
            async for one in self.harness.client.list_workflows()
            async for event in self.harness.client.get_workflow_handle(one.id, run_id=one.run_id).fetch_history_events()
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
            and event.workflow_task_failed_event_attributes.cause != UNHANDLED
        ]


UNHANDLED = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
AT_REST = ("fan[0].one", "fan[1].one", "again#0.round", "ask")


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_the_next_build_and_this_one_read_what_the_other_wrote(tmp_path: Path) -> None:
    now, later = present_build(), next_build(tmp_path / "next")
    async with DevServer() as server:
        harness = Harness(await Client.connect(server.address))
        stage = Stage(harness, server, tmp_path)
        first, second = stage.run("first"), stage.run("second")

        worker = await stage.served_by(now)
        vote = {"step_id": "ask", "approver": "ann", "form": {"why": "so"}, "decision_id": "1"}
        *_, told = await stage.said_by(
            later,
            ("start", "first", {"workflow": PARENT, "until": AT_REST}),
            ("approve", "first", vote),
            ("signal_approval", "first", {"step_id": "later", "approver": "ann"}),
            ("send_event", "first", {"event": "go", "event_id": "go"}),
            ("pause", "first", {"reason": "look first"}),
            ("pending_approvals", "first", {}),
            ("progress", "first", {}),
            ("state", "first", {}),
        )
        assert told["status"] == "paused"
        await worker.stop()

        worker = await stage.served_by(later)
        await harness.start("builds-parent", id="second")
        await stage.is_at("second", *AT_REST)
        await stage.begin_to_decide("second")
        await second.pause("look first")
        await stage.hop("first")
        await first.resume("looked")
        await stage.run("first/sub").approve("say", approver="ann")
        await worker.stop()

        worker = await stage.served_by(now)
        await stage.hop("first")
        await stage.hop("second")
        assert await stage.finish("first", child_decided=True) == "RollbackIncomplete"
        _, undone = await stage.said_by(later, ("resume", "second", {"reason": "looked"}), ("rollback", "first", {}))
        assert undone["complete"] is True
        await worker.stop()

        worker = await stage.served_by(later)
        await stage.hop("second")
        assert await stage.finish("second", child_decided=False) == "RollbackIncomplete"
        assert (await retry_rollback(harness.client, "second")).complete
        assert set(stage.effects().values()) == {(1, 1)}, "each was made once, and undone once"
        await harness.start("builds-plain", id="plain")
        await stage.run("plain").result()
        planned = await plan_rerun(harness.client, "plain", from_step="b")
        again = await start_rerun(harness.client, planned, id="plain-again", task_queue=harness.task_queue)
        await again.result()
        await worker.stop()

        harness.handles += [stage.run(id).handle for id in ("first", "plain-again")]
        assert await stage.failed_tasks() == []
        await harness.replay()


@pytest.mark.long
async def test_a_run_of_later_rules_waits_for_a_worker_that_knows_them(tmp_path: Path) -> None:
    now, later = present_build(), next_build(tmp_path / "next", rules=RULES + 1)
    async with DevServer() as server:
        harness = Harness(await Client.connect(server.address))
        stage = Stage(harness, server, tmp_path)
        worker = await stage.served_by(later)
        run = await harness.start("builds-child", id="of-later-rules")
        await stage.is_at(run.id, "say")
        await worker.stop()

        worker = await stage.served_by(now)
        await run.signal_approval("say", approver="ann")
        told = await eventually(lambda: stage.fault(run))
        assert f"rules {RULES + 1}, of a later release" in told
        await worker.stop()

        worker = await stage.served_by(later)
        assert (await outcome_of(run)).failure is None
        assert set(stage.effects().values()) == {(1, 0)}
        await worker.stop()


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return release_build("0.1.0", tmp_path_factory.mktemp("release"), Path(steady.__file__))


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_runs_of_0_1_0_go_to_a_build_of_a_deployment_while_its_workers_still_serve(
    release: Build, tmp_path: Path
) -> None:
    async with DevServer(settings={**PROMPT, **DRAINED_AT_ONCE}) as server:
        harness = Harness(await Client.connect(server.address))
        stage = Stage(harness, server, tmp_path)
        deployment = FleetHere(harness)
        old = await stage.served_by(release)
        await stage.adw(release, "start", str(tmp_path / "builds-parent.json"), "--id", "begun", "--as", "tester")
        await stage.is_at("begun", *AT_REST)
        stage.settings.update(ADW_DEPLOYMENT=deployment.deployment, ADW_BUILD_ID="2")
        new = await stage.served_by(present_build())
        await deployment.make_current("2")
        await harness.start("builds-parent", id="later")
        await stage.is_at("later", *AT_REST)
        for id in ("begun", "later"):
            await stage.begin_to_decide(id)
            await stage.hop(id)
            assert await stage.finish(id, child_decided=False) == "RollbackIncomplete"
            assert json.loads(await stage.adw(present_build(), "rollback", id, "--json"))["complete"] is True
        await old.stop()
        await new.stop()

        harness.handles.append(stage.run("begun").handle)
        assert await stage.failed_tasks() == []
        assert set(stage.effects().values()) == {(1, 1)}
        await harness.replay()


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_beside_0_1_0_without_a_deployment_runs_wait_for_a_worker_that_knows_them(
    release: Build, tmp_path: Path
) -> None:
    """Not recommended: tasks fail on workers that do not know what a run carries. None is lost, and none goes wrong."""
    async with DevServer() as server:
        harness = Harness(await Client.connect(server.address))
        stage = Stage(harness, server, tmp_path)
        now = present_build()
        old = await stage.served_by(release)
        await stage.adw(release, "start", str(tmp_path / "builds-parent.json"), "--id", "old-0", "--as", "tester")
        await stage.is_at("old-0", *AT_REST)
        new = await stage.served_by(now)
        for number in range(4):
            await harness.start("builds-parent", id=f"both-{number}")
        ids = ["old-0", *(f"both-{number}" for number in range(4))]
        for id in ids:
            await stage.is_at(id, *AT_REST)
            await stage.begin_to_decide(id)
        await old.stop()
        for id in ids:
            await stage.hop(id)
        await new.stop()
        old = await stage.served_by(release)  # It can continue none of them; what it tries fails, and is tried again.
        for id in ids:
            await stage.run(id).send_event("item", 1)
        await asyncio.sleep(5)
        new = await stage.served_by(now)
        for id in ids:
            assert await stage.finish(id, child_decided=False) == "RollbackIncomplete"
        await old.stop()
        for id in ids:
            assert json.loads(await stage.adw(now, "rollback", id, "--json"))["complete"] is True
        await new.stop()

        harness.handles.append(stage.run("old-0").handle)
        print("\n".join(sorted(set(await stage.failed_tasks()))))
        assert set(stage.effects().values()) == {(1, 1)}
        await harness.replay()
