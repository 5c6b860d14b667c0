from __future__ import annotations

import signal

import pytest

from tests.faults.shop import FULFILLED, IN_STOCK, LARGE, SMALL, UNDONE, Shop, attempts_of, started
from tests.harness import eventually, outcome_of

LONG = 60.0
"""Seconds a payment takes on a worker that will not live to see its end."""


@pytest.mark.parametrize(("place", "payments_when_killed"), [("before", {}), ("after", {"charged": 1})])
async def test_an_effect_happens_once_when_the_worker_is_killed_before_or_after_it(
    shop: Shop, place: str, payments_when_killed: dict[str, int]
) -> None:
    worker = await shop.worker(LONG, place)
    run = await shop.order("A-1", SMALL)
    await started(run, "charge_card")
    await eventually(lambda: shop.rows("A-1")["payments"] == payments_when_killed)
    await worker.kill()

    assert shop.rows("A-1")["payments"] == payments_when_killed
    await shop.worker()
    outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert shop.rows("A-1") == FULFILLED
    assert f"{outcome.report.execution_id}:charge_card" in shop.keys("A-1")
    assert shop.stock() == {**IN_STOCK, "book": 998}
    assert await attempts_of(run, "charge_card") == 2


async def test_everything_is_undone_once_when_the_worker_is_killed_during_rollback(shop: Shop) -> None:
    worker = await shop.worker()
    run = await shop.order("A-1", LARGE)
    await eventually(run.pending_approvals)
    with shop.closed():
        await run.signal_rejection("approve_order", approver="olga", comment="address unknown")
        await started(run, "charge_card.rollback[0]")
        await worker.kill()
    assert shop.rows("A-1")["payments"] == {"charged": 1}
    await shop.worker()
    outcome = await outcome_of(run)

    assert outcome.failure == "ApprovalRejected"
    assert outcome.undone() == ["charge_card", "reserve_stock"]
    assert shop.rows("A-1") == UNDONE
    assert shop.stock() == IN_STOCK
    assert await attempts_of(run, "charge_card.rollback[0]") == 2


async def test_a_decision_sent_while_no_worker_lives_is_not_lost(shop: Shop) -> None:
    worker = await shop.worker()
    run = await shop.order("A-1", LARGE)
    [pending] = await eventually(run.pending_approvals)
    await worker.kill()
    await run.signal_approval("approve_order", approver="fiona", groups=["finance"], digest=pending.digest)
    await shop.worker()
    outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert outcome.data["approved_by"] == "fiona"
    assert shop.rows("A-1") == FULFILLED


async def test_a_worker_told_to_stop_finishes_the_running_step_and_another_goes_on(shop: Shop) -> None:
    worker = await shop.worker(2)
    run = await shop.order("A-1", SMALL)
    await started(run, "charge_card")
    assert worker.process
    worker.process.send_signal(signal.SIGTERM)

    assert await worker.process.wait() == 0
    assert shop.rows("A-1")["payments"] == {"charged": 1}
    await shop.worker()
    outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert await attempts_of(run, "charge_card") == 1
    assert shop.rows("A-1") == FULFILLED
