from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.activities.library.ledger import PATH_SETTING as LEDGER
from advanced_workflow.activities.library.research import lookup, plan_next_step, summarise_findings
from advanced_workflow.activities.library.research.script import PATH_SETTING, read_script
from tests.library.outcomes import ledger_summary
from tests.unit.acting import call, fails

SCRIPT: dict[str, Any] = {
    "plans": {
        "Why?": [
            {"tool": "lookup", "arguments": {"query": "reasons"}},
            {"tool": "final_answer", "arguments": {"answer": "Because."}},
        ]
    },
    "facts": {"reasons": "many"},
    "unavailable": ["secrets"],
}


@pytest.fixture(autouse=True)
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "script.json"
    write(path, json.dumps(SCRIPT))
    monkeypatch.setenv(PATH_SETTING, str(path))
    monkeypatch.setenv(LEDGER, str(tmp_path / "ledger.db"))
    return path


def write(script: Path, text: str | None) -> None:
    """None leaves no file."""
    script.unlink(missing_ok=True)
    if text is not None:
        script.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("observed", "tool"), [(0, "lookup"), (1, "final_answer"), (7, "final_answer")])
async def test_the_planner_goes_on_with_what_was_observed_and_at_the_end_repeats_itself(observed: int, tool: str):
    plan = await call(plan_next_step, {"question": "Why?", "observations": [{}] * observed})

    assert plan["tool"] == tool


async def test_what_was_paid_for_is_not_paid_for_by_another_attempt(script: Path):
    given = {"question": "Why?", "observations": []}
    first = await call(plan_next_step, given)
    write(script, json.dumps({**SCRIPT, "plans": {"Why?": [{"tool": "other", "arguments": {}}]}}))

    assert await call(plan_next_step, given, attempt=2) == first
    assert ledger_summary() == {"model_call": {"done": 1, "undone": 0}}


async def test_a_source_says_what_it_knows_and_that_it_does_not_know():
    assert await call(lookup, {"query": "reasons"}, "one") == {"answer": "many", "source": "script"}
    assert await call(lookup, {"query": "nonsense"}, "two") == {"answer": None, "source": "script"}
    assert ledger_summary() == {"lookup": {"done": 2, "undone": 0}}


async def test_a_source_that_does_not_answer_may_be_asked_again():
    error = await fails(lookup, {"query": "secrets"})

    assert (error.type, error.non_retryable) == ("SourceUnavailable", False)
    assert ledger_summary() == {}


async def test_a_question_without_plans_fails_and_says_where_to_add_some():
    error = await fails(plan_next_step, {"question": "How?", "observations": []})

    assert (error.type, error.non_retryable) == ("QuestionUnknown", True)
    assert "'How?'" in error.message
    assert PATH_SETTING in error.message


@pytest.mark.parametrize(
    ("known", "answer"),
    [
        ([], "There is no answer to 'Why?'. Nothing was found."),
        ([None], "There is no answer to 'Why?'. Nothing was found."),
        (["many", None, "few"], "There is no answer to 'Why?'. What was found: many; few."),
    ],
)
async def test_a_summary_says_what_was_found(known: list[str | None], answer: str):
    observations = [{"tool": "lookup", "output": {"answer": one}} for one in known]

    assert await call(summarise_findings, {"question": "Why?", "observations": observations}) == {"answer": answer}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "No such file"),
        ("[]", "file: "),
        ('{"plans": {}, "facts": {"a": 1}}', "facts.a: "),
        ('{"plans": {}, "facts": {}, "extra": 1}', "extra: "),
    ],
)
async def test_a_script_that_cannot_be_read_fails_for_good_and_names_the_setting(
    script: Path, text: str | None, reason: str
):
    write(script, text)

    error = await fails(lookup, {"query": "reasons"})

    assert (error.type, error.non_retryable) == ("ScriptInvalid", True)
    assert PATH_SETTING in error.message
    assert reason in error.message


def test_the_script_that_comes_with_the_package_is_valid(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(PATH_SETTING)

    script = read_script()

    looked_up = {plan.arguments["query"] for plans in script.plans.values() for plan in plans if plan.tool == "lookup"}
    assert script.facts.keys() <= looked_up
