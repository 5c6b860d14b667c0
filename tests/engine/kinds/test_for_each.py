from __future__ import annotations

import asyncio

import pytest

from tests.engine.stage import Stage, act, box, deed, ends, fan, loop, output_of, reaches, says
from tests.harness import Harness, definition, eventually, outcome_of
from tests.patience import PATIENCE_SECONDS

STRICT = {"retry_policy": {"parallel_failure_threshold": 1.0}}


async def test_each_item_has_its_copy_and_the_results_come_in_the_order_of_the_items(harness: Harness) -> None:
    stage = Stage()
    outcome = await harness.run(
        definition(
            fan(
                "ship",
                "input.orders",
                act("label", **says("[item.id, index]")),
                act("send", "label", **says("steps.label.output[0] + '!'"), conditions=["index != 1"]),
                max_concurrency=2,
                output_mapping={"result.total_steps": "workflow.total"},
            ),
            act("after", "ship", **says("steps.ship.output")),
            output={"after": "steps.after.output", "total": "workflow.total"},
        ),
        {"orders": [{"id": "x"}, {"id": "y"}, {"id": "z"}]},
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    labels = [{"label": [order, number]} for number, order in enumerate("xyz")]
    assert outcome.data == {
        "total": 3,
        "after": {
            "total_steps": 3,
            "successful_steps": 3,
            "failed_steps": 0,
            "skipped_steps": 0,
            "success_rate": 1.0,
            "results": [
                {"index": 0, "steps": {**labels[0], "send": "x!"}},
                {"index": 1, "steps": labels[1]},
                {"index": 2, "steps": {**labels[2], "send": "z!"}},
            ],
            "failures": [],
        },
    }
    assert sorted(stage.done) == sorted(
        ["after", "ship[0].label", "ship[0].send", "ship[1].label", "ship[2].label", "ship[2].send"]
    )
    assert stage.most_at_once <= 2
    assert ends(outcome, "ship[1].send") == ["condition_false"]


@pytest.mark.parametrize(("items", "says_why"), [("[]", None), ("input.text", "a list"), ("input.none", "none")])
async def test_no_items_are_a_success_and_no_list_a_failure(harness: Harness, items: str, says_why: str | None) -> None:
    outcome = await harness.run(
        definition(fan("ship", items, act("label")), output={"ship": "steps.ship.output.success_rate"}),
        {"text": "x"},
        actions=Stage().actions,
    )

    if says_why is None:
        assert outcome.data == {"ship": 1.0}
    else:
        assert outcome.failure == "WorkflowFailed"
        assert says_why in outcome.message


async def test_half_of_the_copies_is_enough_and_the_output_says_why_the_others_failed(harness: Harness) -> None:
    stage = Stage({"ship[1].send": 1, "bad": 1})
    outcome = await harness.run(
        definition(
            fan("ship", "['x', 'y']", deed("label"), deed("send", "label", **says("item"))),
            act("bad", "ship", **says("steps.ship.output")),
        ),
        actions=stage.actions,
        state=True,
    )

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert outcome.report.error.step_id == "bad"
    output = output_of(outcome, "ship")
    assert output["results"] == [{"index": 0, "steps": {"label": None, "send": "x"}}]
    assert [(one["index"], one["step_id"], one["error"]["type"]) for one in output["failures"]] == [
        (1, "send", "Broken")
    ]
    assert (output["success_rate"], output["failed_steps"], output["total_steps"]) == (0.5, 1, 2)
    assert outcome.state is not None
    (ship,) = (one for one in outcome.state.steps if one.path == "ship")
    assert ship.execution_data["failed_copies"] == [{"index": 1, "step_id": "send", "error": "Broken: no"}]
    assert sorted(stage.undone) == ["ship[0].label", "ship[0].send", "ship[1].label"]


async def test_below_the_threshold_the_fan_out_fails_and_may_be_recovered(harness: Harness) -> None:
    stage = Stage({"ship[0].label": 1, "ship[2].label": 1})
    outcome = await harness.run(
        definition(
            fan("ship", "[1, 2, 3]", act("label"), error_handlers=[{"handler": "mend", "on": ["ParallelFailed"]}]),
            act("mend", **says("steps.ship.error")),
            act("after", "ship"),
            output={"error": "steps.mend.output"},
        ),
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert (
        "1 of 3 copies succeeded and a rate of 0.5 is needed; failed: [0] (Broken), [2] (Broken)."
        in outcome.data["error"]["message"]
    )
    assert outcome.data["error"]["details"]["failed_steps"] == 2
    assert stage.done == ["ship[1].label", "mend", "after"]


async def test_a_copy_fails_only_with_a_step_that_nothing_recovers(harness: Harness) -> None:
    stage = Stage(
        {f"ship[{number}].{step}": 1 for number, step in ((0, "a"), (0, "b"), (1, "a"), (1, "a!mend"), (3, "c"))}
    )
    stage.fails |= {"ship[2].d": 1, "ship[2].late": 1}
    shared = {"error_handlers": ["mend"]}
    lenient = {"retry_policy": {"continue_on_failure": True}, "error_handlers": ["late"]}
    outcome = await harness.run(
        definition(
            fan(
                "ship",
                "[0, 1, 2, 3]",
                act("a", **shared),
                act("b", **shared),
                act("mend", **says("[index, steps.b.status]")),
                act("c", "a", "b"),
                act("d", **lenient),
                act("late"),
            ),
            output={"ship": "steps.ship.output"},
        ),
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    failures = [(one["index"], one["step_id"]) for one in outcome.data["ship"]["failures"]]
    assert failures == [(1, "a"), (3, "c")]
    assert {"ship[0].a!mend", "ship[0].b!mend", "ship[0].c", "ship[2].c"} <= set(stage.done)
    assert ends(outcome, "ship[0].a", "ship[1].c", "ship[1].mend", "ship[2].d", "ship[2].late", "ship[2].mend") == [
        *("completed", "dependency_failed", "failed"),
        *("failed", "failed", "not_routed"),
    ]


async def test_fan_outs_nest_and_routes_are_chosen_in_each_copy(harness: Harness) -> None:
    stage = Stage()
    which = {
        "step_id": "which",
        "step_type": "conditional",
        "conditions": [
            {"expression": "item % 2 == 0", "next_steps": ["even"]},
            {"default": True, "next_steps": ["odd"]},
        ],
    }
    outcome = await harness.run(
        definition(
            fan(
                "rows",
                "input.rows",
                fan(
                    "cells",
                    "item",
                    which,
                    act("even"),
                    act("odd"),
                    act("sum", "even", "odd", **says("item * 10 + index")),
                ),
            ),
            output={"rows": "steps.rows.output.results.map(r, r.steps.cells.results.map(c, c.steps.sum))"},
        ),
        {"rows": [[2, 3], [], [5]]},
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"rows": [[20, 31], [], [50]]}
    ran = [path for path in stage.done if not path.endswith("sum")]
    assert sorted(ran) == ["rows[0].cells[0].even", "rows[0].cells[1].odd", "rows[2].cells[0].odd"]


async def test_a_rollback_step_in_a_copy_undoes_only_that_copys_steps(harness: Harness) -> None:
    stage = Stage({"bad": 1})
    back = {
        "step_id": "back",
        "step_type": "rollback",
        "rollback_to": "a",
        "dependencies": ["b"],
        "conditions": ["index == 1"],
    }
    outcome = await harness.run(
        definition(
            fan(
                "ship",
                "[0, 1, 2]",
                deed("a"),
                loop("inner", deed("b"), after=("a",)),
                {**back, "dependencies": ["inner"]},
            ),
            act("bad", "ship"),
        ),
        actions=stage.actions,
    )

    assert outcome.failure == "WorkflowFailed"
    assert stage.undone[:2] == ["ship[1].inner#1.b", "ship[1].inner#0.b"]
    assert sorted(stage.undone[2:]) == sorted(
        ["ship[1].a", *(f"ship[{number}].{step}" for number in (0, 2) for step in ("a", "inner#0.b", "inner#1.b"))]
    )


async def test_only_copies_that_failed_or_were_cut_off_run_again(harness: Harness) -> None:
    stage = Stage({"ship[2].label": 1, "bad": 1}, "ship[0].send", "ship[2].label")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                fan("ship", "['x', 'y', 'z']", deed("label", **says("item")), act("send", "label"), **STRICT),
                act("bad", "ship"),
                output={"labels": "steps.ship.output.results.map(r, r.steps.label)"},
                on_failure="pause",
            )
        )
        await stage.sees("ship[0].send", "ship[2].label")
        await reaches(run, "ship[1].send", "completed")
        stage.held.discard("ship[2].label")
        await reaches(run, "ship", "failed")
        stage.held.clear()
        await run.retry_step("ship", "mended", by="op")
        await reaches(run, "bad", "failed")
        await run.retry_step("bad", "mended", by="op")
        outcome, progress = await outcome_of(run), await run.progress()

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"labels": ["x", "y", "z"]}
    began = {path: stage.began.count(path) for path in stage.began}
    assert began == {
        **{"ship[0].label": 1, "ship[0].send": 2, "ship[1].label": 1, "ship[1].send": 1},
        **{"ship[2].label": 2, "ship[2].send": 1, "bad": 2},
    }
    assert (progress.total, progress.completed) == (8, 8)


async def test_retrying_a_container_goes_on_in_the_repeating_steps_inside(harness: Harness) -> None:
    places = ["all.ship[1].label", "all.again#1.b", "all.inner.x"]
    stage = Stage(dict.fromkeys(places, 1))
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                box(
                    "all",
                    fan("ship", "['x', 'y']", act("label"), **STRICT),
                    loop("again", act("a"), act("b", "a")),
                    box("inner", act("x"), act("y"), **STRICT),
                    **STRICT,
                ),
                on_failure="pause",
            )
        )
        await reaches(run, "all", "failed")
        stage.fails.clear()
        await run.retry_step("all", "mended", by="op")
        outcome, progress = await outcome_of(run), await run.progress()

    assert outcome.failure is None, outcome.message
    places = [
        "ship[0].label",
        "ship[1].label",
        "again#0.a",
        "again#0.b",
        "again#1.a",
        "again#1.b",
        "inner.x",
        "inner.y",
    ]
    assert sorted(stage.done) == sorted(f"all.{place}" for place in places)
    assert (progress.total, progress.completed) == (12, 12)


async def test_copies_that_run_again_keep_their_records_however_many_have_ended(harness: Harness) -> None:
    stage = Stage({"ship[0].a": 1, "ship[1].a": 1}, "ship[0].a", "ship[1].a")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                fan(
                    "ship",
                    "input.items",
                    act("a", conditions=["index < 2"]),
                    act("b", "a"),
                    max_concurrency=2,
                    **STRICT,
                ),
                on_failure="pause",
            ),
            {"items": [None] * 250},
        )
        await stage.sees("ship[0].a", "ship[1].a")
        stage.held.discard("ship[1].a")
        await reaches(run, "ship", "failed")
        stage.fails.clear()
        await run.retry_step("ship", "mended", by="op")
        await eventually(lambda: "ship[1].b" in stage.done)
        stage.held.clear()
        outcome = await asyncio.wait_for(outcome_of(run), PATIENCE_SECONDS)
        progress = await run.progress()

    assert outcome.failure is None, outcome.message
    assert ends(outcome, "ship[0].a", "ship[0].b") == ["completed", "completed"]
    assert (progress.total, progress.completed, progress.skipped) == (501, 5, 496)
