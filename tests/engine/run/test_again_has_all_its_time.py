"""A law: a step that an operator runs again has all of its time once more, whatever it waits for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.alone import Alone, update
from tests.harness import definition

AGAIN = {"step_id": "late", "by": "op", "reason": "so"}
LATE: dict[str, dict[str, Any]] = {
    "event": {"step_type": "wait", "wait": {"event": "x", "timeout": 50, "on_timeout": "fail"}},
    "approval": {"step_type": "human_approval", "approval": {"deadline": 50, "on_timeout": "fail"}},
    "callback": {"step_type": "webhook", "webhook": {"url": "'http://a'", "callback": {"event": "x", "timeout": 50}}},
}


@pytest.mark.parametrize("kind", LATE)
def test_what_runs_again_has_all_of_its_time(kind: str) -> None:
    alone = Alone(definition({"step_id": "late", **LATE[kind]}, on_failure="pause"))
    waited: list[float] = []
    for _ in range(3):
        for one in list(alone.asked):
            alone.complete(one, {"status": 200, "headers": {}, "body": None})
        began = alone.now
        timer = next(seq for seq, (_, why) in alone.timers.items() if why != "run timeout")
        alone.fire(timer)
        waited.append((alone.now - began).total_seconds())
        alone.tell(update("retry_step", AGAIN))
    alone.leave()

    assert waited == [50, 50, 50]
