"""Laws that every run of every test keeps, whatever the test is about: `Harness.replay` asks them of all its histories."""

from __future__ import annotations

from collections.abc import Iterable

from temporalio.client import WorkflowHistory

from tests.laws.calls import broken_calls
from tests.laws.effects import broken_effects
from tests.laws.held import HELD
from tests.laws.leftovers import FOUND
from tests.laws.moments import FAULT, broken_moments
from tests.laws.sizes import broken_sizes
from tests.laws.stories import stories


def require_lawful(histories: Iterable[WorkflowHistory], *, faults: bool = False) -> None:
    """Fail where a history of a test breaks a law, or a run of it left something behind; `faults`: a workflow task may fail."""
    left, FOUND[:], HELD[:] = [*FOUND, *HELD], [], []
    found = [one for one in (*broken(histories), *left) if not (faults and FAULT in one)]
    assert not found, "\n".join(found)


def broken(histories: Iterable[WorkflowHistory]) -> list[str]:
    """What the histories of one test break."""
    all_of_them = list(histories)
    told = stories(all_of_them)
    found = [f"{one.workflow_id}: {wrong}" for one in told for wrong in (*broken_calls(one), *broken_moments(one))]
    large = [f"{one.workflow_id}: {wrong}" for one in all_of_them for wrong in broken_sizes(one)]
    return [*found, *large, *broken_effects(told)]
