from __future__ import annotations

from typing import Any

from pydantic import JsonValue

from tests.harness import Harness, definition, eventually
from tests.patterns.journal import Journal, container, end_of, reaches, statuses, step

ASK = step("ask", input_mapping={"witness": "item"})
WITNESSES = {"witnesses": ["Ann", "Bob", "Eve"]}


def asked(outcome: Any) -> list[Any]:
    """The items of the copies that completed."""
    return [one["steps"]["ask"]["witness"] for one in outcome["results"]]


WCP_12 = definition(
    step("accident"),
    container("letters", "accident", for_each="input.witnesses", of=[ASK]),
    step("file", "accident"),
)

WCP_13 = definition(
    container(
        "review", for_each="['chair', 'first', 'second']", of=[ASK], output_mapping={"result": "workflow.review"}
    ),
    step("decide", "review"),
)

WCP_14 = definition(
    step("find", input_mapping={"names": "input.witnesses"}),
    container(
        "interviews",
        "find",
        for_each="steps.find.output.names",
        of=[ASK],
        output_mapping={"result": "workflow.interviews"},
    ),
    step("decide", "interviews"),
)

WCP_15 = definition(
    container(
        "interviews",
        for_each="input.witnesses",
        add_on="witness_found",
        of=[ASK],
        output_mapping={"result": "workflow.interviews"},
    ),
    step("decide", "interviews"),
)

# The copy whose index was noted as the second one goes on.
WCP_34 = definition(
    container(
        "interviews",
        for_each="input.witnesses",
        of=[
            step("ask", output_mapping={"index": "workflow.asked[]"}),
            step("decide", "ask", conditions=["size(workflow.asked) > 1 && workflow.asked[1] == index"]),
        ],
    )
)

WCP_35 = definition(
    container(
        "interviews",
        for_each="input.witnesses",
        complete_when="progress.completed >= 2",
        of=[ASK],
        output_mapping={"result": "workflow.interviews"},
    ),
    step("decide", "interviews"),
)

WCP_36 = definition(
    container(
        "interviews",
        for_each="input.witnesses",
        add_on="witness_found",
        complete_when="progress.completed >= workflow.needed",
        of=[
            step("ask", input_mapping={"witness": "item"}, output_mapping={"item.certain ? 1 : 4": "workflow.needed"}),
        ],
        output_mapping={"result": "workflow.interviews"},
    ),
    step("decide", "interviews"),
    global_variables={"needed": 4},
)


async def test_wcp_12_multiple_instances_without_synchronization_hold_nothing_up(harness: Harness) -> None:
    held = [f"letters[{index}].ask" for index in range(3)]
    journal = Journal(*held)
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_12, WITNESSES)
        await journal.sees(*held)
        meanwhile = await reaches(run, "file", "completed")
        journal.release(*held)
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert meanwhile["letters"] == "running"
    assert sorted(journal.ended) == ["accident", "file", *held]


async def test_wcp_13_multiple_instances_with_a_priori_design_time_knowledge_are_synchronized(harness: Harness) -> None:
    journal = Journal("review[0].ask")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_13)
        await journal.sees("review[0].ask", "review[1].ask", "review[2].ask")
        await eventually(lambda: len(journal.ended) == 2)
        with_two = await statuses(run)
        journal.release("review[0].ask")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert with_two["decide"] == "pending"
    assert asked(outcome.data["review"]) == ["chair", "first", "second"]
    assert journal.ended[-2:] == ["review[0].ask", "decide"]


async def test_wcp_14_multiple_instances_with_a_priori_run_time_knowledge_are_as_many_as_a_step_found(
    harness: Harness,
) -> None:
    journal = Journal()
    async with harness.worker(journal.actions):
        for names in (["Ann", "Bob", "Eve", "Joe"], ["Ann"], []):
            outcome = await end_of(await harness.start(WCP_14, {"witnesses": names}))

            assert outcome.failure is None, outcome.message
            assert asked(outcome.data["interviews"]) == names
            first, *copies, last = journal.take()
            assert (first, len(copies), last) == ("find", len(names), "decide")


async def test_wcp_15_multiple_instances_without_a_priori_run_time_knowledge_grow_while_they_run(
    harness: Harness,
) -> None:
    journal = Journal("interviews[0].ask", "interviews[1].ask")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_15, {"witnesses": ["Ann"]})
        await journal.sees("interviews[0].ask")
        await run.send_event("witness_found", "Bob")
        await journal.sees("interviews[1].ask")
        journal.release("interviews[0].ask")
        await eventually(lambda: "interviews[0].ask" in journal.ended)
        with_one = await statuses(run)
        await run.send_event("witness_found", "Eve")
        await journal.sees("interviews[2].ask")
        journal.release("interviews[1].ask")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert with_one["decide"] == "pending"
    assert asked(outcome.data["interviews"]) == ["Ann", "Bob", "Eve"]
    assert journal.ended[-1] == "decide"


async def test_wcp_34_static_partial_join_for_multiple_instances_goes_on_after_m_and_leaves_the_rest_alone(
    harness: Harness,
) -> None:
    held = [f"interviews[{index}].ask" for index in (0, 1, 3)]
    journal = Journal(*held)
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_34, {"witnesses": ["Ann", "Bob", "Eve", "Joe"]})
        await reaches(run, "interviews[2].decide", "skipped")
        await journal.sees(*held)
        journal.release("interviews[0].ask")
        await eventually(lambda: "interviews[0].decide" in journal.ended)
        ended_then = list(journal.ended)
        journal.release(*held)
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert ended_then == ["interviews[2].ask", "interviews[0].ask", "interviews[0].decide"]
    assert sorted(journal.ended[3:]) == ["interviews[1].ask", "interviews[3].ask"]
    assert journal.stopped == []


async def test_wcp_35_cancelling_partial_join_for_multiple_instances_cancels_the_rest_after_m(harness: Harness) -> None:
    held = ["interviews[0].ask", "interviews[1].ask"]
    journal = Journal(*held)
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_35, WITNESSES)
        await journal.sees(*held)
        await eventually(lambda: "interviews[2].ask" in journal.ended)
        with_one = await statuses(run)
        journal.release("interviews[0].ask")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert (with_one["interviews"], with_one["decide"]) == ("running", "pending")
    assert asked(outcome.data["interviews"]) == ["Ann", "Eve"]
    assert journal.stopped == ["interviews[1].ask"]
    assert journal.ended[-1] == "decide"


async def test_wcp_36_dynamic_partial_join_for_multiple_instances_asks_the_data_after_each_and_lets_more_come(
    harness: Harness,
) -> None:
    doubtful: dict[str, JsonValue] = {"certain": False}
    certain: dict[str, JsonValue] = {"certain": True}
    journal = Journal("interviews[1].ask", "interviews[2].ask")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_36, {"witnesses": [doubtful, doubtful]})
        await journal.sees("interviews[1].ask")
        await eventually(lambda: "interviews[0].ask" in journal.ended)
        with_one = await statuses(run)
        await run.send_event("witness_found", certain)
        await journal.sees("interviews[2].ask")
        journal.release("interviews[2].ask")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert (with_one["interviews"], with_one["decide"]) == ("running", "pending")
    assert asked(outcome.data["interviews"]) == [doubtful, certain]
    assert journal.stopped == ["interviews[1].ask"]
    assert journal.ended[-1] == "decide"
