"""`assign`: data made of data, without an activity."""

from __future__ import annotations

import pytest
from temporalio.api.enums.v1 import EventType

from tests.engine.stage import Step, fan, loop, output_of
from tests.harness import Harness, definition
from tests.unit.checking import codes_of


def assign(step_id: str, *after: str, **more: object) -> Step:
    return {"step_id": step_id, "step_type": "assign", "dependencies": list(after), **more}


async def test_its_output_is_what_the_mapping_gives_and_variables_are_written(harness: Harness) -> None:
    outcome = await harness.run(
        definition(
            assign("sum", input_mapping={"net": "input.net", "gross": "input.net * 1.25", "unit": {"name": "'EUR'"}}),
            assign("count", "sum", output_mapping={"workflow.count + 1": "workflow.count"}),
            global_variables={"count": 1},
            output={"sum": "steps.sum.output", "none": "steps.count.output == null", "count": "workflow.count"},
        ),
        {"net": 8},
    )

    assert outcome.data == {"sum": {"net": 8, "gross": 10, "unit": {"name": "EUR"}}, "none": True, "count": 2}
    assert EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED not in {
        one.event_type async for one in outcome.handle.fetch_history_events()
    }


async def test_it_runs_in_rounds_and_copies(harness: Harness) -> None:
    turn = assign("turn", output_mapping={"workflow.sum + iteration": "workflow.sum"})
    outcome = await harness.run(
        definition(
            loop("all", turn, rounds=300, loop_max_iterations=300),
            fan("each", "[1, 2, 3]", assign("twice", input_mapping={"is": "item * 2"})),
            global_variables={"sum": 0},
            output={"sum": "workflow.sum"},
        ),
        state=True,
    )

    assert (outcome.data, output_of(outcome, "each[2].twice")) == ({"sum": sum(range(300))}, {"is": 6})


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"input_mapping": {"n": "input.none.deep"}}, "ExpressionError"),
        (
            {"input_mapping": {"n": "input.n"}, "input_validation": {"properties": {"n": {"type": "string"}}}},
            "InputInvalid",
        ),
    ],
)
async def test_data_that_does_not_fit_fails_the_step(harness: Harness, more: Step, error: str) -> None:
    outcome = await harness.run(definition(assign("make", **more)), {"n": 1})

    assert outcome.report.error is not None
    assert (outcome.failure, outcome.report.error.type) == ("WorkflowFailed", error)


def test_check_knows_the_fields_of_its_output_and_that_nothing_is_tried_again() -> None:
    made = assign("make", input_mapping={"net": "1"})

    assert codes_of(definition(made, output={"x": "steps.make.output.gross"})) == ["unknown_output_field"]
    assert codes_of(definition({**made, "rollback_actions": ["undo"], "timeout": 3})) == ["meaningless_field"] * 2
