"""What happens to examples of the library at a moment that a case file cannot name: late answers, a cancel in a race."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.activities import library
from advanced_workflow.activities.library.ledger import PATH_SETTING, transaction
from advanced_workflow.activities.worker.registry import ActionRegistry
from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.definition.text.load import LIBRARY, load
from advanced_workflow.workflows.errors import AlreadyDecided, TooLate
from tests.harness import Actions, Harness, eventually, outcome_of
from tests.library.outcomes import ledger_summary

ACTIONS: Actions = {name: action.function for name, action in ActionRegistry.discover(library.MODULES).actions.items()}
REQUEST = {"request": "Hire Ada", "requester": "rita", "approvers": ["ann", "bob", "cid"]}
INCIDENT = {"service": "checkout", "severity": 1, "description": "No orders come in."}


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "ledger.db"))


def shipped(name: str) -> dict[str, Any]:
    return load(LIBRARY / name / "definition.yaml").workflow.model_dump(mode="json", exclude_defaults=True)


async def asked(run: Run, count: int) -> list[str]:
    """Wait until so many questions are open; gives their steps' paths."""

    async def paths() -> list[str] | None:
        found = sorted(one.path for one in await run.pending_approvals())
        return found if len(found) == count else None

    return await eventually(paths)


async def test_the_first_refusal_withdraws_the_other_questions_and_an_answer_to_them_is_too_late(
    harness: Harness,
) -> None:
    async with harness.worker(ACTIONS):
        run = await harness.start(shipped("parallel-human-approval"), REQUEST)
        questions = await asked(run, 3)
        await run.approve(questions[0], approver="ann")
        await run.pause(
            "a late answer is on its way"
        )  # Nothing starts any more, so the run cannot end before it is there.
        await run.reject(questions[1], approver="bob", comment="no budget")
        assert await eventually(lambda: none_pending(run))
        with pytest.raises(TooLate):
            await run.approve(questions[2], approver="cid")
        await run.resume("it came")
        outcome = await outcome_of(run)

    assert questions == ["review[0].decide", "review[1].decide", "review[2].decide"]
    assert outcome.failure is None, outcome.message
    assert outcome.data["decision"] == "rejected"
    assert outcome.data["approvals"] == 1
    assert outcome.data["reason"] == ["step 'review[1].decide' was rejected by bob: no budget"]
    assert ledger_summary() == {"notice": {"done": 4, "undone": 0}}


async def test_a_permission_after_the_refusal_sends_nothing(harness: Harness) -> None:
    async with harness.worker(ACTIONS):
        run = await harness.start(shipped("human-approved-action"), INCIDENT)
        await asked(run, 1)
        await run.pause("a second answer is on its way")
        await run.reject("ask", approver="olga")
        assert await eventually(lambda: none_pending(run))
        for person in ("olga", "omar"):
            with pytest.raises(AlreadyDecided):
                await run.approve("ask", approver=person)
        await run.resume("it came")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert (outcome.data["answer"], outcome.data["by"]) == ("rejected", "olga")
    assert ledger_summary() == {}


async def test_cancelling_a_race_stops_both_processes(harness: Harness) -> None:
    long = {"name": "long", "seconds": 600}
    async with harness.worker(ACTIONS):
        run = await harness.start(
            shipped("either-or-parallel"), {"first": long, "second": long, "patience_seconds": 600}
        )
        await eventually(lambda: ledger_summary() == {"process": {"done": 2, "undone": 0}})
        await run.cancel()
        outcome = await outcome_of(run, state=True)

    assert outcome.failure == "Cancelled"
    assert outcome.state is not None
    assert outcome.state.rollback is not None
    assert {(one.path, one.outcome.value) for one in outcome.state.rollback.entries} == {
        ("start_first", "undone"),
        ("start_second", "undone"),
    }
    assert ledger_summary() == {"process": {"done": 0, "undone": 2}}
    with transaction() as db:
        endings = db.execute("SELECT DISTINCT ending FROM processes").fetchall()
    assert [row["ending"] for row in endings] == ["stopped"]


async def none_pending(run: Run) -> bool:
    return not await run.pending_approvals()
