from __future__ import annotations

from tests.harness import Harness, definition
from tests.patterns.journal import Journal, end_of, reaches, step

WCP_01 = definition(step("ship", "pack"), step("pack", "pick"), step("pick"))

WCP_02 = definition(step("order"), step("pack", "order"), step("bill", "order"))

WCP_03 = definition(step("pack"), step("bill"), step("ship", "pack", "bill"))

WCP_04 = definition(
    {
        "step_id": "who",
        "step_type": "conditional",
        "conditions": [
            {"expression": "input.amount > 1000", "next_steps": ["director"]},
            {"expression": "input.amount > 100", "next_steps": ["manager"]},
            {"default": True, "next_steps": ["nobody"]},
        ],
    },
    step("director"),
    step("manager"),
    step("nobody"),
)

WCP_05 = definition(
    {
        "step_id": "how",
        "step_type": "conditional",
        "conditions": [
            {"expression": "input.express", "next_steps": ["by_air"]},
            {"default": True, "next_steps": ["by_road"]},
        ],
    },
    step("by_air"),
    step("by_road"),
    step("deliver", "by_air", "by_road"),
)


async def test_wcp_01_sequence_runs_each_step_after_the_one_before(harness: Harness) -> None:
    journal = Journal()
    outcome = await harness.run(WCP_01, actions=journal.actions)

    assert outcome.failure is None, outcome.message
    assert journal.began == ["pick", "pack", "ship"]
    assert journal.one_at_a_time()


async def test_wcp_02_parallel_split_runs_both_branches_at_the_same_time(harness: Harness) -> None:
    journal = Journal("order", "pack", "bill")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_02)
        before = await reaches(run, "order", "running")
        journal.release("order")
        await journal.sees("pack", "bill")
        ended_meanwhile = list(journal.ended)
        journal.release("pack", "bill")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert (before["pack"], before["bill"]) == ("pending", "pending")
    assert ended_meanwhile == ["order"]
    assert sorted(journal.ended) == ["bill", "order", "pack"]


async def test_wcp_03_synchronization_waits_for_both_branches_and_goes_on_once(harness: Harness) -> None:
    journal = Journal("bill")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_03)
        with_one = await reaches(run, "pack", "completed")
        journal.release("bill")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert with_one["ship"] == "pending"
    assert journal.is_before("bill ends", "ship begins")
    assert journal.began.count("ship") == 1


async def test_wcp_04_exclusive_choice_takes_one_branch_also_when_several_could_be_taken(harness: Harness) -> None:
    journal = Journal()
    chosen: dict[int, list[str]] = {}
    async with harness.worker(journal.actions):
        for amount in (5000, 500, 5):
            outcome = await end_of(await harness.start(WCP_04, {"amount": amount}))
            assert outcome.failure is None, outcome.message
            chosen[amount] = journal.take()

    assert chosen == {5000: ["director"], 500: ["manager"], 5: ["nobody"]}


async def test_wcp_05_simple_merge_goes_on_after_whichever_branch_was_taken(harness: Harness) -> None:
    journal = Journal()
    async with harness.worker(journal.actions):
        for express, branch, other in ((True, "by_air", "by_road"), (False, "by_road", "by_air")):
            outcome = await end_of(await harness.start(WCP_05, {"express": express}))

            assert outcome.failure is None, outcome.message
            assert journal.take() == [branch, "deliver"]
            assert outcome.report.steps[other]["skip_reason"] == "not_routed"
