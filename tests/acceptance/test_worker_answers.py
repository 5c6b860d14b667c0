"""What the worker's command answers or refuses before it serves; called as a function, as every start of a process takes a second."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.serve.command import run
from tests.acceptance.command import Ended
from tests.acceptance.in_process import InProcess

Worker = Callable[..., Ended]


@pytest.fixture
def worker(in_process: InProcess) -> Worker:
    return partial(in_process, run)


def assert_refused(ended: Ended, sentence: str) -> None:
    assert ended.code == 2
    assert sentence in ended.errors
    assert ended.errors.startswith("adw-worker: ")
    assert ended.errors.count("\n") == 1
    assert ended.output == ""


def test_a_worker_says_which_build_of_which_deployment_it_is(worker: Worker, server: DevServer) -> None:
    ended = worker("--check", TEMPORAL_ADDRESS=server.address, ADW_DEPLOYMENT="shop", ADW_BUILD_ID="1.4.0")

    assert ended.code == 0, ended.errors
    assert ended.output.startswith("worker can start: build 1.4.0 of shop, queue advanced-workflow, ")


def test_an_unknown_namespace_refuses_the_start(worker: Worker, server: DevServer) -> None:
    ended = worker(TEMPORAL_ADDRESS=server.address, TEMPORAL_NAMESPACE="nowhere")

    assert_refused(ended, "namespace 'nowhere' does not exist")


def test_a_bad_setting_refuses_the_start(worker: Worker) -> None:
    assert_refused(worker(ADW_LOG_LEVEL="LOUD"), "ADW_LOG_LEVEL: 'LOUD' cannot be used")


def test_a_module_without_actions_or_with_an_error_refuses_the_start(worker: Worker) -> None:
    assert_refused(worker(ADW_ACTIONS="no_such_module"), "'no_such_module' cannot be imported")
    assert_refused(worker("--list-actions", ADW_ACTIONS="json"), "has no @action function")


def test_a_missing_definition_folder_refuses_the_start(worker: Worker, tmp_path: Path) -> None:
    assert_refused(worker(ADW_DEFINITIONS=str(tmp_path / "none")), f"{tmp_path / 'none'}: ")


def test_a_bad_definition_refuses_the_start_naming_place_and_line(worker: Worker, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(
        "workflow_id: bad\nsteps:\n- step_id: one\n  action: act\n  dependencies: [two]\n", encoding="ascii"
    )

    assert_refused(worker("--check", ADW_DEFINITIONS=str(tmp_path)), "steps[0].dependencies[0] (line 5)")


def test_a_definition_with_an_action_of_another_worker_is_one_warning(
    worker: Worker, server: DevServer, tmp_path: Path
) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("workflow_id: other\nsteps:\n- step_id: one\n  action: elsewhere\n", encoding="ascii")

    ended = worker("--check", TEMPORAL_ADDRESS=server.address, ADW_DEFINITIONS=str(tmp_path))

    assert ended.code == 0
    assert ended.output.startswith("worker can start")
    assert "WARNING" in ended.errors
    assert "elsewhere" in ended.errors


def test_actions_are_listed_as_json_without_a_server(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "slow_actions.py").write_text(
        "from advanced_workflow import action\n\n@action\ndef slow(seconds: float) -> str:\n    return 'done'\n",
        encoding="ascii",
    )

    [slow] = (worker("--list-actions", "--json", ADW_ACTIONS="slow_actions")).json()

    assert (slow["name"], slow["input_schema"]["properties"]["seconds"]["type"]) == ("slow", "number")


def test_definitions_are_listed_as_json_without_a_server(worker: Worker, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("workflow_id: mine\nversion: '2'\nsteps:\n- step_id: one\n  action: elsewhere\n", encoding="ascii")

    [mine] = (worker("--list-definitions", "--json", ADW_DEFINITIONS=str(tmp_path))).json()

    assert (mine["workflow_id"], mine["version"], mine["source"]) == ("mine", "2", str(file))


def test_the_library_is_listed_only_where_it_is_asked_for(worker: Worker) -> None:
    def listed(question: str, library: str = "off") -> list[dict[str, Any]]:
        return (worker(question, "--json", ADW_LIBRARY=library)).json()

    assert listed("--list-actions") == listed("--list-definitions") == []
    actions = {one["name"] for one in listed("--list-actions", "on")}
    definitions = {one["workflow_id"] for one in listed("--list-definitions", "on")}
    assert {"orders.charge_card", "banking.withdraw"} <= actions
    assert "order-fulfilment" in definitions
