from __future__ import annotations

from tests.harness import Harness, definition
from tests.patterns.journal import Journal, container, end_of, event, reaches, step

WCP_16 = definition(
    event("answer", "customer_answered"),
    event("call", "agent_called"),
    {
        "step_id": "which",
        "step_type": "conditional",
        "dependencies": ["answer", "call"],
        "join": "any",
        "cancel_rest": True,
        "conditions": [
            {"expression": "steps.answer.status == 'completed'", "next_steps": ["close"]},
            {"default": True, "next_steps": ["escalate"]},
        ],
    },
    step("close"),
    step("escalate"),
)

WCP_17 = definition(
    container(
        "checks",
        max_concurrency=1,
        of=[step("weigh"), step("label", "weigh"), step("scan"), step("seal", "scan")],
    ),
    step("ship", "checks"),
)

WCP_18 = definition(
    step("order"),
    event("dispatched", "dispatched", "order"),
    event("changed", "address_changed", "order"),
    step("change_address", "changed", conditions=["steps.dispatched.status in ['pending', 'running', 'waiting']"]),
)

WCP_39 = definition(
    container("deposit", lock="account", of=[step("read_before"), step("add", "read_before")]),
    container("withdraw", lock="account", of=[step("read_again"), step("subtract", "read_again")]),
    step("greet"),
)

WCP_40 = definition(
    container("checks", max_concurrency=1, of=[step("weigh"), step("scan"), step("measure")]), step("ship", "checks")
)


async def test_wcp_16_deferred_choice_is_made_by_the_event_that_comes_first(harness: Harness) -> None:
    answered, called = ("answer", "customer_answered", "close"), ("call", "agent_called", "escalate")
    journal = Journal("close", "escalate")
    async with harness.worker(journal.actions):
        for (wait, first, branch), (other_wait, second, other) in ((answered, called), (called, answered)):
            run = await harness.start(WCP_16)
            await reaches(run, wait, "waiting")
            offered = await reaches(run, other_wait, "waiting")
            await run.send_event(first)
            chosen = await reaches(run, branch, "running")
            await run.send_event(second)  # Too late: that alternative is withdrawn.
            journal.release(branch)
            outcome = await end_of(run)

            assert outcome.failure is None, outcome.message
            assert {offered["close"], offered["escalate"]} == {"pending"}
            assert (chosen[wait], chosen[other_wait]) == ("completed", "skipped")
            assert journal.take() == [branch]
            assert outcome.report.steps[other]["skip_reason"] == "not_routed"


async def test_wcp_17_interleaved_parallel_routing_keeps_the_partial_order_with_one_step_at_a_time(
    harness: Harness,
) -> None:
    journal = Journal()
    outcome = await harness.run(WCP_17, actions=journal.actions)

    assert outcome.failure is None, outcome.message
    assert journal.one_at_a_time()
    assert journal.is_before("checks.weigh ends", "checks.label begins")
    assert journal.is_before("checks.scan ends", "checks.seal begins")
    assert sorted(journal.ended) == ["checks.label", "checks.scan", "checks.seal", "checks.weigh", "ship"]
    assert journal.ended[-1] == "ship"


async def test_wcp_18_milestone_lets_a_step_run_only_while_another_branch_is_in_a_state(harness: Harness) -> None:
    journal = Journal()
    async with harness.worker(journal.actions):
        in_time, too_late = await harness.start(WCP_18), await harness.start(WCP_18)
        for run in (in_time, too_late):
            await reaches(run, "dispatched", "waiting")
        await in_time.send_event("address_changed")
        before = await reaches(in_time, "change_address", "completed")
        await in_time.send_event("dispatched")
        await too_late.send_event("dispatched")
        after = await reaches(too_late, "dispatched", "completed")
        await too_late.send_event("address_changed")
        outcomes = [await end_of(run) for run in (in_time, too_late)]

    assert [one.failure for one in outcomes] == [None, None]
    assert (before["dispatched"], after["change_address"]) == ("waiting", "pending")
    assert outcomes[0].status_of("change_address") == "completed"
    assert outcomes[1].report.steps["change_address"]["skip_reason"] == "condition_false"
    assert journal.ended == ["order", "order", "change_address"]


async def test_wcp_39_critical_section_is_entered_by_one_at_a_time_and_others_go_on(harness: Harness) -> None:
    journal = Journal("deposit.read_before")
    async with harness.worker(journal.actions):
        run = await harness.start(WCP_39)
        await journal.sees("deposit.read_before")
        inside = await reaches(run, "greet", "completed")
        journal.release("deposit.read_before")
        outcome = await end_of(run)

    assert outcome.failure is None, outcome.message
    assert inside["withdraw"] == "waiting"
    assert journal.is_before("deposit.add ends", "withdraw.read_again begins")
    assert journal.ended == ["greet", "deposit.read_before", "deposit.add", "withdraw.read_again", "withdraw.subtract"]


async def test_wcp_40_interleaved_routing_runs_each_step_once_and_one_at_a_time(harness: Harness) -> None:
    journal = Journal()
    outcome = await harness.run(WCP_40, actions=journal.actions)

    assert outcome.failure is None, outcome.message
    assert journal.one_at_a_time()
    assert sorted(journal.ended[:3]) == ["checks.measure", "checks.scan", "checks.weigh"]
    assert journal.ended[3:] == ["ship"]
