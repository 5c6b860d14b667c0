from __future__ import annotations

from collections.abc import Iterator

import pytest

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.engine.run import results


@pytest.mark.parametrize(("limit", "over"), [(9, True), (10, False)])
def test_whether_values_take_more_together(limit: int, over: bool) -> None:
    assert results._is_over(limit, ["abc", "def"]) is over


def test_what_comes_after_too_much_is_not_looked_at() -> None:
    def values() -> Iterator[Json]:
        yield "x" * 100
        pytest.fail("the answer was known")

    assert results._is_over(50, values())
