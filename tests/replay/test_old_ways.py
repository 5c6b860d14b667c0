"""What release 0.1.0 did otherwise stays so in its histories, and its histories are such that another way would show."""

from __future__ import annotations

import pytest

from advanced_workflow.workflows.contract import RULES
from advanced_workflow.workflows.engine.run import execution
from advanced_workflow.workflows.engine.run.workflow_types import EngineWorkflow
from advanced_workflow.workflows.engine.temporal.patches import follow_rules
from tests.replay.fresh import read_history
from tests.replay.old_ways import OLD_WAYS
from tests.replay.record import RELEASES
from tests.replay.test_patches import replays_on

FORMER = "0.1.0"
SAME_COMMANDS = {"odd_messages", "local_results_of_medium_size", "a_round_runs_again_after_an_operator"}
"""In these the ways differ in what is said or remembered, or where there is more of it: not in what a replay compares."""


@pytest.mark.parametrize("name", [one.__name__ for one in OLD_WAYS])
async def test_a_history_of_an_old_way_replays_by_the_rules_it_began_with_only(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = read_history(RELEASES / FORMER / f"{name}.json")
    assert await replays_on(EngineWorkflow, history)

    monkeypatch.setattr(execution, "follow_rules", lambda _: follow_rules(RULES))
    assert name in SAME_COMMANDS or not await replays_on(EngineWorkflow, history)
