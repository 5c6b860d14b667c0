"""Child runs that lose, come too late, are ended from outside, or are undone long after they ended."""

from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.client.runs import get_run
from tests.engine.stage import Stage, Step, act, deed, ends, fan, loop, output_of, reaches, says, waits
from tests.harness import Definition, Harness, definition, outcome_of
from tests.patience import PATIENCE_SECONDS, TooSlow, given_time


def child(*steps: Step, **more: Any) -> Definition:
    return definition(*steps, **{"workflow_id": "child", **more})


def sub(step_id: str = "sub", *after: str, **more: Any) -> Step:
    given = {"step_id": step_id, "step_type": "sub_workflow", "workflow": "child", "dependencies": list(after)}
    return {**given, **more}


MAKES = child(deed("make", **says("input.n")), output={"made": "steps.make.output"})
HANGS = child(deed("make"), act("hang", "make"))


async def test_children_of_rounds_and_copies_are_undone_backwards(harness: Harness) -> None:
    stage, undone = Stage({"bad": 1}), list[str]()

    def undo(given: dict[str, Any]) -> None:
        undone.append(given["input"]["value"])

    inner = sub(input_mapping={"n": "item + string(iteration)"}, output_mapping={"result.made": "workflow.made[]"})
    async with harness.worker({**stage.actions, "undo": undo}, [MAKES]):
        run = await harness.start(
            definition(
                fan("rows", "['x', 'y']", loop("again", inner)), act("bad", "rows"), global_variables={"made": []}
            )
        )
        outcome = await outcome_of(run, state=True)

    assert outcome.failure == "WorkflowFailed"
    assert outcome.state is not None
    assert sorted(outcome.state.model_dump()["workflow"]["made"]) == ["x0", "x1", "y0", "y1"]
    assert [one for one in undone if one[0] == "x"] == ["x1", "x0"]
    assert [one for one in undone if one[0] == "y"] == ["y1", "y0"]
    assert outcome.report.rollback is not None
    runs = {str(one.run).rpartition("-")[0] for one in outcome.report.rollback.entries}
    places = [f"rows[{row}].again#{number}.sub" for row in range(2) for number in range(2)]
    assert runs == {f"{run.id}/{place}-rollback" for place in places}


async def test_a_child_that_loses_at_once_is_ended_and_its_parent_goes_on(harness: Harness) -> None:
    stage = Stage(None, "hang")
    at_once = {"step_id": "now", "step_type": "wait", "wait": {"until": "run.started_at"}}
    async with harness.worker(stage.actions, [HANGS]):
        run = await harness.start(
            definition(sub(), at_once, act("won", "sub", "now", join="any", cancel_rest=True), act("after", "won"))
        )
        outcome = await outcome_of(run)
        inner = await harness.client.get_workflow_handle(f"{run.id}/sub").describe()

    assert outcome.failure is None, outcome.message
    assert ends(outcome, "sub", "won", "after") == ["not_needed", "completed", "completed"]
    assert inner.status is not None
    assert inner.status.name == "CANCELED"


@pytest.mark.parametrize("ending", ["timeout", "cancel", "cancel in time", "run timeout", "event"])
async def test_what_an_ended_child_could_not_undo_is_in_its_parents_report(harness: Harness, ending: str) -> None:
    async def once(seconds: float) -> None:
        stage = Stage({"make.rollback[0]": 1}, "hang")
        more: dict[str, Any] = {
            "timeout": {"timeout": seconds},
            "cancel in time": {"timeout": PATIENCE_SECONDS},
            "event": {"cancel_on": {"event": "stop", "outcome": "fail"}},
        }.get(ending, {})
        limit = {"timeout": 2 * seconds} if ending == "run timeout" else {}
        async with harness.worker(stage.actions, [HANGS]):
            run = await harness.start(definition(deed("first"), sub("sub", "first", **more), **limit))
            if "timeout" not in ending:
                await stage.sees("hang")
            if ending.startswith("cancel"):
                await run.cancel()
            if ending == "event":
                await run.send_event("stop")
            outcome = await outcome_of(run)

        if "hang" not in stage.began:
            raise TooSlow
        assert outcome.failure == "RollbackIncomplete"
        assert stage.stopped == ["hang"]
        assert stage.undone == ["first"]
        assert outcome.report.rollback is not None
        failed = [(one.path, one.run) for one in outcome.report.rollback.entries if one.outcome == "failed"]
        assert failed == [("make", f"{run.id}/sub")]
        assert outcome.report.error is not None
        causes = {"timeout": "Timeout", "run timeout": "WorkflowTimeout", "event": "CancelledByEvent"}
        assert outcome.report.error.type == causes.get(ending, "Cancelled")

    await given_time(once, 1.0)


async def test_a_child_that_ended_long_ago_and_cannot_be_undone_leaves_the_parent_incomplete(harness: Harness) -> None:
    stage = Stage({"bad": 1, "make.rollback[0]": 1})
    other = child(deed("other"), workflow_id="other")
    async with harness.worker(stage.actions, [MAKES, other]):
        run = await harness.start(
            definition(
                deed("first"),
                sub("sub", "first", input_mapping={"n": "1"}),
                sub("two", "first", workflow="other"),
                act("bad", "sub", "two"),
            )
        )
        outcome = await outcome_of(run)

    assert outcome.failure == "RollbackIncomplete"
    assert "make (undo)" in outcome.message
    assert stage.undone == ["other", "first"]
    assert outcome.report.error is not None
    assert outcome.report.error.step_id == "bad"


async def test_a_recovered_parent_still_says_what_its_child_could_not_undo(harness: Harness) -> None:
    stage = Stage({"pay": 1, "make.rollback[0]": 1})
    async with harness.worker(stage.actions, [child(deed("make"), act("pay", "make"))]):
        run = await harness.start(definition(sub(error_handlers=["mend"]), act("mend")))
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert outcome.report.rollback is not None
    assert not outcome.report.rollback.complete
    assert [(one.path, one.outcome) for one in outcome.report.rollback.entries] == [("make", "failed")]


async def test_a_rollback_step_undoes_a_child_and_the_run_goes_on(harness: Harness) -> None:
    stage = Stage({"bad": 1})
    back = {"step_id": "back", "step_type": "rollback", "rollback_to": "a", "dependencies": ["sub"]}
    async with harness.worker(stage.actions, [MAKES]):
        run = await harness.start(
            definition(
                loop("again", deed("a"), sub("sub", "a", input_mapping={"n": "1"}), back),
                sub("last", "again", input_mapping={"n": "2"}),
                act("bad", "last"),
            )
        )
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed"
    assert stage.undone == ["make", "make", "make", "again#1.a", "again#0.a"]


async def test_input_that_does_not_fit_fails_the_step_before_or_in_the_child(harness: Harness) -> None:
    stage = Stage()
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    lenient = {"retry_policy": {"continue_on_failure": True}, "input_mapping": {"n": "input.n"}}
    handlers = [{"handler": "mend", "on": ["InputInvalid"]}]
    async with harness.worker(stage.actions, [{**MAKES, "input_schema": schema}]):
        run = await harness.start(
            definition(
                sub("checked", input_validation=schema, **lenient),
                sub("sent", error_handlers=handlers, **lenient),
                act("mend", **says("steps.sent.error.details.run")),
                output={"run": "steps.mend.output"},
            ),
            {"n": 0},
        )
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert ends(outcome, "checked", "sent") == ["failed", "completed"]
    assert outcome.report.model_dump()["steps"]["checked"]["error"]["type"] == "InputInvalid"
    assert outcome.data == {"run": f"{run.id}/sent"}
    assert stage.done == ["mend"]
    events = (await outcome.handle.fetch_history()).events
    started = [one for one in events if one.HasField("child_workflow_execution_started_event_attributes")]
    assert len(started) == 1


async def test_attempts_are_runs_of_their_own_and_the_wait_between_them_can_be_skipped(harness: Harness) -> None:
    stage = Stage({"make": 9})
    policy = {"max_attempts": 2, "delay": 0.1}
    never = {"max_attempts": 5, "non_retryable": ["Broken"]}
    async with harness.worker(stage.actions, [MAKES]):
        run = await harness.start(
            definition(
                sub("twice", retry_policy={**policy, "continue_on_failure": True}, input_mapping={"n": "1"}),
                sub("once", retry_policy={**never, "continue_on_failure": True}, input_mapping={"n": "1"}),
                sub("slowly", retry_policy={"max_attempts": 2, "delay": 50.0}, input_mapping={"n": "1"}),
                act("after", "slowly"),
            )
        )
        await reaches(run, "slowly", "waiting")
        waiting = await run.progress()
        await run.skip_step("slowly", "not today", by="op")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert "slowly: attempt 2" in waiting.waiting_for
    assert ends(outcome, "twice", "once", "slowly", "after") == ["failed", "failed", "skipped_by_operator", "completed"]
    events = (await outcome.handle.fetch_history()).events
    started = [one.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id for one in events]
    names = sorted(one.removeprefix(f"{run.id}/") for one in started if one)
    assert names == ["once", "slowly", "twice", "twice~2"]


async def test_an_operator_runs_a_failed_child_again_and_its_effect_is_undone_once(harness: Harness) -> None:
    stage = Stage({"pay": 1, "bad": 1})
    async with harness.worker(stage.actions, [child(deed("make"), deed("pay", "make"))]):
        run = await harness.start(definition(sub(), act("bad", "sub"), on_failure="pause"))
        await reaches(run, "sub", "failed")
        first = list(stage.undone)
        await run.retry_step("sub", "mended", by="op")
        await reaches(run, "bad", "failed")
        await run.cancel()
        outcome = await outcome_of(run)

    assert first == ["make"]
    assert outcome.failure == "Cancelled"
    assert stage.undone == ["make", "pay", "make"]


async def test_a_terminated_child_may_have_left_anything_behind(harness: Harness) -> None:
    stage = Stage(None, "hang")
    async with harness.worker(stage.actions, [HANGS]):
        run = await harness.start(definition(sub(rollback_actions=["undo"])))
        await stage.sees("hang")
        await harness.client.get_workflow_handle(f"{run.id}/sub").terminate("by hand")
        outcome = await outcome_of(run)
        stage.held.clear()

    assert outcome.failure == "WorkflowFailed"
    assert "did not end by itself" in outcome.message
    assert stage.undo_inputs["sub"]["outcome"] == "unknown"


async def test_a_run_that_has_the_childs_id_already_is_left_alone(harness: Harness) -> None:
    stage = Stage()
    async with harness.worker(stage.actions, [MAKES]):
        other = await harness.start(definition(waits("go")), id=f"{harness.task_queue}/sub")
        run = await harness.start(definition(sub(input_mapping={"n": "1"})), id=harness.task_queue)
        outcome = await outcome_of(run)
        await other.send_event("go")
        untouched = await outcome_of(get_run(harness.client, other.id))

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert outcome.report.error.type == "RunExists"
    assert untouched.failure is None


async def test_a_child_ended_by_an_event_has_undone_itself_and_counts_as_complete(harness: Harness) -> None:
    stage = Stage({"bad": 1}, "hang")
    async with harness.worker(stage.actions, [HANGS]):
        run = await harness.start(
            definition(sub(cancel_on={"event": "stop", "outcome": "complete"}), act("bad", "sub"))
        )
        await stage.sees("hang")
        await run.send_event("stop")
        outcome = await outcome_of(run, state=True)

    assert outcome.failure == "WorkflowFailed"
    assert (ends(outcome, "sub"), output_of(outcome, "sub")) == (["completed"], None)
    assert stage.undone == ["make"]
