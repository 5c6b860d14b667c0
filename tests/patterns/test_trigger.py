from __future__ import annotations

from tests.harness import Harness, definition
from tests.patterns.journal import Journal, end_of, event, reaches, step

WCP_23 = definition(
    step("prepare"),
    event("alarm", "alarm", "prepare", transient=True),
    output={"alarm": "steps.alarm.output"},
)

WCP_24 = definition(
    step("prepare"),
    event("first", "paid", "prepare"),
    event("second", "paid", "first"),
    output={"first": "steps.first.output", "second": "steps.second.output"},
)


async def test_wcp_23_transient_trigger_is_lost_when_nobody_waits_for_it(harness: Harness) -> None:
    journal = Journal("prepare")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_23)
        await journal.sees("prepare")
        await run.send_event("alarm", "early")
        journal.release("prepare")
        await reaches(run, "alarm", "waiting")
        await run.send_event("alarm", "in time")
        outcome = await end_of(run)

    assert outcome.data == {"alarm": "in time"}


async def test_wcp_24_persistent_trigger_is_kept_until_a_step_takes_it_once(harness: Harness) -> None:
    journal = Journal("prepare")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_24)
        await journal.sees("prepare")
        await run.send_event("paid", "early")
        journal.release("prepare")
        waiting = await reaches(run, "second", "waiting")
        await run.send_event("paid", "later")
        outcome = await end_of(run)

    assert waiting["first"] == "completed"
    assert outcome.data == {"first": "early", "second": "later"}
