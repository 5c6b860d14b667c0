from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.activities.action import context
from tests.engine.stage import Stage, act, box, deed, ends, fan, loop, output_of, says
from tests.harness import Harness, definition


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
        state=True,
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


async def test_a_step_no_round_came_to_yet_is_pending_for_those_who_look(harness: Harness) -> None:
    stage = Stage({"rows[1].again#0.a": 1})
    lenient = {"retry_policy": {"continue_on_failure": True}}
    copy = (
        act("first", **says("[steps.a.status, steps.deep.status, steps.last.status]")),
        loop(
            "again",
            act("a", **lenient),
            box("in", act("deep")),
            after=("first",),
            loop_condition="steps.a.status != 'completed'",
        ),
        act("last", "again"),
    )
    outcome = await harness.run(
        definition(fan("rows", "[0, 1]", *copy), output={"rows": "steps.rows.output.results"}), actions=stage.actions
    )

    assert outcome.failure is None, outcome.message
    assert [one["steps"]["first"] for one in outcome.data["rows"]] == [["pending"] * 3] * 2
    assert [one["steps"]["again"] for one in outcome.data["rows"]] == [{"iterations": 1}, {"iterations": 2}]


async def test_what_is_inside_a_handler_of_two_steps_is_seen_as_it_ran_last(harness: Harness) -> None:
    stage = Stage({"a": 1, "b": 1})
    shared = {"error_handlers": ["mend"]}
    outcome = await harness.run(
        definition(
            act("a", **shared),
            act("b", "a", **shared),
            box("mend", loop("again", act("x", **says("steps.b.status + string(iteration)")))),
            act("after", "b", "mend", **says("steps.x.output")),
        ),
        actions=stage.actions,
        state=True,
    )

    assert outcome.failure is None, outcome.message
    assert output_of(outcome, "after") == "failed1"
    assert stage.done[0] == "a!mend.again#0.x"
