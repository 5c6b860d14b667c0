from __future__ import annotations

from typing import Any

import pytest

from tests.engine.stage import Stage, Step, act, box, deed, ends, fan, loop, output_of, reaches, says, waits
from tests.harness import Harness, definition, outcome_of

ASK: Step = {"step_id": "ask", "step_type": "human_approval"}


def stop(outcome: str) -> dict[str, Any]:
    return {"cancel_on": {"event": "stop", "outcome": outcome}}


@pytest.mark.parametrize(
    ("outcome", "end", "after"),
    [
        ("skip", "cancelled_by_event", "not_routed"),
        ("complete", "completed", "completed"),
        ("fail", "failed", "dependency_failed"),
    ],
)
async def test_the_event_ends_whatever_runs_and_says_how_it_counts(
    harness: Harness, outcome: str, end: str, after: str
) -> None:
    held = ("one", "two.deep", "again#1.deeper", "poll#1", "rows[0].deepest")
    stage = Stage(None, *held)
    listening = {**stop(outcome), "retry_policy": {"continue_on_failure": True}}
    steps = [
        deed("one", **listening),
        box("two", act("quick"), act("deep"), act("never", "deep"), **listening),
        loop("again", act("deeper"), **listening),
        loop("poll", **listening, **says("iteration")),
        fan("rows", "[0, 1]", act("deepest"), **listening),
        {**ASK, **listening},
        waits("event", **listening),
    ]
    names = [str(step["step_id"]) for step in steps]
    async with harness.worker(stage.actions):
        run = await harness.start(definition(*steps, *(act(f"after_{name}", name) for name in names)))
        await stage.sees(*held)
        await reaches(run, "two.quick", "completed")
        await reaches(run, "rows[1].deepest", "completed")
        await run.send_event("stop")
        ended = await outcome_of(run, state=True)

    assert ended.failure is None, ended.message
    assert ends(ended, *names) == [end] * len(names)
    assert ends(ended, *(f"after_{name}" for name in names)) == [after] * len(names)
    inside = ends(ended, "two.quick", "two.deep", "two.never", "again#0.deeper", "again#1.deeper", "rows[0].deepest")
    assert inside == ["completed", *["cancelled_by_event"] * 2, "completed", *["cancelled_by_event"] * 2]
    assert sorted(stage.stopped) == sorted(held)
    assert ended.state is not None
    assert {str(one.status) for one in ended.state.steps} <= {"completed", "skipped", "failed"}
    if outcome == "fail":
        assert ended.report.model_dump()["steps"]["ask"]["error"]["type"] == "CancelledByEvent"
    if outcome == "complete":
        outputs = [output_of(ended, name) for name in ("one", "again", "poll", "ask", "event")]
        assert outputs == [None, {"iterations": 1}, 0, None, None]
        assert (output_of(ended, "two")["successful_steps"], output_of(ended, "rows")["successful_steps"]) == (1, 1)


async def test_what_an_ended_step_may_have_done_is_undone_with_the_rest(harness: Harness) -> None:
    stage = Stage({"bad": 1}, "one", "all.b")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                deed("one", **stop("complete")),
                box("all", deed("a"), deed("b"), **stop("skip")),
                waits("go"),
                act("bad", "one", "go"),
            )
        )
        await stage.sees("one", "all.b")
        await reaches(run, "all.a", "completed")
        await run.send_event("stop")
        await reaches(run, "all", "skipped")
        await run.send_event("go")
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed"
    assert sorted(stage.undone) == ["all.a", "all.b", "one"]
    assert {path: given["outcome"] for path, given in stage.undo_inputs.items()} == {
        **{"one": "unknown", "all.a": "completed", "all.b": "unknown"}
    }


async def test_a_failing_end_is_recovered_or_retried_like_any_failure(harness: Harness) -> None:
    stage = Stage(None, "one", "two.a")
    handlers = {"error_handlers": [{"handler": "mend", "on": ["CancelledByEvent"]}]}
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                act("one", **stop("fail"), **handlers),
                act("mend", **says("steps.one.error.type")),
                box("two", act("a"), act("b", "a"), cancel_on={"event": "halt", "outcome": "fail"}),
                on_failure="pause",
                output={"why": "steps.mend.output"},
            )
        )
        await stage.sees("one", "two.a")
        await run.send_event("stop")
        await reaches(run, "one", "completed")
        await run.send_event("halt")
        await reaches(run, "two", "failed")
        stage.held.clear()
        await run.retry_step("two", "again", by="op")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"why": "CancelledByEvent"}
    assert ends(outcome, "two.a", "two.b") == ["completed", "completed"]


async def test_only_a_running_step_whose_match_holds_hears_it_and_all_such_steps_do(harness: Harness) -> None:
    stage = Stage(None, *(f"rows[{row}].work" for row in range(3)))
    on = {"event": "stop", "match": "event.row == item || event.row == 'all'"}
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                waits("begin"),
                fan("rows", "[0, 1, 2]", act("work", cancel_on=on), waits("stop", "work"), after=("begin",)),
                waits("stopped", wait={"event": "stop"}),
                output={"early": "steps.stopped.output"},
            )
        )
        await reaches(run, "begin", "waiting")
        await run.send_event("stop", {"row": 1})
        await reaches(run, "stopped", "completed")
        await run.send_event("begin")
        await stage.sees(*stage.held)
        await run.send_event("stop", {"row": 1})
        await reaches(run, "rows[1].work", "skipped")
        await run.send_event("stop", {"row": "none"})
        await run.send_event("stop", {"row": "all"})
        outcome = await outcome_of(run, state=True)

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"early": {"row": 1}}
    assert ends(outcome, *(f"rows[{row}].work" for row in range(3))) == ["cancelled_by_event"] * 3
    assert outcome.state is not None
    assert [one.data for one in outcome.state.unconsumed_events] == [{"row": "none"}]


async def test_a_cancelled_run_is_cancelled_though_a_step_was_being_ended(harness: Harness) -> None:
    stage = Stage(None, "all.again#0.a")
    stage.may_stop.clear()
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                deed("first"),
                box("all", loop("again", deed("a")), after=("first",), **stop("complete")),
                act("end", "all"),
            )
        )
        await stage.sees("all.again#0.a")
        await run.send_event("stop")
        await run.cancel()
        stage.may_stop.set()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"
    assert stage.undone == ["all.again#0.a", "first"]
    assert "end" not in stage.began
