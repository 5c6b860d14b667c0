from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from advanced_workflow.workflows.definition.text.load import LIBRARY, find_definitions
from tests.acceptance.command import Adw, finished, line_with, processes_that_mention
from tests.harness import eventually
from tests.patience import PATIENCE_SECONDS


@pytest.fixture
def here(tmp_path: Path) -> Adw:
    """The command in an empty folder, with temporary files there."""
    return Adw({"TMPDIR": str(tmp_path)}, tmp_path)


async def test_demo_approves_rejects_survives_a_kill_and_lets_an_agent_do_what_was_approved(
    here: Adw, tmp_path: Path
) -> None:
    # It waits for people and for a lost worker, by the clock.
    ended = await finished(await here.spawn("demo"), 2 * PATIENCE_SECONDS)

    assert ended.code == 0, ended.output + ended.errors
    rows = [" ".join(line.split()) for line in ended.output.splitlines()]
    assert "payments 1 charged 1 refunded 1 charged" in rows
    assert "reservations 1 reserved 1 released 1 reserved" in rows
    assert "shipments 1 created - 1 created" in rows
    assert any(row.startswith("order-A-1001 approved by fiona, by a signal completed") for row in rows)
    assert any(row.startswith("order-A-1002 rejected by olga ApprovalRejected, rolled back") for row in rows)
    assert any("SIGKILL to the worker" in row for row in rows)
    assert any("charge_card completed" in row and "2 attempts" in row for row in rows)
    asked = [row.partition(" for ")[2] for row in rows if "the agent asks for" in row]
    deploy, switch = (
        "deploy_version(service=checkout, version=2.3.9)",
        "switch_feature_off(feature=staff-discounts, service=checkout)",
    )
    assert asked == [deploy, switch]
    assert any("measured afterwards: 0.2 % of the requests fail" in row for row in rows)
    assert any(row.startswith("incident-C-7 1 rejected, 1 approved: 1 feature_switch done completed") for row in rows)
    assert processes_that_mention(str(tmp_path)) == []
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_demo_leaves_nothing_running(here: Adw, tmp_path: Path, number: signal.Signals) -> None:
    process = await here.spawn("demo")
    await line_with(process, "reserve_stock")
    assert processes_that_mention(str(tmp_path))

    process.send_signal(number)
    ended = await finished(process)

    assert ended.code == 130
    assert processes_that_mention(str(tmp_path)) == []
    assert os.listdir(tmp_path) == []


async def test_dev_serves_until_ctrl_c_and_follows_changes(here: Adw, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    definition = "workflow_id: mine\nsteps: [{step_id: a, step_type: wait, wait: {seconds: 1}}]\n"
    (folder / "mine.yaml").write_text(definition, encoding="utf-8")
    served = len(find_definitions([LIBRARY])) + 1
    mine = here.having(ADW_DEFINITIONS=str(folder), ADW_LIBRARY="off")
    process = await mine.spawn("dev", "--library", "--port", "0", "--ui-port", "0")
    await line_with(process, "Web UI  http://127.0.0.1:")
    await line_with(process, "adw start order-fulfilment --input ")
    assert f"{served} definitions" in await line_with(process, "worker ready:")

    (folder / "yours.yaml").write_text(definition.replace("mine", "yours"), encoding="utf-8")
    await line_with(process, "the worker starts again")
    assert f"{served + 1} definitions" in await line_with(process, "worker ready:")
    process.send_signal(signal.SIGINT)
    ended = await finished(process)

    assert ended.code == 0, ended.errors
    assert processes_that_mention(str(tmp_path)) == []
    assert (tmp_path / ".adw" / "dev.db").exists()


SLEEPS = """
import time
from pathlib import Path
from advanced_workflow import action

@action
def sleep() -> None:
    Path("asleep").touch()
    time.sleep(600)
"""


async def test_a_killed_dev_leaves_nothing_running_though_nobody_can_stop_an_action(here: Adw, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the kernel of this system cannot tie a child's life to its parent's")
    (tmp_path / "sleeps.py").write_text(SLEEPS, encoding="ascii")
    (tmp_path / "tired.yaml").write_text("workflow_id: tired\nsteps: [{step_id: a, action: sleep}]\n", encoding="ascii")
    process = await here.having(ADW_ACTIONS="sleeps", ADW_DEFINITIONS=".").spawn("dev", "--port", "0", "--ui-port", "0")
    address = (await line_with(process, "Server  ")).split()[-1]
    await line_with(process, "worker ready:")
    assert (await here.having(TEMPORAL_ADDRESS=address)("start", "tired")).code == 0
    await eventually((tmp_path / "asleep").exists)

    process.send_signal(signal.SIGKILL)
    await process.communicate()

    await eventually(lambda: processes_that_mention(str(tmp_path)) == [])


async def test_dev_says_when_its_port_is_taken(here: Adw) -> None:
    async with await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0) as taken:
        port = taken.sockets[0].getsockname()[1]
        ended = await finished(await here.spawn("dev", "--port", str(port)))

    assert ended.code == 2
    assert ended.errors.startswith(f"adw: port {port} is in use on this machine")
