"""How many examples a law is tried on: few in the usual run of the tests, more when asked."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

MORE = int(os.environ.get("ADW_EXAMPLES", "0"))


def many(examples: int) -> int:
    """So many, and n times as many with `ADW_EXAMPLES=n`."""
    return examples * (MORE or 1)


def profile(examples: int, *, shrink: bool = True) -> settings:
    """The same examples every time; `ADW_EXAMPLES=n` tries n times as many, new ones each time."""
    return settings(
        max_examples=many(examples),
        derandomize=not MORE,
        database=None,
        deadline=None,
        print_blob=True,
        phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if shrink else [])],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
