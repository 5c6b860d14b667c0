from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import activities.orders
from activities.orders.database import PATH_SETTING, order_summary
from client.runs import Run
from tests.harness import Actions, Harness, Outcome, outcome_of
from workflows.contract import DecideRequest, ExecutionOptions
from workflows.definition.load import LIBRARY, find_definitions

CASES = sorted(LIBRARY.glob("*/cases/*.json"))
ACTIONS: Actions = {name: getattr(activities.orders, name) for name in activities.orders.__all__}


@pytest.mark.parametrize("file", CASES, ids=[f"{file.parents[1].name}-{file.stem}" for file in CASES])
async def test_a_case_of_the_library_comes_out_as_it_says(
    harness: Harness, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = read(file)
    expected = case["expect"]
    workflow_id = file.parents[1].name
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "orders.db"))
    definition = find_definitions([LIBRARY])[workflow_id].workflow.model_dump(mode="json", exclude_defaults=True)

    async with harness.worker(ACTIONS, definitions=[definition]):
        options = ExecutionOptions.model_validate({"started_by": "tester", **case["options"]})
        run = await harness.start(workflow_id, case["input"], options=options)
        await decide(run, case["decisions"])
        outcome = await outcome_of(run)

    assert outcome.failure == expected["error_type"], outcome.message
    assert expected.get("error_contains", "") in outcome.message
    if outcome.result is not None:  # input that is refused leaves no report
        assert_report(outcome, expected)
    rows = order_summary(tmp_path / "orders.db")
    assert {table: rows[table] for table in expected["rows"]} == expected["rows"]
    assert {sku: rows["stock"][sku] for sku in expected["stock"]} == expected["stock"]


def read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))


async def decide(run: Run, decisions: list[dict[str, Any]]) -> None:
    """Send them by signal, in their order; a signal may come before its step is reached."""
    for payload in decisions:
        request = DecideRequest.model_validate(payload)
        fields = request.model_dump(exclude_unset=True, exclude={"decision", "step_id"})
        send = run.signal_approval if request.decision == "approve" else run.signal_rejection
        await send(request.step_id, **fields)


def assert_report(outcome: Outcome, expected: dict[str, Any]) -> None:
    report = outcome.report
    assert report.status == expected["status"]
    if expected["result"] is None:
        assert report.result is None
    else:
        assert outcome.data == {**outcome.data, **expected["result"]}
    errors = {path: step["error"]["type"] for path, step in report.model_dump()["steps"].items() if step.get("error")}
    assert errors == {**errors, **expected["step_errors"]}
    assert outcome.state is not None
    assert [one.code for one in outcome.state.rejected_decisions] == expected.get("rejected_decisions", [])
    if expected["rollback"] is None:
        assert report.rollback is None
        return
    assert report.rollback is not None
    undos = {one.action: one.outcome.value for one in report.rollback.entries}
    assert undos == {**undos, **expected["rollback"]}
    if not expected["rollback"]:  # nothing to undo
        assert set(undos.values()) <= {"not_needed"}
