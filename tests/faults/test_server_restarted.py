from __future__ import annotations

import signal

import pytest

from tests.faults.shop import FULFILLED, LARGE, SMALL, Shop, attempts_of, started
from tests.harness import eventually, outcome_of


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
async def test_runs_go_on_when_the_server_is_restarted_on_its_file(shaky_shop: Shop, how: signal.Signals) -> None:
    shop = shaky_shop
    await shop.worker(4)
    waiting = await shop.order("waiting", LARGE)
    [pending] = await eventually(waiting.pending_approvals)
    paying = await shop.order("paying", SMALL)
    await started(paying, "charge_card")

    await restart(shop, how)
    await waiting.signal_approval("approve_order", approver="olga", digest=pending.digest)
    outcomes = [await outcome_of(run) for run in (waiting, paying)]

    assert [one.failure for one in outcomes] == [None, None], [one.message for one in outcomes]
    assert (shop.rows("waiting"), shop.rows("paying")) == (FULFILLED, FULFILLED)
    assert await attempts_of(waiting, "charge_card") == 1


async def test_a_rollback_goes_on_when_the_server_is_killed_meanwhile(shaky_shop: Shop) -> None:
    shop = shaky_shop
    await shop.worker()
    run = await shop.order("A-1", LARGE)
    await eventually(run.pending_approvals)
    with shop.closed():
        await run.signal_rejection("approve_order", approver="olga")
        await started(run, "charge_card.rollback[0]")
        await restart(shop, signal.SIGKILL)
    outcome = await outcome_of(run)

    assert outcome.failure == "ApprovalRejected"
    assert outcome.undone() == ["charge_card", "reserve_stock"]


async def restart(shop: Shop, how: signal.Signals) -> None:
    """End the server with a signal and start it again on the same ports and the same file."""
    process = shop.server.process
    assert process
    process.send_signal(how)
    await process.wait()
    await shop.server.start()
