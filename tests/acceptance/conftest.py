"""A worker in a process of its own, and the command that talks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from advanced_workflow.client.dev.processes import WorkerProcess
from advanced_workflow.client.dev.server import DevServer
from tests.acceptance.command import ROOT, Adw
from tests.acceptance.in_process import InProcess
from tests.forking import Forking

QUEUE = "acceptance"

ACTIONS = '''
from pathlib import Path

from advanced_workflow import ActionError, UndoInput, action


@action
def needs(file: str) -> str:
    """Succeed once a file exists."""
    if not Path(file).exists():
        raise ActionError("the file is missing", type="FileMissing", retryable=False)
    return "found"


@action
def note(text: str) -> str:
    return text


@action
def undo_needs(step: UndoInput) -> None:
    needs(step.input["text"])
'''

WAITS = """
workflow_id: waits
steps:
  - {step_id: news, step_type: wait, wait: {event: news}, output_mapping: {"result": workflow.news}}
"""


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("acceptance")
    (folder / "cli_actions.py").write_text(ACTIONS, encoding="utf-8")
    (folder / "definitions").mkdir()
    (folder / "definitions" / "waits.yaml").write_text(WAITS, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def adw(server: DevServer, place: Path, forking: Forking) -> Adw:
    return Adw(
        {
            "TEMPORAL_ADDRESS": server.address,
            "ADW_TASK_QUEUE": QUEUE,
            "ADW_ACTIONS": "cli_actions",
            "ADW_DEFINITIONS": str(place / "definitions"),
            "ADW_ORDERS_DB": str(place / "orders.db"),
            "ADW_USER": "sam",
            "PYTHONPATH": f"{ROOT}:{place}",
        },
        place,
        forking,
    )


@pytest.fixture(scope="session")
async def worker(forked_workers: None, adw: Adw, place: Path) -> AsyncIterator[WorkerProcess]:
    process = WorkerProcess(adw.variables(), log_path=place / "worker.log")
    await process.start()
    yield process
    await process.stop()


@pytest.fixture
def in_process(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> InProcess:
    return InProcess(capsys, tmp_path)
