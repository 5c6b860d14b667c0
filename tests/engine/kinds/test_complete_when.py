"""Containers and fan-outs that end early, grow while they run, or are ended from outside."""

from __future__ import annotations

from typing import Any

from advanced_workflow.client.runs import Run
from tests.engine.stage import Stage, act, box, deed, ends, fan, output_of, reaches, says, waits
from tests.harness import Harness, definition, eventually, outcome_of
from tests.patience import TooSlow, given_time

GO = {"wait": {"event": "go", "match": "event == item"}}
TWO_DONE = {"complete_when": "progress.completed >= 2"}


async def test_a_fan_out_that_is_complete_cancels_the_copies_that_run_and_starts_no_other(harness: Harness) -> None:
    stage = Stage({"bad": 1}, "ask[2].work")
    copy = (deed("work"), waits("go", "work", **GO), act("later", "go"))
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                fan("ask", "[0, 1, 2, 3, 4]", *copy, max_concurrency=3, **TWO_DONE),
                deed("after", "ask"),
                act("bad", "after"),
            )
        )
        await reaches(run, "ask[1].go", "waiting")
        await stage.sees("ask[2].work")
        before = await progress_of(run, "ask")
        await run.send_event("go", 1)
        await reaches(run, "ask[3].go", "waiting")
        during = await progress_of(run, "ask")
        await run.send_event("go", 0)
        outcome = await outcome_of(run, state=True)

    assert outcome.failure == "WorkflowFailed", outcome.message
    assert before == {"total": 5, "completed": 0, "failed": 0, "running": 3}
    assert during == {"total": 5, "completed": 1, "failed": 0, "running": 3}
    assert stage.stopped == ["ask[2].work"]
    assert "ask[4].work" not in stage.began
    assert ends(outcome, "ask[2].work", "ask[2].go", "ask[3].go", "ask[3].later") == ["not_needed"] * 4
    output = output_of(outcome, "ask")
    assert (output["successful_steps"], output["skipped_steps"], output["success_rate"]) == (2, 3, 1.0)
    assert stage.undone[0] == "after"
    assert sorted(stage.undone[1:]) == [f"ask[{number}].work" for number in range(4)]
    assert stage.undo_inputs["ask[2].work"]["outcome"] == "unknown"


async def test_a_container_that_is_complete_skips_what_it_does_not_need(harness: Harness) -> None:
    stage = Stage({"all.a": 1}, "all.b", "all.c")
    nested = (act("a"), act("b"), act("c"), act("d"), act("e", "c"), box("inner", act("f"), after=("c",)))
    enough = {"complete_when": "progress.failed + progress.completed == input.enough"}
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                box("all", *nested, max_concurrency=2, **enough), act("after", "all", **says("steps.all.output"))
            ),
            {"enough": 2},
        )
        await stage.sees("all.c")
        stage.held.discard("all.b")
        outcome = await outcome_of(run, state=True)

    assert outcome.failure is None, outcome.message
    assert stage.stopped == ["all.c"]
    assert ends(outcome, *(f"all.{step}" for step in "abcde"), "all.inner") == [
        *("failed", "completed"),
        *["not_needed"] * 4,
    ]
    assert output_of(outcome, "after")["skipped_steps"] == 4
    assert outcome.state is not None
    assert [one.path for one in outcome.state.steps if one.status == "running"] == []


async def test_a_container_is_a_success_once_it_is_complete_however_many_failed(harness: Harness) -> None:
    stage = Stage({"all.a": 1, "all.b": 1})
    strict = {"retry_policy": {"parallel_failure_threshold": 1.0}}
    outcome = await harness.run(
        definition(
            box(
                "all",
                act("a"),
                act("b"),
                waits("go"),
                complete_when="progress.failed == 2 && progress.total == 3",
                **strict,
            ),
            box("broken", act("c"), act("d", "c"), complete_when="steps.c.output > 3", error_handlers=["mend"]),
            act("mend", **says("steps.broken.error")),
            output={"all": "steps.all.output.success_rate", "error": "steps.mend.output"},
        ),
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert outcome.data["all"] == 0.0
    assert "step 'broken', complete_when: " in outcome.data["error"]["message"]
    assert "broken.d" not in stage.began


async def test_events_add_items_as_long_as_a_copy_runs(harness: Harness) -> None:
    stage = Stage(None, "ask[0].work")
    add = {"add_on": {"event": "more", "match": "event != 'other'"}}
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                act("early"),
                fan("ask", "['x']", act("work", **says("item")), after=("early",), max_concurrency=2, **add),
                waits("end", "ask"),
                output={"all": "steps.ask.output.results.map(r, r.steps.work)"},
            )
        )
        await stage.sees("ask[0].work")
        await run.send_event("more", "y", event_id="1")
        await run.send_event("more", "y", event_id="1")
        await run.send_event("more", "other")
        await eventually(lambda: "ask[1].work" in stage.done)
        stage.held.clear()
        await reaches(run, "end", "waiting")
        await run.send_event("more", "late")
        await run.send_event("end")
        outcome = await outcome_of(run, state=True)

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"all": ["x", "y"]}
    assert outcome.state is not None
    assert [one.data for one in outcome.state.unconsumed_events] == ["other", "late"]


async def test_a_fan_out_that_is_being_ended_takes_no_more_items(harness: Harness) -> None:
    stage = Stage(None, "ask[1].work")
    stage.may_stop.clear()
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                fan(
                    "ask", "[0, 1]", act("work", **says("item")), complete_when="progress.completed >= 1", add_on="more"
                ),
                act("after", "ask"),
            )
        )
        await eventually(lambda: stage.stopped)
        await run.send_event("more", 2)
        await reaches(run, "ask", "running")
        stage.may_stop.set()
        outcome = await outcome_of(run, state=True)

    assert outcome.failure is None, outcome.message
    assert sorted(stage.began) == ["after", "ask[0].work", "ask[1].work"]
    assert outcome.state is not None
    assert [one.data for one in outcome.state.unconsumed_events] == [2]


async def test_people_and_events_are_waited_for_in_each_copy(harness: Harness) -> None:
    stage = Stage()
    ask = {
        "step_id": "ask",
        "step_type": "human_approval",
        "approval": {"approvers": [{"expression": "item"}], "prompt": "ok?"},
    }
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                fan(
                    "teams", "['ann', 'bob', 'eve']", ask, waits("go", "ask", **GO), act("send", "ask", **says("item"))
                ),
                output={"sent": "steps.teams.output.results.map(r, r.steps.send)"},
            )
        )
        await run.approve("teams[2].ask", approver="eve")
        await reaches(run, "teams[1].ask", "waiting")
        pending = await run.pending_approvals()
        await run.approve("teams[1].ask", approver="bob")
        await run.skip_step("teams[0].ask", "on holiday", by="op")
        for name in ("bob", "eve", "ann"):
            await run.send_event("go", name)
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert {one.path: one.approvers for one in pending} == {"teams[0].ask": ["ann"], "teams[1].ask": ["bob"]}
    assert outcome.data == {"sent": ["ann", "bob", "eve"]}
    assert ends(outcome, "teams[0].ask") == ["skipped_by_operator"]


async def test_a_paused_run_begins_no_step_of_any_copy(harness: Harness) -> None:
    stage = Stage(None, "ask[0].a", "ask[1].a")
    async with harness.worker(stage.actions):
        run = await harness.start(definition(fan("ask", "[0, 1, 2]", act("a"), act("b", "a"), max_concurrency=2)))
        await stage.sees("ask[0].a", "ask[1].a")
        await run.pause("look", by="op")
        stage.held.clear()
        await reaches(run, "ask[0].a", "completed")
        await reaches(run, "ask[1].a", "completed")
        paused = sorted(stage.began)
        await run.resume("go on", by="op")
        outcome = await outcome_of(run)

    assert paused == ["ask[0].a", "ask[1].a"]
    assert outcome.failure is None, outcome.message
    assert len(stage.done) == 6


async def test_the_runs_timeout_ends_copies_and_undoes_them(harness: Harness) -> None:
    async def once(seconds: float) -> None:
        stage = Stage(None, "ask[1].b")
        outcome = await harness.run(
            definition(fan("ask", "[0, 1]", deed("a"), deed("b", "a")), waits("never"), timeout=seconds),
            actions=stage.actions,
        )

        if "ask[0].b" not in stage.done or "ask[1].b" not in stage.began:
            raise TooSlow
        assert outcome.failure == "WorkflowTimeout"
        assert sorted(stage.undone) == ["ask[0].a", "ask[0].b", "ask[1].a", "ask[1].b"]
        assert stage.undone.index("ask[0].b") < stage.undone.index("ask[0].a")
        assert stage.undo_inputs["ask[1].b"]["outcome"] == "unknown"

    await given_time(once, 2.0)


async def progress_of(run: Run, path: str) -> Any:
    return (await run.state(path)).steps[0].execution_data.get("progress")
