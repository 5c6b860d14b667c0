"""Records the kept histories anew: `python -m tests.replay.record [NAME ...]`.

Do this only when a change of the engine is meant to end replay of older runs, or for a new scenario (name it).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHistory

from advanced_workflow.client.dev.server import DevServer
from tests.harness import Harness, replayer
from tests.replay.scenarios import SCENARIOS, Scenario

HISTORIES = Path(__file__).parent / "histories"
IDENTITY = "recorder"


async def record(names: list[str]) -> None:
    """Run the scenarios (all, when none is named) on a server of their own and write their histories."""
    wanted = [one for one in SCENARIOS if not names or one.__name__ in names]
    HISTORIES.mkdir(exist_ok=True)
    async with DevServer() as server:
        # A neutral identity: by default it is the process and the machine.
        client = await Client.connect(server.address, identity=IDENTITY)
        for scenario in wanted:
            await _record_one(client, scenario)


async def _record_one(client: Client, scenario: Scenario) -> None:
    name = scenario.__name__
    harness = Harness(client, task_queue=name)
    await scenario(harness)
    [history, *later] = await harness.histories()
    if history.events[-1].HasField("workflow_execution_continued_as_new_event_attributes"):
        history = later[0]  # It has both what was carried on and what it carries on itself.
    text = compact(scrubbed(json.loads(history.to_json())))
    await replayer().replay_workflow(WorkflowHistory.from_json(name, text))
    (HISTORIES / f"{name}.json").write_text(text, encoding="utf-8")
    print(f"{name}: {len(history.events)} events, {len(text):,} bytes", flush=True)


def scrubbed(value: Any) -> Any:
    """Leave out stack traces: they name files of this machine, and replay does not read them."""
    if isinstance(value, dict):
        return {key: scrubbed(item) for key, item in value.items() if key != "stackTrace"}
    return [scrubbed(item) for item in value] if isinstance(value, list) else value


def compact(history: dict[str, Any]) -> str:
    """One event a line."""
    events = ",\n".join(json.dumps(event, separators=(",", ":")) for event in history["events"])
    return f'{{"events":[\n{events}\n]}}\n'


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # Failures are what some scenarios are about.
    asyncio.run(record(sys.argv[1:]))
    sys.stdout.flush()
    # At once: Temporal's runtime threads can abort the interpreter while it shuts down.
    os._exit(0)
