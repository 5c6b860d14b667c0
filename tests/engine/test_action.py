from __future__ import annotations

from typing import Any

from tests.harness import Harness, definition


async def test_a_chain_runs_in_order_and_maps_its_data(harness: Harness) -> None:
    def quote(items: int) -> dict[str, int]:
        return {"total": items * 10}

    def book(total: int, currency: str) -> str:
        return f"{total} {currency}"

    outcome = await harness.run(
        definition(
            {"step_id": "quote", "input_mapping": {"items": "input.items"}, "output_mapping": {"result.total": "workflow.order.total"}},
            {
                "step_id": "book",
                "dependencies": ["quote"],
                "input_mapping": {"total": "steps.quote.output.total", "currency": "'EUR'"},
                "output_mapping": {"result": "workflow.order.booked"},
            },
        ),
        {"items": 3},
        actions={"quote": quote, "book": book},
    )

    assert outcome.failure is None, outcome.message
    assert outcome.report.result == {"order": {"total": 30, "booked": "30 EUR"}}
    assert outcome.status_of("book") == "completed"


async def test_a_failing_step_undoes_what_was_done_newest_first(harness: Harness) -> None:
    undone: list[str] = []

    def undo(undo: dict[str, Any]) -> None:
        undone.append(undo["step_id"])

    def fails() -> None:
        raise ValueError("no")

    outcome = await harness.run(
        definition(
            {"step_id": "a", "rollback_actions": ["undo"]},
            {"step_id": "b", "rollback_actions": ["undo"], "dependencies": ["a"]},
            {"step_id": "c", "rollback_actions": ["undo"], "dependencies": ["b"], "retry_policy": {"max_attempts": 1}},
        ),
        actions={"a": lambda: None, "b": lambda: None, "c": fails, "undo": undo},
    )

    assert outcome.failure == "WorkflowFailed"
    assert undone == ["b", "a"]
    assert outcome.undone() == ["b", "a"]
