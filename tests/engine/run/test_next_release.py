"""What a later release adds to all that a run writes is ignored: the short form of `tests/faults/test_builds.py`, in one process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from advanced_workflow.workflows.contract import UserModel, WireModel
from advanced_workflow.workflows.engine.people.decision_ids import DecisionIds
from advanced_workflow.workflows.engine.people.early import EarlyDecisions
from advanced_workflow.workflows.engine.people.event_ids import EventIds
from advanced_workflow.workflows.engine.run import snapshot
from advanced_workflow.workflows.engine.undo.armed import Armed
from tests.harness import Harness
from tests.replay.scenarios import moved_while_it_waits

ENGINE = "advanced_workflow.workflows.engine."
ADDED = "of_a_later_release"
GIVE_ENTRIES = {DecisionIds, EarlyDecisions, EventIds, Armed}
"""What these dump has no parts that could be more; `tests/unit/test_wire.py` is about `Armed`."""


async def test_a_run_continues_with_what_a_later_release_carried_on(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: set[str] = set()

    def more(dump: Callable[..., Any], name: str) -> Callable[..., Any]:
        def dumped(*args: Any, **options: Any) -> Any:
            parts = dump(*args, **options)
            added.add(name)
            return {**parts, ADDED: {"a": [1]}} if isinstance(parts, dict) else [*parts, ADDED]

        return dumped

    for one in those_that_dump():
        monkeypatch.setattr(one, "dump", more(one.dump, one.__name__))
    monkeypatch.setattr(snapshot, "take", more(snapshot.take, "snapshot"))
    monkeypatch.setattr(WireModel, "model_dump", more(WireModel.model_dump, "models"))
    monkeypatch.setattr(UserModel, "model_dump", BaseModel.model_dump)

    await moved_while_it_waits(harness)

    assert {
        "Record",
        "UndoLog",
        "LiveState",
        "Approvals",
        "Events",
        "Operations",
        "models",
        "snapshot",
    } <= added


def those_that_dump() -> Iterator[Any]:
    """The classes of the engine whose state is carried on."""
    modules = [module for name, module in sys.modules.items() if name.startswith(ENGINE)]
    classes = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    yield from (one for one in classes - GIVE_ENTRIES if "dump" in vars(one))
