from __future__ import annotations

from typing import Any

import pytest

from activities import context
from tests.engine.stage import Stage, act, box, deed, ends, fan, loop, reaches, says
from tests.harness import Harness, definition, outcome_of


async def test_an_action_loop_sees_its_own_output_and_gives_the_last_one(harness: Harness) -> None:
    keys: list[str] = []

    def count(n: int) -> dict[str, Any]:
        keys.append(context.idempotency_key())
        return {"n": n, "at": context.step_path()}

    outcome = await harness.run(
        definition(
            {
                "step_id": "poll",
                "step_type": "loop",
                "action": "count",
                "loop_condition": "!has(steps.poll.output) || steps.poll.output.n < 30",
                "input_mapping": {"n": "has(steps.poll.output) ? steps.poll.output.n + 10 : iteration + 10"},
                "output_mapping": {"result.at": "workflow.last"},
            },
            output={"poll": "steps.poll.output", "last": "workflow.last"},
        ),
        actions={"count": count},
    )

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"poll": {"n": 30, "at": "poll#2"}, "last": "poll#2"}
    assert keys == [f"{outcome.report.execution_id}:poll#{number}" for number in range(3)]
    history = await outcome.handle.fetch_history()
    started = [event.activity_task_scheduled_event_attributes.activity_id for event in history.events]
    assert [one for one in started if one] == ["poll#0", "poll#1", "poll#2"]


async def test_a_body_sees_its_round_and_the_condition_the_latest_one(harness: Harness) -> None:
    stage = Stage()
    outcome = await harness.run(
        definition(
            loop(
                "again",
                act("a", **says("iteration")),
                act("b", "a", **says("steps.a.output + 10"), output_mapping={"result": "workflow.seen[]"}),
                loop_condition="iteration == 0 || steps.b.output < 12",
            ),
            act("after", "again", **says("steps.b.output")),
            global_variables={"seen": []},
            output={"again": "steps.again.output", "after": "steps.after.output", "seen": "workflow.seen"},
        ),
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert stage.done == [*(f"again#{number}.{step}" for number in range(3) for step in "ab"), "after"]
    assert outcome.data == {"again": {"iterations": 3}, "after": 12, "seen": [10, 11, 12]}


@pytest.mark.parametrize(("check", "rounds"), [("before", 0), ("after", 1)])
async def test_the_condition_is_looked_at_before_or_after_each_round(harness: Harness, check: str, rounds: int) -> None:
    stage = Stage()
    outcome = await harness.run(
        definition(
            loop("again", act("a"), rounds=0, loop_check=check),
            loop("poll", rounds=0, loop_check=check, **says("'x'")),
            output={"again": "steps.again.output", "poll": "steps.poll.output"},
        ),
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert sorted(stage.done) == ["again#0.a", "poll#0"] * rounds
    assert outcome.data == {"again": {"iterations": rounds}, "poll": "x" if rounds else None}


@pytest.mark.parametrize("check", ["before", "after"])
async def test_the_limit_is_exact_and_what_was_done_until_then_is_undone(harness: Harness, check: str) -> None:
    stage = Stage()
    outcome = await harness.run(
        definition(
            loop("enough", deed("a"), rounds=3, loop_check=check, loop_max_iterations=3),
            loop("endless", after=("enough",), rounds=9, loop_check=check, loop_max_iterations=2)
            | {"rollback_actions": ["undo"], "error_handlers": [{"handler": "other", "on": ["Broken"]}]},
            act("other"),
        ),
        actions=stage.actions,
    )

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert (outcome.report.error.type, outcome.report.error.path) == ("LoopLimitExceeded", "endless")
    assert "ran 2 rounds" in outcome.message
    assert stage.done == ["enough#0.a", "enough#1.a", "enough#2.a", "endless#0", "endless#1"]
    assert stage.undone == stage.done[::-1]


async def test_a_failed_round_fails_the_loop_with_its_steps_error_and_handlers_are_chosen_by_it(
    harness: Harness,
) -> None:
    stage = Stage({"again#1.a": 1})
    outcome = await harness.run(
        definition(
            loop("again", deed("a"), act("b", "a"), rounds=5)
            | {"error_handlers": [{"handler": "wrong", "on": ["Other"]}, {"handler": "right", "on": ["Broken"]}]},
            act("wrong"),
            act("right", **says("steps.again.error")),
            act("after", "again", **says("steps.again.status")),
            output={"error": "steps.right.output", "after": "steps.after.output", "a": "steps.a.status"},
        ),
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert stage.done == ["again#0.a", "again#0.b", "right", "after"]
    error = {"type": "Broken", "message": "no", "details": {"round": 1, "step": "again#1.a"}}
    assert outcome.data == {"error": error, "after": "completed", "a": "failed"}
    assert ends(outcome, "wrong", "again#1.b") == ["not_routed", "dependency_failed"]
    assert outcome.report.steps["again"]["recovered"] is True


async def test_a_step_that_may_fail_does_not_fail_its_round_nor_do_its_handlers(harness: Harness) -> None:
    lenient = {"retry_policy": {"continue_on_failure": True}, "error_handlers": ["mend"]}
    stage = Stage({"again#0.a": 1, "again#0.mend": 1, "again#1.a": 1})
    outcome = await harness.run(
        definition(loop("again", act("a", **lenient), act("mend"), act("b"), rounds=3)), actions=stage.actions
    )

    assert outcome.failure is None, outcome.message
    assert sorted(stage.done) == ["again#0.b", "again#1.b", "again#1.mend", "again#2.a", "again#2.b"]
    paths = [f"again#{number}.{step}" for number in range(3) for step in ("a", "mend")]
    assert ends(outcome, *paths) == ["failed", "failed", "completed", "completed", "completed", "not_routed"]


async def test_a_handler_of_two_steps_runs_for_each_of_them_in_each_round(harness: Harness) -> None:
    stage = Stage({"again#0.a": 1, "again#0.b": 1, "again#1.b": 1, "bad": 1})
    shared = {"error_handlers": ["mend"]}
    outcome = await harness.run(
        definition(loop("again", act("a", **shared), act("b", "a", **shared), deed("mend")), act("bad", "again")),
        actions=stage.actions,
    )

    assert outcome.failure == "WorkflowFailed"
    assert stage.done == ["again#0.a!mend", "again#0.b!mend", "again#1.a", "again#1.b!mend"]
    assert stage.undone == ["again#1.b!mend", "again#0.b!mend", "again#0.a!mend"]
    assert ends(outcome, "again#0.mend", "again#1.mend", "again#0.a") == ["completed"] * 3


async def test_loops_and_fan_outs_nest_and_each_place_sees_what_is_around_it(harness: Harness) -> None:
    stage = Stage()
    inner = act("deep", **says("[input.base, workflow.base, item, index, iteration, steps.top.output]"))
    rows = fan("rows", "steps.top.output", loop("inner", inner))
    outcome = await harness.run(
        definition(
            loop(
                "outer", act("top", **says("[iteration * 10, iteration * 10 + 1]")), {**rows, "dependencies": ["top"]}
            ),
            act("after", "outer", **says("steps.rows.output.results.map(r, r.index)")),
            global_variables={"base": "w"},
            output={"after": "steps.after.output", "top": "steps.top.output"},
        ),
        {"base": "i"},
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"after": [0, 1], "top": [10, 11]}
    places = [f"outer#{a}.rows[{b}].inner#{c}.deep" for a in range(2) for b in range(2) for c in range(2)]
    assert sorted(stage.done) == sorted(["outer#0.top", "outer#1.top", "after", *places])
    state = outcome.state
    assert state is not None
    seen = {one.path: one.execution_data.get("output") for one in state.steps if one.step_id == "deep"}
    assert seen["outer#1.rows[0].inner#1.deep"] == ["i", "w", 10, 0, 1, [10, 11]]
    assert sorted(seen) == places


async def test_thirty_two_levels_run_and_are_undone(harness: Harness) -> None:
    stage, level, path = Stage({"bad": 1}), deed("deep"), "deep"
    for number in range(30, -1, -1):
        name = f"l{number}"
        level = (loop(name, level, rounds=1), fan(name, "['x']", level), box(name, level))[number % 3]
        path = f"{name}{('#0', '[0]', '')[number % 3]}.{path}"
    outcome = await harness.run(definition(level, act("bad", "l0")), actions=stage.actions)

    assert outcome.failure == "WorkflowFailed", outcome.message
    assert stage.done == [path]
    assert stage.undone == [path]


async def test_undoing_goes_backwards_over_rounds_and_sees_what_they_saw(harness: Harness) -> None:
    stage = Stage({"bad": 1})
    mapping = {"rollback_mapping": {"round": "iteration", "item": "item", "gave": "result", "a": "steps.a.output"}}
    outcome = await harness.run(
        definition(
            fan(
                "rows",
                "input.rows",
                loop("again", deed("a", **says("item + string(iteration)")), deed("b", "a", **says("1"), **mapping)),
            ),
            act("bad", "rows"),
        ),
        {"rows": ["x", "y"]},
        actions=stage.actions,
    )

    assert outcome.failure == "WorkflowFailed"
    for row in range(2):
        mine = [path for path in stage.undone if path.startswith(f"rows[{row}]")]
        assert mine == [f"rows[{row}].again#{number}.{step}" for number in (1, 0) for step in "ba"]
    assert stage.undo_inputs["rows[1].again#0.b"] == {"round": 0, "item": "y", "gave": 1, "a": "y0"}
    assert stage.undo_inputs["rows[0].again#1.b"] == {"round": 1, "item": "x", "gave": 1, "a": "x1"}


async def test_a_rollback_step_in_a_round_undoes_only_its_own_round(harness: Harness) -> None:
    stage = Stage({"bad": 1})
    back = {"step_id": "back", "step_type": "rollback", "rollback_to": "a", "dependencies": ["c"]}
    outcome = await harness.run(
        definition(
            deed("first"),
            loop("again", deed("a"), box("inner", deed("b"), after=("a",)), deed("c", "inner"), back, after=("first",)),
            deed("last", "again"),
            act("bad", "last"),
        ),
        actions=stage.actions,
    )

    assert outcome.failure == "WorkflowFailed"
    within = ["again#0.c", "again#0.inner.b", "again#1.c", "again#1.inner.b"]
    assert stage.undone == [*within, "last", "again#1.a", "again#0.a", "first"]


async def test_a_retried_action_loop_repeats_the_failed_round_and_still_sees_the_one_before(harness: Harness) -> None:
    stage = Stage({"poll#2": 1, "bad": 1})
    counts = says("has(steps.poll.output) ? steps.poll.output + 1 : 0")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                loop("poll", rounds=4, rollback_actions=["undo"], **counts),
                act("bad", "poll"),
                output={"n": "steps.poll.output"},
                on_failure="pause",
            )
        )
        await reaches(run, "poll", "failed")
        await run.retry_step("poll", "mended", by="op")
        await reaches(run, "bad", "failed")
        state = await run.state("poll")
        await run.cancel()
        outcome = await outcome_of(run)

    assert stage.began == ["poll#0", "poll#1", "poll#2", "poll#2", "poll#3", "bad"]
    assert state.steps[0].execution_data == {"output": 3, "iterations": 4}
    assert outcome.failure == "Cancelled"
    assert stage.undone == ["poll#3", "poll#2", "poll#1", "poll#0"]


async def test_a_retried_loop_repeats_of_the_failed_round_what_did_not_complete(harness: Harness) -> None:
    stage = Stage({"again#1.b": 1, "again#1.rows[1].r": 1, "again#1.inner#1.i": 1})
    strict = {"retry_policy": {"parallel_failure_threshold": 1.0}}
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                loop(
                    "again",
                    act("a"),
                    act("b", "a"),
                    fan("rows", "['x', 'y']", act("r"), **strict),
                    loop("inner", act("i")),
                    act("c", "b", "rows", "inner"),
                ),
                on_failure="pause",
            )
        )
        await reaches(run, "again", "failed")
        held = await run.progress()
        await run.retry_step("again", "mended", by="op")
        outcome = await outcome_of(run)
        progress = await run.progress()

    assert outcome.failure is None, outcome.message
    paths = ["a", "b", "c", "rows[0].r", "rows[1].r", "inner#0.i", "inner#1.i"]
    everything = [f"again#{number}.{path}" for number in range(2) for path in paths]
    assert sorted(stage.done) == sorted(everything)
    assert held.waiting_for == ["again: an operator: retry_step or skip_step"]
    assert (progress.total, progress.completed) == (19, 19)


async def test_a_cancelled_run_ends_the_round_under_way_and_undoes_every_one(harness: Harness) -> None:
    stage = Stage(None, "again#2.b", "poll#0")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                loop("again", deed("a"), deed("b", "a"), act("c", "b"), rounds=5),
                loop("poll", rollback_actions=["undo"]),
            )
        )
        await stage.sees("again#2.b", "poll#0")
        await run.cancel()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"
    assert sorted(stage.stopped) == ["again#2.b", "poll#0"]
    rounds = [path for path in stage.undone if path != "poll#0"]
    assert rounds == [f"again#{number}.{step}" for number in (2, 1, 0) for step in "ba"]
    assert stage.undo_inputs["poll#0"]["outcome"] == "unknown"


async def test_records_of_old_rounds_are_let_go_and_the_counts_stay_right(harness: Harness) -> None:
    at_once = {"step_id": "now", "step_type": "wait", "wait": {"until": "run.started_at"}}
    never = act("never", conditions=["false"])
    async with harness.worker():
        run = await harness.start(definition(loop("again", at_once, never, rounds=400, loop_max_iterations=400)))
        outcome = await outcome_of(run)
        progress = await run.progress()

    assert outcome.failure is None, outcome.message
    assert outcome.state is not None
    paths = [one.path for one in outcome.state.steps if one.path != "again"]
    assert len(paths) == 502
    assert {path.partition(".")[0] for path in paths} == {f"again#{number}" for number in range(149, 400)}
    assert outcome.report.steps_left_out == 801 - 503
    assert (progress.total, progress.completed, progress.skipped, progress.pending) == (801, 401, 400, 0)
