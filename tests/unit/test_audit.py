from __future__ import annotations

import json

import pytest

from advanced_workflow.workflows.contract import AuditEntry
from advanced_workflow.workflows.engine.state.audit import MOST, MOST_CHARACTERS, Audit


def _act(number: int, reason: str = "why") -> AuditEntry:
    return AuditEntry(time=f"t{number}", operation="resume" if number % 2 else "pause", by="op", reason=reason)


@pytest.mark.parametrize("reason", ["why", "x" * 2_000, "x" * 1_000_000])
def test_the_trail_keeps_the_latest_acts_and_counts_the_others(reason: str) -> None:
    audit = Audit()
    for number in range(2 * MOST):
        audit.append(_act(number, reason))

    assert audit.listed[-1] == _act(2 * MOST - 1, reason)
    assert len(audit.listed) + sum(audit.left_out.values()) == 2 * MOST
    assert len(audit.listed) <= MOST
    assert len(json.dumps(audit.dump())) <= 2 * MOST_CHARACTERS + len(reason)


def test_the_trail_is_the_same_in_the_next_history() -> None:
    audit, after = Audit(), Audit()
    for number in range(MOST + 3):
        audit.append(_act(number))
    after.load(audit.dump())

    assert after.dump() == audit.dump()
    assert after.left_out == {"pause": 2, "resume": 1}


def test_a_trail_of_release_0_1_is_a_list() -> None:
    audit = Audit()
    audit.load({"audit": [_act(0).model_dump(mode="json")]})

    assert audit.listed == [_act(0)]
