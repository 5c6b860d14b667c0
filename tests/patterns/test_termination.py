from __future__ import annotations

from tests.harness import Harness, definition
from tests.patterns.journal import Journal, container, end_of, event, reaches, step

WCP_11 = definition(step("pack"), step("bill"), step("thank", "bill"))

WCP_43 = definition(
    container(
        "auction",
        complete_when="steps.sold.status == 'completed'",
        of=[
            step("advertise"),
            step("answer", "advertise"),
            event("bid", "bid_accepted"),
            step("sold", "bid"),
        ],
    )
)


async def test_wcp_11_implicit_termination_ends_the_run_when_nothing_is_left_to_do(harness: Harness) -> None:
    journal = Journal("pack")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_11)
        one_end_reached = await reaches(run, "thank", "completed")
        status = (await run.state()).status
        journal.release("pack")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert one_end_reached["pack"] == "running"
    assert status == "running"
    assert journal.ended == ["bill", "thank", "pack"]
    assert journal.stopped == []


async def test_wcp_43_explicit_termination_ends_the_run_at_its_end_step_and_cancels_the_rest(harness: Harness) -> None:
    journal = Journal("auction.advertise")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_43)
        await journal.sees("auction.advertise")
        await reaches(run, "auction.bid", "waiting")
        await run.send_event("bid_accepted")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert outcome.report.status == "completed"
    assert journal.ended == ["auction.sold"]
    assert journal.stopped == ["auction.advertise"]
    assert outcome.report.steps["auction.advertise"]["skip_reason"] == "not_needed"
