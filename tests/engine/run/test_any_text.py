"""Texts with any characters and of any length: what is said of a run reaches its history, and the run its end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.worker.failures import sendable
from advanced_workflow.workflows.contract import ErrorInfo, RollbackReport, RunResult, UndoEntry, UndoInput
from advanced_workflow.workflows.engine.run.results import fitting
from tests.harness import Harness, definition, eventually, outcome_of, recording

HALF = "half \ud83d"
WHOLE = "half \ufffd"
BOOK = {"step_id": "book", "rollback_actions": ["undo"]}
ONCE = {"max_attempts": 1}


def raw(value: Any) -> RawValue:
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode()))


async def test_half_a_character_in_any_text_of_a_decision_loses_nothing(harness: Harness) -> None:
    undone: list[str] = []
    decision = {"step_id": "ask", "approver": HALF, "comment": HALF, "form": {HALF: [HALF]}, "decision_id": HALF}
    async with harness.worker({"book": lambda: 1, "undo": recording(undone)}):
        run = await harness.start(
            definition(BOOK, {"step_id": "ask", "step_type": "human_approval", "dependencies": ["book"]})
        )
        await eventually(run.pending_approvals)
        await run.handle.signal("approve_step", raw({**decision, "step_id": HALF}))
        await run.handle.signal("event", raw({"event": HALF, "data": HALF, "event_id": HALF}))
        await run.handle.signal(HALF.encode(errors="replace").decode(), raw(HALF))
        await run.handle.signal("reject_step", raw(decision))
        outcome = await outcome_of(run, state=True)

    assert outcome.failure == "ApprovalRejected"
    assert WHOLE in outcome.message
    assert outcome.undone() == ["book"]
    assert outcome.state is not None
    assert [one.event for one in outcome.state.unconsumed_events] == [WHOLE]


@pytest.mark.parametrize("local", [False, True])
async def test_an_error_keeps_its_type_whatever_its_texts_and_details_hold(harness: Harness, local: bool) -> None:
    calls: list[str] = []
    undone: list[str] = []

    details: Any = {"b": b"x", "effect": "unknown"}

    def declines() -> None:
        calls.append("declines")
        try:
            raise ValueError(HALF)
        except ValueError as cause:
            raise ActionError(HALF + "\0" + "x" * 700_000, type="Declined", retryable=False, details=details) from cause

    handler = {"step_id": "note", "action": "note", "input_mapping": {"error": "steps.pay.error"}}
    more = {"execution": "local"} if local else {}
    pay = {
        "step_id": "pay",
        "action": "declines",
        "rollback_actions": ["undo"],
        "error_handlers": [{"handler": "note", "on": ["Declined"]}],
    }
    seen: list[Any] = []
    outcome = await harness.run(
        definition({**pay, **more}, handler),
        actions={"declines": declines, "note": lambda error: seen.append(error), "undo": recording(undone)},
    )

    assert outcome.failure is None, outcome.message
    assert calls == ["declines"]
    [error] = seen
    assert error["type"] == "Declined"
    assert error["message"].startswith(WHOLE)
    assert error["message"].endswith(" characters in all)")
    assert error["details"] == {"b": "b'x'", "effect": "unknown"}


async def test_an_output_that_is_nested_without_end_fails_the_run_and_is_undone(harness: Harness) -> None:
    undone: list[str] = []
    output: Any = "steps.book.output"
    for _ in range(70):
        output = {"v": output}
    deep: Any = 1
    for _ in range(70):
        deep = [deep]
    outcome = await harness.run(
        definition(BOOK, output=output), actions={"book": lambda: deep, "undo": recording(undone)}
    )

    assert outcome.failure == "WorkflowFailed"
    assert "the run's result is nested more than 100 levels deep" in outcome.message
    assert undone == ["book completed"]


async def test_very_many_long_errors_of_undo_actions_never_keep_a_run_from_ending(harness: Harness) -> None:
    many = 650

    def undo(given: UndoInput) -> None:
        raise ActionError("<html>" + "e" * 3_900, retryable=False)

    def bad() -> None:
        raise ActionError("b" * 700_000, retryable=False)

    fan = {"step_id": "fan", "step_type": "parallel", "for_each": "input.n", "parallel_steps": [BOOK]}
    outcome = await harness.run(
        definition(fan, {"step_id": "bad", "dependencies": ["fan"]}, max_parallel_steps=100),
        {"n": list(range(many))},
        actions={"book": lambda: 1, "undo": undo, "bad": bad},
    )

    assert outcome.failure == "RollbackIncomplete"
    assert outcome.report.rollback is not None
    assert outcome.report.rollback.failed == len(outcome.report.rollback.entries) == many
    assert "messages over 1,000 characters" in outcome.report.shortened


@pytest.mark.parametrize("error", [ActionError("plain"), ActionError("d", details={"a": [1, "ü"]}), ValueError("x")])
def test_an_error_that_can_be_sent_is_left_as_it_is(error: Exception) -> None:
    assert sendable(error) is error


def test_an_error_whose_causes_go_in_a_circle_is_sent() -> None:
    first, second = ValueError(HALF), ValueError("second")
    first.__cause__, second.__cause__ = second, first

    sent = sendable(first)

    assert isinstance(sent, ApplicationError)
    assert (sent.type, sent.message, sent.non_retryable) == ("ValueError", WHOLE, False)
    depth, cause = 0, sent.__cause__
    while cause is not None:
        depth, cause = depth + 1, cause.__cause__
    assert depth < 10


@pytest.mark.parametrize("message", [0, 300, 4_000])
@pytest.mark.parametrize("limit", [5_000, 200_000, 1_000_000])
def test_a_report_always_fits_and_what_failed_to_be_undone_goes_last(limit: int, message: int) -> None:
    error = ErrorInfo(type="E", message="m" * message, details={"d": "x" * 1_000})
    entry = {"step_id": "s", "action": "a", "activity_id": "i", "step_outcome": "completed", "idempotency_key": "k"}
    entries = [
        UndoEntry.model_validate({**entry, "path": f"s[{number}]", "outcome": outcome, "error": error})
        for number in range(300)
        for outcome in ("undone", "failed")
    ]
    result = RunResult(
        execution_id="x",
        workflow_id="w",
        version="1",
        definition_sha256="s",
        status="failed",  # pyright: ignore[reportArgumentType]
        error=error,
        steps={f"s[{number}]": {"status": "failed", "error": error.model_dump()} for number in range(500)},
        rollback=RollbackReport(reason="r", complete=False, entries=entries, undone=300, failed=300),
        start_time="",
        end_time="",
        duration_seconds=0,
    )

    fitted = fitting(result, limit)

    assert len(json.dumps(fitted)) <= limit
    report = RunResult.model_validate(fitted)
    assert report.rollback is not None
    assert (report.rollback.undone, report.rollback.failed) == (300, 300)
    assert len(report.rollback.entries) + report.rollback.entries_left_out == 600
    assert len(report.steps) + report.steps_left_out == 500
    if limit >= 200_000:
        assert sum(one.outcome == "failed" for one in report.rollback.entries) == 300
    assert report.shortened or len(json.dumps(result.model_dump(mode="json"))) <= limit
