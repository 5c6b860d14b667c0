from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.contract import RetryDelay, retry_delay

POLICIES = st.builds(
    RetryDelay,
    strategy=st.sampled_from(["exponential", "linear", "fixed"]),
    delay=st.floats(0, 1e6),
    multiplier=st.floats(1, 1000),
    max_delay=st.floats(0, 1e6),
    jitter=st.floats(0, 1),
)


@pytest.mark.parametrize(
    ("strategy", "expected"), [("fixed", [2, 2, 2, 2]), ("linear", [2, 4, 6, 7]), ("exponential", [2, 6, 7, 7])]
)
def test_delays_grow_by_their_strategy_up_to_the_bound(
    strategy: Literal["fixed", "linear", "exponential"], expected: list[float]
) -> None:
    policy = RetryDelay(strategy=strategy, delay=2, multiplier=3, max_delay=7)

    assert [retry_delay(policy, attempt).total_seconds() for attempt in (1, 2, 3, 4)] == expected


@given(POLICIES, st.integers(1, 90))
def test_a_run_waits_for_a_child_as_it_did_before_workers_and_runs_had_one_rule(
    policy: RetryDelay, attempt: int
) -> None:
    factor: dict[str, Any] = {"fixed": 1.0, "linear": float(attempt), "exponential": policy.multiplier ** (attempt - 1)}
    before = min(policy.delay * factor[policy.strategy], policy.max_delay)

    assert timedelta(seconds=retry_delay(policy, attempt).total_seconds()) == timedelta(seconds=before)


@given(POLICIES, st.integers(1, 10_000), st.floats(0, 1))
def test_a_delay_is_never_above_its_bound_and_jitter_only_takes_off(
    policy: RetryDelay, attempt: int, share: float
) -> None:
    whole = retry_delay(policy, attempt)

    assert timedelta(0) <= retry_delay(policy, attempt, share) <= whole <= timedelta(seconds=policy.max_delay)


def test_a_delay_beyond_any_number_is_the_bound() -> None:
    policy = RetryDelay(strategy="exponential", delay=1, multiplier=1000, max_delay=60)

    assert retry_delay(policy, 10_000) == timedelta(seconds=60)
