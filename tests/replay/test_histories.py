from __future__ import annotations

import json
import shutil
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.workflows.contract import AD_HOC_WORKFLOW_TYPE
from advanced_workflow.workflows.definition.check.support import unsupported
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from tests.replay.fresh import histories_in, replay_in_fresh_processes
from tests.replay.record import HISTORIES, IDENTITY, RELEASES
from tests.replay.scenarios import SCENARIOS

RAN = {
    "0.1.0": {
        *(StepType.SEQUENTIAL, StepType.WORKER, StepType.PARALLEL, StepType.CONDITIONAL, StepType.LOOP, StepType.WAIT),
        *(StepType.HUMAN_APPROVAL, StepType.WEBHOOK, StepType.SUB_WORKFLOW, StepType.ROLLBACK),
    },
}
"""The releases, and which step types ran in each."""
IN_A_RELEASE = (
    "workflowExecutionCompleted",
    "workflowExecutionFailed",
    "workflowExecutionCanceled",
    "workflowExecutionContinuedAsNew",
    "workflowExecutionSignaled",
    "workflowExecutionUpdateCompleted",
    "childWorkflowExecutionCompleted",
    "activityTaskCompleted",
    "activityTaskFailed",
    "activityTaskTimedOut",
    "activityTaskCanceled",
    "timerFired",
    "timerCanceled",
    "markerRecorded",
)
"""What histories of a release are full of."""
JSON_ENCODING = "anNvbi9wbGFpbg=="


def test_every_kept_history_replays_in_a_fresh_process() -> None:
    assert replay_in_fresh_processes(HISTORIES) == []


@pytest.mark.parametrize("release", RAN)
def test_every_history_of_a_release_replays_in_a_fresh_process(release: str) -> None:
    assert replay_in_fresh_processes(RELEASES / release) == []


def test_a_release_keeps_histories_of_all_it_could_do() -> None:
    assert {folder.name for folder in RELEASES.iterdir()} == set(RAN)
    for release, kinds in RAN.items():
        histories = [events_of(file) for file in histories_in(RELEASES / release)]
        told = {name for events in histories for event in events for name in event}
        assert set().union(*map(completed_types, histories)) == kinds, release
        assert {name for name in IN_A_RELEASE if f"{name}EventAttributes" not in told} == set(), release


def test_a_history_that_the_engine_no_longer_fits_is_reported(tmp_path: Path) -> None:
    changed = (
        (HISTORIES / "sequential.json")
        .read_text(encoding="utf-8")
        .replace('"activityId":"second"', '"activityId":"2nd"')
    )
    (tmp_path / "changed.json").write_text(changed, encoding="utf-8")
    shutil.copy(HISTORIES / "conditional.json", tmp_path)

    status, *failures = replay_in_fresh_processes(tmp_path)

    assert "exit code 1" in status
    assert any(line.startswith("changed: ") for line in failures)
    assert not any(line.startswith("conditional: ") for line in failures)


def test_every_scenario_has_its_history_and_no_other_is_kept() -> None:
    assert [file.stem for file in histories_in(HISTORIES)] == sorted(one.__name__ for one in SCENARIOS)


def test_every_step_type_that_runs_today_has_a_history_in_which_it_ran() -> None:
    ran = {kind for file in histories_in(HISTORIES) for kind in completed_types(events_of(file))}

    assert ran == {kind for kind in StepType if runs_today(kind)}


def test_no_history_names_a_machine() -> None:
    for file in [*histories_in(HISTORIES), *(one for release in RAN for one in histories_in(RELEASES / release))]:
        text = file.read_text(encoding="utf-8")
        identities = {one.split('"')[0] for one in text.split('"identity":"')[1:]}
        assert identities <= {IDENTITY, "history-service"}, file.name
        assert "stackTrace" not in text, file.name


def runs_today(kind: StepType) -> bool:
    step = WorkflowStep(step_id="one", step_type=kind)
    return not unsupported(AdvancedWorkflow(workflow_id="probe", steps=(step,)))


def completed_types(events: list[dict[str, Any]]) -> set[StepType]:
    """The types of the steps that the run's result lists as completed."""
    result = result_of(events[-1])
    steps = walk(definition_of(events).get("steps", [])) if result else []
    done = {path.rpartition(".")[2] for path, one in result.get("steps", {}).items() if one["status"] == "completed"}
    return {StepType(one.get("step_type", "sequential")) for one in steps if one["step_id"] in done}


def events_of(file: Path) -> list[dict[str, Any]]:
    return json.loads(file.read_text(encoding="utf-8"))["events"]


def definition_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    """From an ad-hoc run's argument, or else from the marker that pins a registered definition."""
    started = events[0]["workflowExecutionStartedEventAttributes"]
    if started["workflowType"]["name"] == AD_HOC_WORKFLOW_TYPE:
        return values(started["input"])[0]["workflow"]
    markers = [one["markerRecordedEventAttributes"] for one in events if "markerRecordedEventAttributes" in one]
    return values(markers[0]["details"]["result"])[0].get("definition", {}) if markers else {}


def result_of(event: dict[str, Any]) -> dict[str, Any]:
    completed = event.get("workflowExecutionCompletedEventAttributes")
    return values(completed["result"])[0] if completed else {}


def values(payloads: dict[str, Any]) -> list[Any]:
    assert all(one["metadata"]["encoding"] == JSON_ENCODING for one in payloads["payloads"])
    return [json.loads(b64decode(one["data"])) for one in payloads["payloads"]]


def walk(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for step in steps for one in (step, *walk([*step.get("parallel_steps", []), *step.get("body", [])]))]
