from __future__ import annotations

import asyncio
from typing import Any

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.contract import UndoInput
from tests.harness import Harness, Noted, at_rest, definition, eventually, outcome_of, recording
from tests.patience import PATIENCE_SECONDS, never_ends, works_until_cancelled

ONCE = {"max_attempts": 1}


def nothing() -> None:
    return None


def fails() -> None:
    raise ActionError("no", type="Broken")


async def test_undos_receive_input_output_outcome_and_the_steps_key(harness: Harness) -> None:
    received: list[UndoInput] = []

    def pay(amount: int) -> dict[str, str]:
        return {"key": context.idempotency_key(), "amount": str(amount)}

    def refund(undo: UndoInput) -> None:
        received.append(undo)

    outcome = await harness.run(
        definition(
            {"step_id": "pay", "rollback_actions": ["refund"], "input_mapping": {"amount": "input.amount"}},
            {"step_id": "bad", "dependencies": ["pay"]},
            retry_policy=ONCE,
        ),
        {"amount": 5},
        actions={"pay": pay, "refund": refund, "bad": fails},
    )

    key = f"{outcome.report.execution_id}:pay"
    assert received == [
        UndoInput(
            step_id="pay",
            input={"amount": 5},
            output={"key": key, "amount": "5"},
            outcome="completed",
            idempotency_key=key,
        )
    ]


async def test_rollback_mapping_replaces_the_standard_input(harness: Harness) -> None:
    received: list[str] = []

    def refund(payment: str, why: str) -> None:
        received.append(f"{payment} {why}")

    outcome = await harness.run(
        definition(
            {
                "step_id": "pay",
                "rollback_actions": ["refund"],
                "rollback_mapping": {"payment": "result.id", "why": "'failed ' + input.order"},
            },
            {"step_id": "bad", "dependencies": ["pay"]},
            retry_policy=ONCE,
        ),
        {"order": "o1"},
        actions={"pay": lambda: {"id": "p1"}, "refund": refund, "bad": fails},
    )

    assert outcome.failure == "WorkflowFailed"
    assert received == ["p1 failed o1"]


async def test_an_undo_is_called_with_null_for_a_result_that_is_not_known(harness: Harness) -> None:
    received: list[Any] = []

    async def pay() -> None:
        await never_ends()

    noted = Noted()

    def refund(given: dict[str, Any]) -> None:
        if noted.is_new():
            received.append(given)

    mapping = {
        "id": "result.id",
        "own": "'x' + steps.pay.output.id",
        "written": "workflow.id",
        "list": [{"why": "'failed ' + input.order", "n": 3}],
    }
    pay_it = {
        "step_id": "pay",
        "timeout": 0.5,
        "output_mapping": {"result.id": "workflow.id"},
        "rollback_actions": ["refund"],
        "rollback_mapping": mapping,
    }
    outcome = await harness.run(
        definition(pay_it, retry_policy=ONCE), {"order": "o1"}, actions={"pay": pay, "refund": refund}
    )

    assert outcome.failure == "WorkflowFailed"
    assert received == [{"id": None, "own": None, "written": None, "list": [{"why": "failed o1", "n": 3}]}]


async def test_independent_undos_run_in_parallel(harness: Harness) -> None:
    together = asyncio.Barrier(2)

    async def undo(undo: UndoInput) -> None:
        await asyncio.wait_for(together.wait(), PATIENCE_SECONDS)

    outcome = await harness.run(
        definition(
            {"step_id": "a", "rollback_actions": ["undo"]},
            {"step_id": "b", "rollback_actions": ["undo"]},
            {"step_id": "bad", "dependencies": ["a", "b"]},
            retry_policy=ONCE,
        ),
        actions={"a": nothing, "b": nothing, "bad": fails, "undo": undo},
    )

    assert outcome.failure == "WorkflowFailed"
    assert sorted(outcome.undone()) == ["a", "b"]


async def test_rollback_continues_after_an_undo_fails_and_the_report_says_so(harness: Harness) -> None:
    undone: list[str] = []

    def stuck(undo: UndoInput) -> None:
        raise ActionError("the provider says no", type="RefundRefused", retryable=False)

    outcome = await harness.run(
        definition(
            {"step_id": "a", "rollback_actions": ["undo"]},
            {"step_id": "b", "rollback_actions": ["stuck"], "dependencies": ["a"]},
            {"step_id": "bad", "dependencies": ["b"], "rollback_actions": ["undo"]},
            retry_policy=ONCE,
        ),
        actions={"a": nothing, "b": nothing, "bad": fails, "undo": recording(undone), "stuck": stuck},
    )

    assert outcome.failure == "RollbackIncomplete"
    assert outcome.report.error is not None
    assert outcome.report.error.type == "Broken"
    assert undone == ["a completed"]
    rollback = outcome.report.rollback
    assert rollback is not None
    assert not rollback.complete
    assert {one.path: one.outcome for one in rollback.entries} == {"b": "failed", "a": "undone", "bad": "not_needed"}
    assert [one.error.type for one in rollback.entries if one.error] == ["RefundRefused"]


async def test_an_undo_is_retried_until_it_works(harness: Harness) -> None:
    attempts: list[int] = []

    def undo(undo: UndoInput) -> None:
        attempts.append(context.attempt())
        if len(attempts) < 2:
            raise ActionError("not yet")

    outcome = await harness.run(
        definition(
            {"step_id": "a", "rollback_actions": ["undo"]}, {"step_id": "bad", "dependencies": ["a"]}, retry_policy=ONCE
        ),
        actions={"a": nothing, "bad": fails, "undo": undo},
    )

    assert outcome.failure == "WorkflowFailed"
    assert attempts == [1, 2]


async def test_an_undo_that_never_works_ends_with_rollback_timeout(skipping: Harness) -> None:
    def undo(undo: UndoInput) -> None:
        raise ActionError("never")

    outcome = await skipping.run(
        definition(
            {"step_id": "a", "rollback_actions": ["undo"], "rollback_timeout": 600},
            {"step_id": "bad", "dependencies": ["a"]},
            retry_policy=ONCE,
        ),
        actions={"a": nothing, "bad": fails, "undo": undo},
    )

    assert outcome.failure == "RollbackIncomplete"
    assert outcome.report.duration_seconds < 700


async def test_a_second_cancel_does_not_stop_the_rollback(harness: Harness) -> None:
    began, release = asyncio.Event(), asyncio.Event()

    async def undo(undo: UndoInput) -> None:
        began.set()
        await release.wait()

    async with harness.worker({"a": nothing, "undo": undo}):
        run = await harness.start(
            definition(
                {"step_id": "a", "rollback_actions": ["undo"]},
                {"step_id": "w", "step_type": "wait", "wait": {"event": "go"}, "dependencies": ["a"]},
            )
        )
        await eventually(lambda: _is(run, "w", "waiting"))
        await run.cancel()
        await asyncio.wait_for(began.wait(), PATIENCE_SECONDS)
        await run.cancel()
        called = await at_rest(run)
        status = (await run.state()).status
        release.set()
        outcome = await outcome_of(run, state=True)

    assert (status, called) == ("rolling_back", ["a.rollback[0]"])
    assert outcome.failure == "Cancelled"
    assert outcome.state is not None
    assert outcome.state.rollback is not None
    assert [one.outcome for one in outcome.state.rollback.entries] == ["undone"]


async def test_a_step_whose_outcome_is_unknown_is_undone(harness: Harness) -> None:
    undone: list[str] = []

    async def slow() -> None:
        await never_ends()

    outcome = await harness.run(
        definition({"step_id": "slow", "timeout": 0.3, "rollback_actions": ["undo"], "retry_policy": ONCE}),
        actions={"slow": slow, "undo": recording(undone)},
    )

    assert outcome.failure == "WorkflowFailed"
    assert undone == ["slow unknown"]


async def test_a_failed_output_mapping_still_undoes_the_step(harness: Harness) -> None:
    undone: list[str] = []
    outcome = await harness.run(
        definition({"step_id": "a", "rollback_actions": ["undo"], "output_mapping": {"result.id": "workflow.id"}}),
        actions={"a": lambda: {"name": "x"}, "undo": recording(undone)},
    )

    assert outcome.failure == "WorkflowFailed"
    assert "output_mapping" in outcome.message
    assert undone == ["a completed"]


async def test_an_error_handlers_effect_is_undone_before_its_owners(harness: Harness) -> None:
    undone: list[str] = []
    outcome = await harness.run(
        definition(
            {"step_id": "first", "rollback_actions": ["undo"]},
            {"step_id": "pay", "error_handlers": ["fallback"], "dependencies": ["first"]},
            {"step_id": "fallback", "rollback_actions": ["undo"]},
            {"step_id": "ship", "dependencies": ["pay"], "rollback_actions": ["undo"]},
            {"step_id": "bad", "dependencies": ["ship"]},
            retry_policy=ONCE,
        ),
        actions={
            **dict.fromkeys(("first", "fallback", "ship"), nothing),
            "pay": fails,
            "bad": fails,
            "undo": recording(undone),
        },
    )

    assert outcome.failure == "WorkflowFailed"
    assert undone == ["ship completed", "fallback completed", "first completed"]


async def test_no_action_runs_when_rollback_begins(harness: Harness) -> None:
    events: list[str] = []
    began = asyncio.Event()

    async def slow() -> None:
        events.append("slow began")
        began.set()
        try:
            await works_until_cancelled()
        finally:
            await asyncio.sleep(0.3)
            events.append("slow ended")

    async def bad() -> None:
        await asyncio.wait_for(began.wait(), PATIENCE_SECONDS)
        fails()

    def undo(undo: UndoInput) -> None:
        events.append(f"undo {undo.step_id}")

    outcome = await harness.run(
        definition(
            {"step_id": "a", "rollback_actions": ["undo"]},
            {"step_id": "slow", "dependencies": ["a"]},
            {"step_id": "bad", "dependencies": ["a"]},
            retry_policy=ONCE,
        ),
        actions={"a": nothing, "slow": slow, "bad": bad, "undo": undo},
    )

    assert outcome.failure == "WorkflowFailed"
    assert events == ["slow began", "slow ended", "undo a"]


async def _is(run: Run, path: str, status: str) -> bool:
    state: Any = await run.state()
    return any(one.path == path and one.status == status for one in state.steps)
