from __future__ import annotations

from tests.faults.shop import IN_STOCK, LARGE, UNDONE, Shop, started
from tests.harness import eventually, outcome_of


async def test_a_cancel_during_rollback_changes_nothing_even_if_the_worker_is_killed_too(shop: Shop) -> None:
    worker = await shop.worker()
    run = await shop.order("A-1", LARGE)
    await eventually(run.pending_approvals)
    with shop.closed():
        await run.signal_rejection("approve_order", approver="olga")
        await started(run, "charge_card.rollback[0]")
        await run.cancel()
        await worker.kill()
    await shop.worker()
    outcome = await outcome_of(run)

    assert outcome.failure == "ApprovalRejected"
    assert outcome.undone() == ["charge_card", "reserve_stock"]
    assert shop.rows("A-1") == UNDONE
    assert shop.stock() == IN_STOCK


async def test_a_cancelled_run_is_undone_when_the_worker_is_killed_before_it_hears_of_it(shop: Shop) -> None:
    worker = await shop.worker(60, "after")
    run = await shop.order("A-1", LARGE)
    await eventually(lambda: shop.rows("A-1")["payments"] == {"charged": 1})
    await worker.kill()
    await run.cancel()
    await shop.worker()
    outcome = await outcome_of(run, state=True)

    assert outcome.failure == "Cancelled"
    assert outcome.state is not None
    assert outcome.state.rollback is not None
    assert [(one.path, one.outcome) for one in outcome.state.rollback.entries] == [
        ("charge_card", "undone"),
        ("reserve_stock", "undone"),
    ]
    # The new worker may hear of the lost attempt before it hears of the cancel; then the charge is found and known.
    assert outcome.state.rollback.entries[0].step_outcome in ("unknown", "completed")
    assert shop.rows("A-1") == UNDONE
    assert shop.stock() == IN_STOCK
