from __future__ import annotations

import pytest

from tests.engine.stage import Stage, act, box, deed, ends, fan, loop, output_of, reaches, says, waits
from tests.harness import Harness, definition, outcome_of

RACE = {"join": "any", "cancel_rest": True}
LENIENT = {"retry_policy": {"continue_on_failure": True}}


async def test_the_first_of_a_race_goes_on_and_the_losers_are_undone_with_the_rest(harness: Harness) -> None:
    stage = Stage({"bad": 1}, "slow", "all.deep")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                waits("x"),
                waits("y"),
                deed("slow"),
                box("all", deed("quick"), deed("deep"), act("later", "deep")),
                deed(
                    "won",
                    "x",
                    "y",
                    "slow",
                    "all",
                    **RACE,
                    **says("[steps.x.status, steps.y.status, steps.slow.status]"),
                ),
                act("after", "won", **says("[steps.x.status, steps.y.output, steps.deep.status]")),
                act("bad", "after"),
            )
        )
        await stage.sees("slow", "all.deep", "all.quick")
        await reaches(run, "all.quick", "completed")
        await run.send_event("y", 7)
        outcome = await outcome_of(run, state=True)

    assert outcome.failure == "WorkflowFailed"
    assert output_of(outcome, "won") == ["skipped", "completed", "running"]
    assert output_of(outcome, "after")[:2] == ["skipped", 7]
    assert ends(outcome, "x", "slow", "all", "all.deep", "all.later") == ["not_needed"] * 5
    assert sorted(stage.stopped) == ["all.deep", "slow"]
    assert stage.undone[0] == "won"
    assert sorted(stage.undone[1:]) == ["all.deep", "all.quick", "slow"]
    assert (stage.undo_inputs["slow"]["outcome"], stage.undo_inputs["all.quick"]["outcome"]) == ("unknown", "completed")


async def test_a_join_without_cancel_rest_leaves_the_others_running(harness: Harness) -> None:
    stage = Stage(None, "c")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(act("a"), act("b"), act("c"), act("two", "a", "b", "c", join=2), act("end", "two", "c"))
        )
        await reaches(run, "two", "completed")
        state = await run.state("c")
        stage.held.clear()
        outcome = await outcome_of(run)

    assert state.steps[0].status == "running"
    assert outcome.failure is None, outcome.message
    assert ends(outcome, "c", "end") == ["completed", "completed"]


async def test_a_join_that_can_no_longer_be_met_is_skipped(harness: Harness) -> None:
    stage = Stage({"a": 1, "b": 1})
    outcome = await harness.run(
        definition(
            act("a", **LENIENT),
            act("b", **LENIENT),
            act("c"),
            act("d", conditions=["false"]),
            act("any", "a", "c", join="any"),
            act("two", "a", "b", "c", join=2),
            act("none", "a", "b", join="any"),
            act("false", "c", "d", join=2),
        ),
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert ends(outcome, "any", "two", "none", "false") == [
        "completed",
        "dependency_failed",
        "dependency_failed",
        "not_routed",
    ]


async def test_an_expression_sees_every_status_whenever_a_dependency_settles(harness: Harness) -> None:
    stage = Stage({"bad": 1}, "slow")
    skipped_and_done = "steps.behind.status == 'skipped' && steps.a.status == 'completed'"
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                act("a"),
                act("bad", "a", **LENIENT),
                act("behind", "bad"),
                act("slow"),
                act("noticed", "a", "behind", join=skipped_and_done),
                act("counted", "a", "slow", "behind", join="input.needed - 1"),
                act("waited", "a", "slow", join="steps.slow.status == 'completed' && has(steps.slow.output)"),
            ),
            {"needed": 2},
        )
        await reaches(run, "noticed", "completed")
        await reaches(run, "counted", "completed")
        state = await run.state("waited")
        stage.held.clear()
        outcome = await outcome_of(run)

    assert state.steps[0].status == "pending"
    assert outcome.failure is None, outcome.message
    assert ends(outcome, "behind", "waited") == ["dependency_failed", "completed"]


@pytest.mark.parametrize(
    ("join", "says_why"),
    [("steps.a.output.n > 1", "step 'j', join: "), ("steps.a.output", "must give a number, or a bool")],
)
async def test_a_join_that_cannot_be_evaluated_fails_its_step_with_the_reason(
    harness: Harness, join: str, says_why: str
) -> None:
    outcome = await harness.run(
        definition(act("a", **says("'text'")), act("b"), act("j", "a", "b", join=join)), actions=Stage().actions
    )

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert outcome.report.error.step_id == "j"
    assert says_why in outcome.message


async def test_the_rest_is_cancelled_with_what_leads_only_to_it(harness: Harness) -> None:
    stage = Stage(None, "deep", "shared")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                act("deep"),
                act("middle", "deep"),
                act("shared"),
                act("long", "middle", "shared"),
                waits("go"),
                act("j", "long", "go", **RACE),
                act("other", "shared"),
            )
        )
        await stage.sees("deep", "shared")
        await run.send_event("go")
        await reaches(run, "j", "completed")
        stage.held.discard("shared")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert stage.stopped == ["deep"]
    assert ends(outcome, "deep", "middle", "long", "shared", "other") == ["not_needed"] * 3 + ["completed"] * 2


async def test_races_are_run_anew_in_each_round_and_copy(harness: Harness) -> None:
    stage = Stage(None, *(f"again#{number}.rows[{row}].b" for number in range(2) for row in range(2)))
    copy = (act("a"), act("b"), act("won", "a", "b", **RACE, **says("steps.b.status")))
    outcome = await harness.run(
        definition(
            loop("again", fan("rows", "[0, 1]", *copy)),
            output={"rows": "steps.rows.output.results.map(r, r.steps)"},
        ),
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"rows": [{"a": None, "won": "running"}] * 2}
    assert ends(outcome, "again#0.rows[0].b", "again#1.rows[1].b") == ["not_needed", "not_needed"]
    assert len(stage.stopped) == 4


@pytest.mark.parametrize("most", [1, 2, 3])
async def test_a_race_in_a_container_that_runs_few_steps_at_a_time(harness: Harness, most: int) -> None:
    stage = Stage(None, "all.c")
    outcome = await harness.run(
        definition(
            box(
                "all",
                act("a"),
                act("b"),
                act("c"),
                act("j", "a", "b", "c", join=2, cancel_rest=True),
                max_concurrency=most,
            ),
            act("after", "all", **says("steps.all.output.skipped_steps")),
            output={"skipped": "steps.after.output"},
        ),
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert ends(outcome, "all.a", "all.b", "all.c", "all.j") == ["completed", "completed", "not_needed", "completed"]
    assert outcome.data == {"skipped": 1}


async def test_a_route_may_race_with_others(harness: Harness) -> None:
    stage = Stage(None, "b")
    which = {
        "step_id": "which",
        "step_type": "conditional",
        "mode": "all",
        "conditions": [
            {"expression": "true", "next_steps": ["a", "b"]},
            {"expression": "false", "next_steps": ["c"]},
            {"expression": "input.x > 1", "next_steps": ["d"]},
            {"default": True, "next_steps": ["e"]},
        ],
    }
    outcome = await harness.run(
        definition(which, *(act(step) for step in "abcde"), act("j", "a", "b", "c", **RACE)),
        {"x": 2},
        actions=stage.actions,
        state=True,
    )

    assert outcome.failure is None, outcome.message
    assert output_of(outcome, "which") == {"routed": ["a", "b", "d"]}
    assert ends(outcome, *"abcdej") == ["completed", "not_needed", "not_routed", "completed", "not_routed", "completed"]
