"""A definition that is refused leaves nothing behind but what the caches may hold."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from advanced_workflow.workflows.definition.check.check import check_text
from advanced_workflow.workflows.expressions import expression
from advanced_workflow.workflows.plain.cache import WeighedCache

BOUND = 300 * 1024


def refused(number: int) -> str:
    """A definition whose expressions are large, and whose step depends on one that does not exist."""
    mapping = "\n".join(f"      p{n}: '[{', '.join(['input.a'] * 100)}, {number}, {n}]'" for n in range(3))
    return (
        f"workflow_id: w\nsteps:\n  - step_id: a\n    action: x\n    dependencies: [b]\n    input_mapping:\n{mapping}\n"
    )


def left_behind(starts: int) -> int:
    """Bytes that are held after so many refusals, and were not after the first."""
    first = 0
    tracemalloc.start()
    try:
        for number in range(starts):
            assert {one.code for one in check_text(refused(number), "d.yaml")} == {"unknown_step"}
            if number == 0:
                gc.collect()
                first = tracemalloc.get_traced_memory()[0]
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - first
    finally:
        tracemalloc.stop()


def test_refused_definitions_do_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expression, "_compiled", WeighedCache[object, object](2**40))
    without_bound = left_behind(5)
    monkeypatch.setattr(expression, "_compiled", WeighedCache[object, object](BOUND))
    bounded = left_behind(5)

    assert without_bound > 2 * BOUND
    assert bounded < 2 * BOUND
