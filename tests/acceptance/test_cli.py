from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client

from advanced_workflow.client.runs import Run, get_run
from tests.acceptance.command import ROOT, Adw, finished, line_with
from tests.harness import eventually

INPUT = str(ROOT / "workflows/library/order-fulfilment/input.json")
ORDER = ("start", "order-fulfilment", "--input", INPUT, "--as", "sam")

pytestmark = pytest.mark.usefixtures("worker")


def new_id() -> str:
    return f"cli-{uuid4().hex[:8]}"


async def reached(client: Client, id: str, path: str, status: str) -> Run:
    run = get_run(client, id)

    async def is_there() -> bool:
        return next(one.status.value for one in (await run.state()).steps if one.path == path) == status

    await eventually(is_there)
    return run


def write_definition(folder: Path, *steps: dict[str, Any], **more: Any) -> str:
    path = folder / f"{new_id()}.json"
    path.write_text(json.dumps({"workflow_id": "from-a-file", **more, "steps": steps}), encoding="utf-8")
    return str(path)


def needs(step_id: str, file: Path, **more: Any) -> dict[str, Any]:
    return {"step_id": step_id, "action": "needs", "input_mapping": {"file": f"'{file}'"}, **more}


async def test_an_order_is_started_shown_approved_and_watched_to_its_end(adw: Adw, client: Client) -> None:
    id = new_id()
    started = (await adw(*ORDER, "--id", id, "--json")).json()
    assert started["id"] == id
    await reached(client, id, "approve_order", "waiting")

    shown = (await adw("show", id, "--json")).json()
    asked = shown["pending_approvals"][0]
    assert shown["worker_answers"] is True
    assert asked["subject"]["total_cents"] == 78900
    waiting = await eventually(lambda: adw_list_waiting(adw, "olga", id))
    assert waiting[0]["status"] == "running"

    refused = await adw("approve", id, "approve_order", "--as", "nobody")
    assert refused.code == 2
    assert refused.errors == (
        "adw: 'nobody' is not among the approvers of step 'approve_order': group:finance, olga.\n"
    )
    watching = await adw.spawn("watch", id)
    await line_with(watching, "approve_order  waiting: waits for approval by group:finance, olga")
    approved = await adw("approve", id, "approve_order", "--as", "fiona", "--digest", asked["digest"])
    assert (approved.code, approved.output) == (0, f"{id}: approve_order is approved\n")

    watched = await finished(watching)
    assert watched.code == 0
    assert "fulfil.create_shipment  completed" in watched.output
    assert '"approved_by": "fiona"' in watched.output
    report = (await adw("show", id)).output
    assert "✔ completed" in report
    assert re.search(rf"^run +{id}\b", report, re.M)


async def adw_list_waiting(adw: Adw, who: str, id: str) -> list[dict[str, Any]]:
    found = (await adw("list", "--waiting-for", who, "--json")).json()
    return [one for one in found if one["id"] == id]


async def test_a_rejected_order_is_rolled_back_and_watch_says_so(adw: Adw, client: Client) -> None:
    id = new_id()
    await adw(*ORDER, "--id", id)
    await reached(client, id, "approve_order", "waiting")

    rejected = await adw("reject", id, "approve_order", "--as", "olga", "--comment", "no", "--json")
    assert rejected.json()["state"] == "decided"
    watched = await adw("watch", id)

    assert watched.code == 1
    assert "ApprovalRejected: step 'approve_order' was rejected by olga: no" in watched.output
    assert "rolled back: 2 undone" in watched.output
    listed = (await adw("list", "--status", "failed", "--workflow", "order-fulfilment")).output
    assert id in listed


async def test_start_wait_runs_a_definition_file_and_prints_its_result(adw: Adw, tmp_path: Path) -> None:
    file = write_definition(
        tmp_path,
        {"step_id": "say", "action": "note", "input_mapping": {"text": "input.text"}},
        output={"said": "1 + 1"},
    )

    ended = await adw("start", file, "--input", '{"text": "hello"}', "--wait", "--json")

    assert ended.json()["result"] == {"said": 2}


async def test_an_operator_pauses_resumes_retries_and_skips(adw: Adw, client: Client, tmp_path: Path) -> None:
    id, there = new_id(), tmp_path / "there"
    steps = (needs("first", there), needs("second", tmp_path / "never", dependencies=["first"]))
    file = write_definition(tmp_path, *steps, on_failure="pause")
    assert (await adw("start", file, "--id", id)).output == f"{id}\n"
    run = await reached(client, id, "first", "failed")

    there.touch()
    assert (await adw("retry", id, "first", "--reason", "it is there now")).output == f"{id}: first runs again\n"
    await reached(client, id, "second", "failed")
    assert (await adw("pause", id, "--reason", "lunch", "--as", "ann")).code == 0
    assert (await adw("pause", id, "--reason", "lunch")).errors == "adw: the run is paused already.\n"
    assert (await adw("resume", id)).code == 0
    assert (await adw("skip", id, "second", "--reason", "not needed")).code == 0
    assert (await run.result()).status == "completed"

    report = (await adw("show", id)).output
    assert "lunch" in report
    assert "ann" in report


async def test_an_event_wakes_a_waiting_run(adw: Adw, client: Client) -> None:
    id = new_id()
    await adw("start", "waits", "--id", id)
    run = await reached(client, id, "news", "waiting")

    assert (await adw("event", id, "news", "--data", '{"good": true}')).code == 0

    assert (await run.result()).result == {"news": {"good": True}}


async def test_cancel_waits_until_everything_is_undone(adw: Adw, client: Client) -> None:
    id = new_id()
    await adw(*ORDER, "--id", id)
    await reached(client, id, "approve_order", "waiting")

    cancelled = await adw("cancel", id, "--wait", "--reason", "wrong order", "--as", "ann")

    assert cancelled.code == 0
    assert "orders.refund_payment  undone for charge_card" in cancelled.output
    [said] = (await adw("show", id, "--json")).json()["state"]["audit"]
    assert (said["operation"], said["by"], said["reason"]) == ("cancel", "ann", "wrong order")
    again = await adw("cancel", id, "--json")
    told = json.loads(again.output)
    assert (again.code, told["code"], told["run"]) == (2, "RunClosed", id)
    assert again.errors == f"adw: run '{id}' has ended already: canceled; 'adw show {id}' shows how.\n"


async def test_the_id_of_an_ended_run_is_taken_again_only_where_that_is_said(adw: Adw, tmp_path: Path) -> None:
    file = write_definition(tmp_path, {"step_id": "say", "action": "note", "input_mapping": {"text": "'hi'"}})
    start, id = ("start", file, "--wait", "--id"), new_id()
    assert (await adw(*start, id)).code == 0

    refused = await adw(*start, id)
    assert (refused.code, refused.output) == (2, "")
    assert f"run '{id}' has ended already (completed)" in refused.errors
    assert "'--again'" in refused.errors
    rerun = await adw("rerun", id, "--from", "say", "--id", id)
    assert rerun.code == 2
    assert "'--again'" in rerun.errors
    assert (await adw(*start, id, "--again")).code == 0


async def test_rollback_tries_failed_undos_again(adw: Adw, tmp_path: Path) -> None:
    id, there = new_id(), tmp_path / "there"
    step = {"step_id": "say", "action": "note", "input_mapping": {"text": f"'{there}'"}, "rollback_timeout": 1}
    file = write_definition(
        tmp_path,
        {**step, "rollback_actions": ["undo_needs"]},
        needs("fail", tmp_path / "never", dependencies=["say"]),
    )
    failed = await adw("start", file, "--id", id, "--wait")
    assert failed.code == 1
    assert "NOT undone: undo_needs for say" in failed.output

    there.touch()
    rolled_back = await adw("rollback", id)

    assert (rolled_back.code, rolled_back.output) == (0, f"{id}: rolled back: 1 undone\n")


async def test_ctrl_c_in_watch_leaves_the_run_alone(adw: Adw, client: Client) -> None:
    id = new_id()
    await adw("start", "waits", "--id", id)
    watching = await adw.spawn("watch", id)
    await line_with(watching, "news  waiting")

    watching.send_signal(signal.SIGINT)
    ended = await finished(watching)

    assert ended.code == 130
    assert f"the run continues; 'adw watch {id}' shows it again" in ended.errors
    run = get_run(client, id)
    assert (await run.summary()).status == "running"
    await run.cancel()


async def test_without_a_worker_show_tells_what_the_server_knows(adw: Adw) -> None:
    id, alone = new_id(), adw.having(ADW_TASK_QUEUE=f"nobody-{uuid4().hex[:6]}")

    started = await alone("start", "waits", "--id", id)
    assert (started.code, started.output) == (0, f"{id}\n")
    assert "no worker has taken the run yet" in started.errors
    shown, approved = await asyncio.gather(alone("show", id), alone("approve", id, "news"))

    assert "no worker" in shown.output
    assert "What to type next" in shown.output
    assert approved.code == 5
    assert "no worker answered" in approved.errors
    assert "Nothing was sent." in approved.errors
    assert re.search(rf"adw approve {id} news .*--decision-id \w+ --signal", approved.errors)


async def test_definitions_and_actions_are_listed_checked_and_drawn(adw: Adw, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("workflow_id: bad\nsteps:\n  - step_id: a\n    action: nobody_knows\n", encoding="utf-8")

    checked = await adw("check", str(bad), "--json")
    problems = json.loads(checked.output)
    assert checked.code == 1
    assert [(one["file"], one["line"], one["path"]) for one in problems] == [(str(bad), 4, "steps[0].action")]
    assert "needs" in {one["name"] for one in (await adw("actions", "--json")).json()}
    assert {"waits", "order-fulfilment"} <= {one["workflow_id"] for one in (await adw("definitions", "--json")).json()}
    drawn = (await adw("graph", "order-fulfilment")).output
    assert 's3 -->|"workflow.total_cents #gt; workflow.approval_limit_cents"| s4' in drawn


async def test_a_run_is_drawn_with_its_statuses_and_knows_its_steps(adw: Adw, client: Client) -> None:
    id = new_id()
    await adw("start", "waits", "--id", id)
    run = await reached(client, id, "news", "waiting")

    assert "class s1 waiting" in (await adw("graph", id)).output
    unknown = await adw("skip", id, "nope", "--reason", "because")
    assert unknown.code == 3
    assert unknown.errors.startswith("adw: no step 'nope' in this run")
    await run.cancel()


async def test_a_shell_completes_commands_runs_definitions_and_statuses(adw: Adw, client: Client) -> None:
    async def complete(line: str, **variables: str) -> list[str]:
        words = len(line.split(" ")) - 1
        asking = adw.having(_ADW_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(words), **variables)
        ended = await asking()
        assert (ended.code, ended.errors) == (0, "")
        return ended.output.split()

    id = new_id()
    await adw("start", "waits", "--id", id)
    assert await complete("adw sta") == ["start"]
    assert await eventually(lambda: complete(f"adw show {id[:-1]}")) == [id]
    assert await complete("adw show c", TEMPORAL_ADDRESS="127.0.0.1:1") == []
    assert await complete("adw start wai") == ["waits"]
    assert await complete("adw list --status te") == ["terminated"]
    await get_run(client, id).handle.terminate()


async def test_an_error_is_one_sentence_and_an_exit_code(adw: Adw) -> None:
    ended = await adw("--address", "127.0.0.1:1", "list")

    assert (ended.code, ended.output) == (4, "")
    assert ended.errors.startswith("adw: Temporal server 127.0.0.1:1: connection refused")
    assert ended.errors.count("\n") == 1
