from __future__ import annotations

from tests.harness import Harness, definition, eventually, recording
from tests.patterns.journal import Journal, container, end_of, reaches, statuses, step

COPIES = ("survey[0].ask", "survey[1].ask", "survey[2].ask")
PEOPLE = {"people": ["Ann", "Bob", "Eve"]}

WCP_19 = definition(
    step("search", cancel_on="found_elsewhere"), step("order", "search"), step("bill"), step("close", "search", "bill")
)

WCP_20 = definition(
    step("reserve", rollback_actions=["undo"]),
    step("pack", "reserve", rollback_actions=["undo"]),
    step("bill", "reserve"),
    step("ship", "pack", "bill"),
)

WCP_25 = definition(
    container("investigate", cancel_on="claim_withdrawn", of=[step("visit"), step("phone"), step("report", "visit")]),
    step("archive"),
    step("close", "investigate", "archive"),
)

WCP_26 = definition(
    container("survey", for_each="input.people", cancel_on="survey_stopped", of=[step("ask")]),
    step("evaluate", "survey"),
    step("other"),
)

WCP_27 = definition(
    container(
        "survey",
        for_each="input.people",
        cancel_on={"event": "enough", "outcome": "complete"},
        of=[step("ask", input_mapping={"person": "item"})],
        output_mapping={"result.results": "workflow.answers"},
    ),
    step("evaluate", "survey"),
)


async def test_wcp_19_cancel_activity_stops_the_step_and_nothing_else(harness: Harness) -> None:
    journal = Journal("search", "bill")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_19)
        await journal.sees("search", "bill")
        await run.send_event("found_elsewhere")
        cancelled = await reaches(run, "search", "skipped")
        stopped = list(journal.stopped)  # Before the run ends, which stops everything.
        journal.release("bill")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert cancelled["bill"] == "running"
    assert stopped == ["search"]
    assert journal.ended == ["bill", "close"]
    assert outcome.report.steps["search"]["skip_reason"] == "cancelled_by_event"
    assert outcome.status_of("order") == "skipped"


async def test_wcp_20_cancel_case_stops_all_steps_and_undoes_what_was_done(harness: Harness) -> None:
    journal = Journal("pack", "bill")
    undone: list[str] = []
    async with harness.worker({**journal.actions, "undo": recording(undone)}):
        run = await harness.start(WCP_20)
        await journal.sees("pack", "bill")
        await run.cancel()
        outcome = await end_of(run)

    assert outcome.failure == "Cancelled"
    assert sorted(journal.stopped) == ["bill", "pack"]
    assert journal.began.count("ship") == 0
    assert undone == ["pack unknown", "reserve completed"]


async def test_wcp_25_cancel_region_stops_what_is_inside_and_nothing_outside(harness: Harness) -> None:
    journal = Journal("investigate.visit", "archive")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_25)
        await journal.sees("investigate.visit", "archive")
        await reaches(run, "investigate.phone", "completed")
        await run.send_event("claim_withdrawn")
        cancelled = await reaches(run, "investigate", "skipped")
        stopped = list(journal.stopped)  # Before the run ends, which stops everything.
        journal.release("archive")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert (cancelled["investigate.visit"], cancelled["investigate.phone"]) == ("skipped", "completed")
    assert cancelled["archive"] == "running"
    assert stopped == ["investigate.visit"]
    assert journal.ended == ["investigate.phone", "archive", "close"]


async def test_wcp_26_cancel_multiple_instance_activity_stops_the_instances_that_have_not_completed(
    harness: Harness,
) -> None:
    journal = Journal(*COPIES[1:], "other")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_26, PEOPLE)
        await journal.sees(*COPIES, "other")
        await eventually(lambda: journal.ended == [COPIES[0]])
        await run.send_event("survey_stopped")
        cancelled = await reaches(run, "survey", "skipped")
        stopped = list(journal.stopped)  # Before the run ends, which stops everything.
        journal.release("other")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert cancelled["other"] == "running"
    assert sorted(stopped) == list(COPIES[1:])
    assert journal.ended == [COPIES[0], "other"]
    assert outcome.status_of("evaluate") == "skipped"


async def test_wcp_27_complete_multiple_instance_activity_withdraws_the_rest_and_goes_on(harness: Harness) -> None:
    journal = Journal(*COPIES[1:])
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_27, PEOPLE)
        await journal.sees(*COPIES)
        await eventually(lambda: journal.ended == [COPIES[0]])
        before = await statuses(run)
        await run.send_event("enough")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert (before["survey"], before["evaluate"]) == ("running", "pending")
    assert sorted(journal.stopped) == list(COPIES[1:])
    assert journal.ended == [COPIES[0], "evaluate"]
    assert outcome.status_of("survey") == "completed"
    assert outcome.data == {"answers": [{"index": 0, "steps": {"ask": {"person": "Ann"}}}]}
