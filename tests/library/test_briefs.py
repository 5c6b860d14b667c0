from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.activities.action.context import bind_execution
from advanced_workflow.activities.library import research
from advanced_workflow.activities.library.ledger import PATH_SETTING
from tests.library.outcomes import effects, ledger_summary
from tests.unit.acting import call, fails, undo_input

BRIEF: dict[str, Any] = {"title": "Danube", "text": "It is long.", "sources": ["danube"]}
DANUBE: dict[str, Any] = {"place": "Danube"}
FINDINGS: dict[str, Any] = {
    "answer": "It is long.",
    "outcome": "answered",
    "sources": ["danube"],
    "figure": "2850 km.",
    "year": 2015,
    "source": "archive:danube",
    "not_before": 2015,
}
EFFECTS = [
    ("order_document", "cancel_order", "archive_order", DANUBE),
    ("publish_brief", "withdraw_brief", "brief", BRIEF),
]
each_effect = pytest.mark.parametrize(("name", "undo", "kind", "given"), EFFECTS, ids=[effect[0] for effect in EFFECTS])


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "ledger.db"))


@each_effect
async def test_it_is_done_once_and_undone_once(name: str, undo: str, kind: str, given: dict[str, Any]):
    first = await call(getattr(research, name), given)

    assert await call(getattr(research, name), given, attempt=2) == first
    assert ledger_summary() == {kind: {"done": 1, "undone": 0}}
    for known in (first, None):
        assert await call(getattr(research, undo), undo_input(given, known), "step.rollback[0]") is True
    assert (await fails(getattr(research, name), given, attempt=3)).type == "StepUndone"
    assert ledger_summary() == {kind: {"done": 0, "undone": 1}}


@each_effect
async def test_what_was_undone_before_it_was_done_is_not_done(name: str, undo: str, kind: str, given: dict[str, Any]):
    assert await call(getattr(research, undo), undo_input(given), "step.rollback[0]") is False

    assert (await fails(getattr(research, name), given)).type == "StepUndone"
    assert ledger_summary() == {}


@pytest.mark.parametrize(
    ("name", "given", "error_type"),
    [
        ("read_gauge", {"place": "nowhere"}, "UnknownFigure"),
        ("order_document", {"place": "lake"}, "UnknownFigure"),
        ("judge_findings", {**FINDINGS, "outcome": "not known"}, "FindingsInsufficient"),
        ("judge_findings", {**FINDINGS, "year": 2014}, "FindingsInsufficient"),
        ("publish_brief", {**BRIEF, "sources": []}, "InputInvalid"),
        ("hand_out", {"readers": ["press"]}, "NothingPublished"),
    ],
)
async def test_a_refusal_is_typed_final_and_changes_nothing(name: str, given: dict[str, Any], error_type: str):
    error = await fails(getattr(research, name), given)

    assert (error.type, error.non_retryable) == (error_type, True)
    assert ledger_summary() == {}


async def test_findings_that_are_enough_name_each_source_once():
    found = await call(research.judge_findings, FINDINGS)

    assert found == {"text": "It is long. 2850 km.", "sources": ["danube", "archive:danube"]}


async def test_a_run_hands_out_the_brief_that_it_published_itself_and_that_stands():
    bind_execution("run-of-another")
    await call(research.publish_brief, {**BRIEF, "title": "Another's"}, "plan[1].publish")
    bind_execution(None)
    first = await call(research.publish_brief, BRIEF, "plan[1].publish")
    await call(research.withdraw_brief, undo_input(BRIEF, first, "plan[1].publish"), "plan[1].publish.rollback[0]")
    second = await call(research.publish_brief, {**BRIEF, "title": "Danube again"}, "plan[4].publish")

    unknown = await fails(research.hand_out, {"readers": ["press", "nobody"]}, "hand_out")
    handed = await call(research.hand_out, {"readers": ["press", "ministry"]}, "hand_out")

    assert (unknown.type, unknown.non_retryable) == ("UnknownReader", True)
    assert handed == second
    assert [one["data"]["readers"] for one in effects(kind="hand_out")] == [["press", "ministry"]]
    given = undo_input({"readers": ["press"]}, handed, "hand_out")
    assert await call(research.call_back, given, "hand_out.rollback[0]") is True
