from __future__ import annotations

from advanced_workflow.client.runs import Run
from tests.harness import Harness, definition, eventually, outcome_of


def nothing() -> None:
    return None


def waiting(**wait: object) -> dict[str, object]:
    return {"step_id": "pause_here", "step_type": "wait", "wait": wait}


async def test_a_wait_of_three_days_passes_on_the_runs_own_clock(skipping: Harness) -> None:
    outcome = await skipping.run(definition(waiting(seconds=259_200), timeout=1_000_000))

    assert outcome.failure is None, outcome.message
    assert 259_200 <= outcome.report.duration_seconds < 259_300


async def test_seconds_may_be_computed(skipping: Harness) -> None:
    outcome = await skipping.run(definition(waiting(seconds="input.minutes * 60")), {"minutes": 10})

    assert 600 <= outcome.report.duration_seconds < 700


async def test_a_time_may_be_text_as_written_and_as_computed(skipping: Harness) -> None:
    written = {**waiting(seconds="2h"), "step_id": "first"}
    computed = {**waiting(seconds="input.delay"), "dependencies": ["first"]}
    outcome = await skipping.run(definition(written, computed, timeout="P5D"), {"delay": "1h30m"})

    assert outcome.failure is None, outcome.message
    assert 12_600 <= outcome.report.duration_seconds < 12_700


async def test_a_computed_time_that_is_none_fails_with_its_place(harness: Harness) -> None:
    outcome = await harness.run(definition(waiting(seconds="input.delay")), {"delay": "soon"})

    assert outcome.failure == "WorkflowFailed"
    assert "wait.seconds: 'soon': it is no duration; write '90s'" in outcome.message


async def test_a_wait_until_a_time_ends_then(skipping: Harness) -> None:
    outcome = await skipping.run(
        definition(waiting(until="timestamp(run.started_at) + duration('90m')"), timeout=1_000_000)
    )

    assert outcome.failure is None, outcome.message
    assert 5400 <= outcome.report.duration_seconds < 5500


async def test_a_time_in_the_past_does_not_wait(harness: Harness) -> None:
    outcome = await harness.run(definition(waiting(until="'2001-01-01T00:00:00Z'")))

    assert outcome.failure is None, outcome.message
    history = (await harness.histories())[0]
    summaries = [one.user_metadata.summary.data for one in history.events if one.event_type == 17]
    assert summaries == [b'"run timeout"']


async def test_text_that_is_no_time_fails_with_an_example(harness: Harness) -> None:
    outcome = await harness.run(definition(waiting(until="'tomorrow'")))

    assert outcome.failure == "WorkflowFailed"
    assert "RFC 3339" in outcome.message


async def test_an_event_ends_the_wait_and_its_data_is_the_output(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(
            definition({**waiting(event="paid"), "output_mapping": {"result.amount": "workflow.amount"}})
        )
        await eventually(lambda: _waits(run))
        await run.send_event("paid", {"amount": 5})
        outcome = await outcome_of(run)

    assert outcome.report.result == {"amount": 5}


async def test_an_event_that_came_early_is_kept_and_consumed_once(harness: Harness) -> None:
    first = {"step_id": "first", "step_type": "wait", "wait": {"event": "paid"}}
    second = {"step_id": "second", "step_type": "wait", "wait": {"event": "paid"}, "dependencies": ["first"]}
    run = await harness.start(
        definition(first, second, output={"first": "steps.first.output", "second": "steps.second.output"})
    )
    await run.send_event("paid", 1, event_id="one")
    await run.send_event("paid", 1, event_id="one")
    await run.send_event("paid", 2, event_id="two")
    async with harness.worker():
        outcome = await outcome_of(run)

    assert outcome.report.result == {"first": 1, "second": 2}


async def test_only_a_matching_event_is_taken_and_the_others_are_kept(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(definition(waiting(event="paid", match="event.order == input.order")), {"order": 7})
        await eventually(lambda: _waits(run))
        await run.send_event("paid", {"order": 6})
        await run.send_event("paid", "of another shape")
        await run.send_event("paid", {"order": 7})
        outcome = await outcome_of(run, state=True)

    assert outcome.failure is None, outcome.message
    assert outcome.state is not None
    assert [one.data for one in outcome.state.unconsumed_events] == [{"order": 6}, "of another shape"]


async def test_an_event_that_does_not_come_fails_or_continues(skipping: Harness) -> None:
    failed = await skipping.run(definition(waiting(event="paid", timeout=600)))
    went_on = await skipping.run(definition(waiting(event="paid", timeout=600, on_timeout="continue")))

    assert failed.failure == "WorkflowFailed"
    assert failed.report.error is not None
    assert failed.report.error.type == "EventTimeout"
    assert went_on.failure is None, went_on.message


async def test_events_that_match_cannot_judge_are_told_when_the_time_is_over(skipping: Harness) -> None:
    wait = waiting(event="paid", match="event.order == input.order", timeout=600)
    run = await skipping.start(definition(wait), {"order": 7})
    await run.send_event("paid", {"order": 6})
    await run.send_event("paid", {"ordre": 7})
    async with skipping.worker():
        failed = await outcome_of(run)

    assert failed.report.error is not None
    assert "did not come within 600 seconds; 2 of that name came, and 'match' took none" in failed.report.error.message
    assert "(no field 'order' in event" in failed.report.error.message


async def test_the_event_that_cancel_on_cannot_judge_is_told_while_the_step_runs(harness: Harness) -> None:
    wait = waiting(event="never")
    async with harness.worker():
        run = await harness.start(definition({**wait, "cancel_on": {"event": "stop", "match": "event.all"}}))
        await eventually(lambda: _waits(run))
        await run.send_event("stop", {"al": True})
        await eventually(lambda: _says(run, "no field 'all' in event"))
        await run.send_event("stop", {"all": True})
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_a_waiting_step_holds_no_slot(harness: Harness) -> None:
    async with harness.worker({"work": nothing, "last": nothing}):
        run = await harness.start(
            definition(
                waiting(event="go"),
                {"step_id": "work"},
                {"step_id": "last", "dependencies": ["pause_here"]},
                max_parallel_steps=1,
            )
        )
        await eventually(lambda: _status(run, "work", "completed"))
        await run.send_event("go")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_a_cancelled_wait_ends_the_run(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(definition(waiting(seconds=3000)))
        await eventually(lambda: _waits(run))
        progress = await run.progress()
        await run.cancel()
        outcome = await outcome_of(run)

    assert progress.waiting == 1
    assert progress.waiting_for[0].startswith("pause_here: until 2")
    assert outcome.failure == "Cancelled"


async def _waits(run: Run) -> bool:
    return await _status(run, "pause_here", "waiting")


async def _status(run: Run, path: str, status: str) -> bool:
    state = await run.state()
    return any(one.path == path and one.status == status for one in state.steps)


async def _says(run: Run, text: str) -> bool:
    state = await run.state()
    return any(text in (one.waiting_for or "") for one in state.steps)
