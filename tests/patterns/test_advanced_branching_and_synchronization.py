from __future__ import annotations

from typing import Any

from tests.harness import Harness, definition, eventually
from tests.patterns.journal import Journal, container, end_of, event, reaches, statuses, step

ALARM = {
    "step_id": "alarm",
    "step_type": "conditional",
    "mode": "all",
    "conditions": [
        {"expression": "'police' in input.needs", "next_steps": ["police"]},
        {"expression": "'ambulance' in input.needs", "next_steps": ["ambulance"]},
        {"expression": "'fire' in input.needs", "next_steps": ["fire"]},
    ],
}
SERVICES = (step("police"), step("ambulance"), step("fire"))
CHECKS = (step("breathing"), step("pulse"), event("doctor", "doctor_came"))
ALL_CHECKS = ("breathing", "pulse", "doctor")


def twice(*body: dict[str, Any]) -> dict[str, Any]:
    return {"step_id": "rounds", "step_type": "loop", "loop_condition": "iteration < 2", "body": list(body)}


WCP_06 = definition(ALARM, *SERVICES)

WCP_07 = definition(ALARM, *SERVICES, step("transfer", "police", "ambulance", "fire"))

WCP_08 = definition(
    container(
        "arrivals",
        for_each="input.needs",
        of=[
            {
                "step_id": "which",
                "step_type": "conditional",
                "conditions": [
                    {"expression": "item == 'police'", "next_steps": ["police"]},
                    {"expression": "item == 'ambulance'", "next_steps": ["ambulance"]},
                ],
            },
            step("police"),
            step("ambulance"),
            step("report", "police", "ambulance"),
        ],
    )
)

WCP_09 = definition(*CHECKS, step("triage", *ALL_CHECKS, join="any"))

WCP_28 = definition(twice(*CHECKS, step("triage", *ALL_CHECKS, join="any")))

WCP_29 = definition(*CHECKS, step("triage", *ALL_CHECKS, join="any", cancel_rest=True), step("after", "triage"))

WCP_30 = definition(*CHECKS, step("triage", *ALL_CHECKS, join=2))

WCP_31 = definition(twice(*CHECKS, step("triage", *ALL_CHECKS, join=2)))

WCP_32 = definition(*CHECKS, step("triage", *ALL_CHECKS, join=2, cancel_rest=True), step("after", "triage"))

WCP_33 = definition(
    twice(
        event("frame", "frame_made"),
        event("engine", "engine_made"),
        step(
            "assemble",
            "frame",
            "engine",
            input_mapping={"frame": "steps.frame.output", "engine": "steps.engine.output"},
            output_mapping={"result": "workflow.cars[]"},
        ),
    )
)

# The alarm leads to the merge by branches that split again, one of them into nothing: no split belongs to this merge alone.
WCP_37 = definition(
    ALARM,
    *SERVICES,
    {
        "step_id": "injured",
        "step_type": "conditional",
        "dependencies": ["ambulance"],
        "conditions": [{"expression": "input.injured", "next_steps": ["hospital"]}],
    },
    step("hospital"),
    step("close", "police", "hospital"),
)

WCP_38 = definition(
    ALARM,
    step("register"),
    step("police", cancel_on="police_called_off"),
    step("ambulance"),
    step("fire"),
    {
        "step_id": "watch",
        "step_type": "loop",
        "dependencies": ["fire"],
        "loop_condition": "iteration < input.rounds",
        "action": "work",
    },
    step("close", "register", "police", "ambulance", "watch"),
)

WCP_41 = definition(
    container("parts", for_each="input.parts", of=[step("make"), step("test", "make")]), step("assemble", "parts")
)

WCP_42 = definition(
    step("order"), container("parts", "order", for_each="input.parts", of=[step("make"), step("test", "make")])
)


async def test_wcp_06_multi_choice_takes_every_branch_whose_condition_holds(harness: Harness) -> None:
    journal = Journal()
    taken: list[list[str]] = []
    async with harness.worker(journal.actions):
        for needs in (["police", "fire"], ["ambulance"], ["fire", "ambulance", "police"]):
            outcome = await end_of(await harness.start(WCP_06, {"needs": needs}))
            assert outcome.failure is None, outcome.message
            taken.append(sorted(journal.take()))

    assert taken == [["fire", "police"], ["ambulance"], ["ambulance", "fire", "police"]]


async def test_wcp_07_structured_synchronizing_merge_waits_for_the_branches_that_were_chosen(harness: Harness) -> None:
    journal = Journal("fire")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_07, {"needs": ["police", "fire"]})
        with_one = await reaches(run, "police", "completed")
        journal.release("fire")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert (with_one["ambulance"], with_one["transfer"]) == ("skipped", "pending")
    assert journal.is_before("fire ends", "transfer begins")
    assert journal.began.count("transfer") == 1


async def test_wcp_08_multi_merge_runs_what_follows_once_for_each_branch_that_arrives(harness: Harness) -> None:
    journal = Journal("arrivals[0].police")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_08, {"needs": ["police", "ambulance"]})
        await journal.sees("arrivals[0].police")
        await eventually(lambda: "arrivals[1].report" in journal.ended)
        with_one = list(journal.ended)
        journal.release("arrivals[0].police")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert with_one == ["arrivals[1].ambulance", "arrivals[1].report"]
    assert journal.ended == [*with_one, "arrivals[0].police", "arrivals[0].report"]


async def test_wcp_09_structured_discriminator_starts_after_the_first_branch_and_once(harness: Harness) -> None:
    journal = Journal("breathing")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_09)
        with_one = await reaches(run, "triage", "completed")
        journal.release("breathing")
        await run.send_event("doctor_came")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert (with_one["breathing"], with_one["pulse"], with_one["doctor"]) == ("running", "completed", "waiting")
    assert journal.ended == ["pulse", "triage", "breathing"]
    assert [outcome.status_of(one) for one in ALL_CHECKS] == ["completed"] * 3


async def test_wcp_28_blocking_discriminator_starts_anew_only_when_all_branches_have_arrived(harness: Harness) -> None:
    journal = Journal()
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_28)
        await reaches(run, "rounds#0.triage", "completed")
        blocked = await reaches(run, "rounds#0.breathing", "completed")
        await run.send_event("doctor_came")
        await reaches(run, "rounds#1.doctor", "waiting")
        await run.send_event("doctor_came")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert blocked["rounds#0.doctor"] == "waiting"
    assert not [path for path in blocked if path.startswith("rounds#1")]
    assert [one for one in journal.ended if one.endswith("triage")] == ["rounds#0.triage", "rounds#1.triage"]


async def test_wcp_29_cancelling_discriminator_cancels_the_branches_that_did_not_come_first(harness: Harness) -> None:
    journal = Journal("breathing")
    async with harness.worker(journal.actions):
        outcome = await end_of(await harness.start(WCP_29))

    assert outcome.failure is None, outcome.message
    assert journal.ended == ["pulse", "triage", "after"]
    assert journal.stopped == ["breathing"]
    assert [outcome.report.steps[one]["skip_reason"] for one in ("breathing", "doctor")] == ["not_needed"] * 2


async def test_wcp_30_structured_partial_join_starts_after_m_branches_and_once(harness: Harness) -> None:
    journal = Journal("breathing")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_30)
        with_one = await reaches(run, "pulse", "completed")
        journal.release("breathing")
        with_two = await reaches(run, "triage", "completed")
        await run.send_event("doctor_came")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert with_one["triage"] == "pending"
    assert with_two["doctor"] == "waiting"
    assert outcome.status_of("doctor") == "completed"
    assert journal.ended == ["pulse", "breathing", "triage"]


async def test_wcp_31_blocking_partial_join_starts_anew_only_when_all_branches_have_arrived(harness: Harness) -> None:
    journal = Journal("rounds#0.breathing")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_31)
        with_one = await reaches(run, "rounds#0.pulse", "completed")
        journal.release("rounds#0.breathing")
        blocked = await reaches(run, "rounds#0.triage", "completed")
        await run.send_event("doctor_came")
        await reaches(run, "rounds#1.doctor", "waiting")
        await run.send_event("doctor_came")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert with_one.get("rounds#0.triage", "pending") == "pending"
    assert blocked["rounds#0.doctor"] == "waiting"
    assert not [path for path in blocked if path.startswith("rounds#1")]
    assert [one for one in journal.ended if one.endswith("triage")] == ["rounds#0.triage", "rounds#1.triage"]


async def test_wcp_32_cancelling_partial_join_cancels_the_branches_after_the_first_m(harness: Harness) -> None:
    journal = Journal("breathing")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_32)
        with_one = await reaches(run, "pulse", "completed")
        journal.release("breathing")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert (with_one["triage"], with_one["doctor"]) == ("pending", "waiting")
    assert journal.ended == ["pulse", "breathing", "triage", "after"]
    assert outcome.report.steps["doctor"]["skip_reason"] == "not_needed"


async def test_wcp_33_generalised_and_join_keeps_triggers_that_come_too_early_for_later_firings(
    harness: Harness,
) -> None:
    journal = Journal()
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_33)
        await run.send_event("frame_made", 1)
        await run.send_event("frame_made", 2)
        waiting = await reaches(run, "rounds#0.frame", "completed")
        await run.send_event("engine_made", 10)
        second = await reaches(run, "rounds#1.frame", "completed")
        await run.send_event("engine_made", 20)
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert (waiting["rounds#0.engine"], waiting.get("rounds#0.assemble", "pending")) == ("waiting", "pending")
    assert (second["rounds#1.engine"], second.get("rounds#1.assemble", "pending")) == ("waiting", "pending")
    assert outcome.data == {"cars": [{"frame": 1, "engine": 10}, {"frame": 2, "engine": 20}]}


async def test_wcp_37_local_synchronizing_merge_waits_for_active_branches_of_an_unstructured_graph(
    harness: Harness,
) -> None:
    journal = Journal("hospital")
    needs = {"needs": ["police", "ambulance"]}
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_37, {**needs, "injured": True})
        await journal.sees("hospital")
        both = await reaches(run, "police", "completed")
        journal.release("hospital")
        outcome = await end_of(run)
        waited, _ = journal.is_before("hospital ends", "close begins"), journal.take()
        without = await end_of(await harness.start(WCP_37, {**needs, "injured": False}))

    assert outcome.failure is None, outcome.message
    assert both["close"] == "pending"
    assert waited
    assert without.failure is None, without.message
    assert sorted(journal.ended) == ["ambulance", "close", "police"]


async def test_wcp_38_general_synchronizing_merge_waits_until_no_branch_can_come_any_more(harness: Harness) -> None:
    journal = Journal("police", "watch#1")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_38, {"needs": ["police", "fire"], "rounds": 3})
        await journal.sees("police", "watch#1")
        both_active = await reaches(run, "register", "completed")
        await run.send_event("police_called_off")
        one_active = await reaches(run, "police", "skipped")
        journal.release("watch#1")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert (both_active["ambulance"], both_active["close"]) == ("skipped", "pending")
    assert one_active["close"] == "pending"
    assert journal.ended[-2:] == ["watch#2", "close"]
    assert sorted(journal.ended[:-2]) == ["fire", "register", "watch#0", "watch#1"]


async def test_wcp_41_thread_merge_makes_one_thread_of_several_in_one_branch(harness: Harness) -> None:
    journal = Journal("parts[1].test")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_41, {"parts": ["door", "wheel", "seat"]})
        await eventually(lambda: {"parts[0].test", "parts[2].test"} <= set(journal.ended))
        await journal.sees("parts[1].test")
        with_two = await statuses(run)
        journal.release("parts[1].test")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert with_two["assemble"] == "pending"
    assert len(journal.ended) == 7
    assert journal.ended.count("assemble") == 1
    assert journal.ended[-1] == "assemble"


async def test_wcp_42_thread_split_makes_several_threads_of_one_in_one_branch(harness: Harness) -> None:
    journal = Journal("parts[0].make", "parts[1].make", "parts[2].make")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_42, {"parts": ["door", "wheel", "seat"]})
        await journal.sees("parts[0].make", "parts[1].make", "parts[2].make")
        together = list(journal.ended)
        journal.release("parts[2].make")
        await eventually(lambda: "parts[2].test" in journal.ended)
        alone = list(journal.ended)
        journal.release("parts[0].make", "parts[1].make")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert together == ["order"]
    assert alone == ["order", "parts[2].make", "parts[2].test"]
    assert len(journal.ended) == 7
