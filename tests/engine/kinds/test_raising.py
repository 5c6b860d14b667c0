"""`raise`: a failure of the author's own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.stage import Stage, Step, act, box, deed
from tests.harness import Harness, definition
from tests.unit.checking import codes_of

SOLD_OUT = {"type": "OutOfStock", "message": "'no ' + input.sku + ' left'", "details": {"sku": "input.sku", "left": 0}}


def fails(step_id: str, *after: str, **more: object) -> Step:
    return {"step_id": step_id, "step_type": "raise", "dependencies": list(after), "error": SOLD_OUT, **more}


async def test_the_run_fails_with_it_and_what_was_done_is_undone(harness: Harness) -> None:
    stage = Stage()
    steps = (deed("pay"), fails("stop", "pay", conditions=["input.sku == 'pen'"]), act("ship", "pay", "stop"))
    outcome = await harness.run(definition(*steps), {"sku": "pen"}, actions=stage.actions)

    assert outcome.failure == "WorkflowFailed"
    error = outcome.report.error
    assert error is not None
    assert (error.type, error.message, error.path) == ("OutOfStock", "no pen left", "stop")
    assert error.details == {"sku": "pen", "left": 0}
    assert (stage.done, stage.undone) == (["pay"], ["pay"])


async def test_where_its_condition_does_not_hold_nothing_fails(harness: Harness) -> None:
    stage = Stage()
    steps = (deed("pay"), fails("stop", "pay", conditions=["input.sku == 'pen'"]), act("ship", "pay", "stop"))
    outcome = await harness.run(definition(*steps), {"sku": "ink"}, actions=stage.actions)

    assert (outcome.failure, stage.done) == (None, ["pay", "ship"])


async def test_error_handlers_choose_by_its_type(harness: Harness) -> None:
    handlers = [{"handler": "order_more", "on": ["OutOfStock"]}, {"handler": "other", "on": ["Timeout"]}]
    read = {"input_mapping": {"value": "steps.stop.error.details.sku"}}
    stage = Stage()
    steps = (fails("stop", error_handlers=handlers), act("order_more", **read), act("other"), act("after", "stop"))
    outcome = await harness.run(definition(*steps), {"sku": "pen"}, actions=stage.actions)

    assert (outcome.failure, stage.done) == (None, ["order_more", "after"])


async def test_it_fails_the_container_it_is_in(harness: Harness) -> None:
    policy = {"parallel_failure_threshold": 1.0}
    outcome = await harness.run(definition(box("all", fails("stop"), retry_policy=policy)), {"sku": "pen"})

    step: Any = outcome.report.steps["all.stop"]
    assert (outcome.failure, step["error"]["type"]) == ("WorkflowFailed", "OutOfStock")


async def test_a_message_that_is_no_text_is_a_failure_that_says_so(harness: Harness) -> None:
    error = {"type": "OutOfStock", "message": "input.sku"}
    outcome = await harness.run(definition(fails("stop", error=error)), {"sku": 3})

    assert outcome.report.error is not None
    assert outcome.report.error.type == "DataInvalid"
    assert "step 'stop', error: 'message' must give text." in outcome.report.error.message


@pytest.mark.parametrize(
    ("steps", "codes"),
    [
        ([fails("stop")], []),
        ([{"step_id": "stop", "step_type": "raise"}], ["missing_field"]),
        ([fails("stop", error={"type": "Timeout", "message": "'x'"})], ["reserved_name"]),
        ([fails("stop", error={"type": "Mine", "message": "sold out"})], ["bad_expression"]),
        ([fails("stop", retry_policy={"max_attempts": 2})], ["meaningless_field"]),
        ([fails("stop"), act("after", "stop")], ["unreachable_step"]),
        ([fails("stop", error_handlers=["mend"]), act("mend"), act("after", "stop")], []),
        ([act("read"), fails("stop", "read"), act("after", "stop", "read")], []),
    ],
)
def test_check(steps: list[Step], codes: list[str]) -> None:
    assert codes_of(definition(*steps)) == codes
