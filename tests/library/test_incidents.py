from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.activities.action.context import bind_execution
from advanced_workflow.activities.library import incidents
from advanced_workflow.activities.library.incidents.services import running
from advanced_workflow.activities.library.ledger import PATH_SETTING
from tests.library.outcomes import ledger_summary
from tests.unit.acting import call, fails, undo_input

DEPLOY: dict[str, Any] = {"service": "checkout", "version": "2.3.9"}
SWITCH: dict[str, Any] = {"service": "checkout", "feature": "staff-discounts"}
SERVICE: dict[str, Any] = {"service": "checkout"}

EFFECTS = [
    ("deploy_version", "restore_version", "deploy", DEPLOY),
    ("switch_feature_off", "restore_feature", "feature_switch", SWITCH),
]
each_effect = pytest.mark.parametrize(("name", "undo", "kind", "given"), EFFECTS, ids=[effect[0] for effect in EFFECTS])


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "ledger.db"))


@each_effect
async def test_a_remedy_is_made_once_and_its_undo_leaves_the_service_as_it_was(
    name: str, undo: str, kind: str, given: dict[str, Any]
):
    before = running()
    first = await call(getattr(incidents, name), given)
    after = running()

    assert after != before
    assert await call(getattr(incidents, name), given, attempt=2) == first
    assert (running(), ledger_summary()) == (after, {kind: {"done": 1, "undone": 0}})
    for known in (first, None):
        assert await call(getattr(incidents, undo), undo_input(given, known), "step.rollback[0]") is True
        assert running() == before
    assert (await fails(getattr(incidents, name), given, attempt=3)).type == "StepUndone"
    assert (running(), ledger_summary()) == (before, {kind: {"done": 0, "undone": 1}})


@each_effect
async def test_what_was_undone_before_it_was_made_is_not_made(name: str, undo: str, kind: str, given: dict[str, Any]):
    before = running()
    assert await call(getattr(incidents, undo), undo_input(given), "step.rollback[0]") is False

    assert (await fails(getattr(incidents, name), given)).type == "StepUndone"
    assert (running(), ledger_summary()) == (before, {})


@pytest.mark.parametrize(
    ("name", "given", "error_type"),
    [
        ("read_metrics", {"service": "mail"}, "UnknownService"),
        ("list_deploys", {"service": "mail"}, "UnknownService"),
        ("search_log", {"service": "mail", "text": "x"}, "UnknownService"),
        ("search_log", {"service": "checkout", "text": ""}, "InputInvalid"),
        ("read_runbook", {"service": "../runbooks/checkout"}, "UnknownService"),
        ("deploy_version", {"service": "mail", "version": "1"}, "UnknownService"),
        ("deploy_version", {"service": "checkout", "version": "1.8.1"}, "UnknownVersion"),
        ("switch_feature_off", {"service": "search", "feature": "staff-discounts"}, "UnknownFeature"),
        ("confirm_recovery", {"service": "mail"}, "UnknownService"),
    ],
)
async def test_a_refusal_is_typed_final_and_changes_nothing(name: str, given: dict[str, Any], error_type: str):
    before = running()

    error = await fails(getattr(incidents, name), given)

    assert (error.type, error.non_retryable) == (error_type, True)
    assert (running(), ledger_summary()) == (before, {})


async def test_evidence_says_how_the_service_is_now():
    before = await call(incidents.read_metrics, SERVICE)
    log = await call(incidents.search_log, {**SERVICE, "text": "ERROR"})
    await call(incidents.switch_feature_off, SWITCH)
    deploys = await call(incidents.list_deploys, SERVICE)

    assert (before["now"], (await call(incidents.read_metrics, SERVICE))["now"]) == (31.2, 0.2)
    assert len(log["lines"]) == 2
    assert [one["version"] for one in deploys["deploys"]] == ["2.4.0", "2.3.9"]
    assert deploys["features"] == []
    assert "# checkout" in (await call(incidents.read_runbook, SERVICE))["text"]


async def test_a_version_that_somebody_deployed_meanwhile_is_not_undone():
    again = {**DEPLOY, "version": "2.4.0"}
    made = await call(incidents.deploy_version, again, "one")
    await call(incidents.deploy_version, DEPLOY, "two")

    assert await call(incidents.restore_version, undo_input(again, made, "one"), "one.rollback[0]") is True
    assert running()["checkout"] == "2.3.9"


async def test_only_changes_of_the_run_itself_must_have_helped():
    search = {"service": "search"}
    bind_execution("run-of-another")
    await call(incidents.deploy_version, {**search, "version": "1.8.1"}, "triage[2].deploy_version#0")
    bind_execution(None)
    untouched = await call(incidents.confirm_recovery, search, "confirm")
    made = await call(incidents.deploy_version, {**search, "version": "1.8.1"}, "triage[2].deploy_version#0")
    failing = await fails(incidents.confirm_recovery, search, "confirm")
    given = undo_input(search, made, "triage[2].deploy_version#0")
    await call(incidents.restore_version, given, "triage[2].deploy_version#0.rollback[0]")

    assert (untouched["changes"], untouched["healthy"]) == ([], False)
    assert (failing.type, failing.non_retryable) == ("StillFailing", False)
    assert (await call(incidents.confirm_recovery, search, "confirm"))["changes"] == []
