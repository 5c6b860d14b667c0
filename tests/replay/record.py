"""Records kept histories: `python -m tests.replay.record [NAME ...]` those of new scenarios, `--release X.Y.Z` all of a release.

A history that is kept is not recorded again: it stands for the runs that were open when the engine changed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from temporalio.client import Client, WorkflowHistory

from advanced_workflow.client.dev.server import DevServer
from tests.harness import Harness, replayer
from tests.replay.old_ways import OLD_WAYS
from tests.replay.scenarios import SCENARIOS, Scenario

HISTORIES = Path(__file__).parent / "histories"
"""One of each scenario, from the time when it was written."""
RELEASES = Path(__file__).parent / "releases"
"""A folder of each release, recorded by its own engine: of each scenario the whole chain of histories, and its children's."""
IDENTITY = "recorder"


async def record(names: list[str], folder: Path, *, whole: bool) -> None:
    """Run the scenarios (all, when none is named) on a server of their own and write their histories."""
    known = (*SCENARIOS, *OLD_WAYS) if whole else SCENARIOS
    wanted = [one for one in known if not names or one.__name__ in names]
    async with DevServer() as server:
        # A neutral identity: by default it is the process and the machine.
        client = await Client.connect(server.address, identity=IDENTITY)
        for scenario in wanted:
            name = scenario.__name__
            histories = await _histories(client, scenario)
            if whole:
                await _keep(histories, name, folder)
            else:
                # Where there are several, the second has both what was carried on and what it carries on itself.
                chain = [one for one in histories if one.workflow_id == histories[0].workflow_id]
                await _keep(chain[1:2] or chain, name, folder)


async def _histories(client: Client, scenario: Scenario) -> list[WorkflowHistory]:
    harness = Harness(client, task_queue=scenario.__name__)
    await scenario(harness)
    return await harness.histories()


async def _keep(histories: list[WorkflowHistory], name: str, folder: Path) -> None:
    """Write them under the scenario's name, children under their id; `@2` and so on tells those of one run apart."""
    run = histories[0].workflow_id
    for number, history in enumerate(histories, 1):
        stem = name if history.workflow_id == run else quote(history.workflow_id, safe="")
        suffix = f"@{number}" if number > 1 else ""
        text = compact(scrubbed(json.loads(history.to_json())))
        kept_as = name if history.workflow_id == run else history.workflow_id
        await replayer().replay_workflow(WorkflowHistory.from_json(kept_as, text))
        (folder / f"{stem}{suffix}.json").write_text(text, encoding="utf-8")
        print(f"{stem}{suffix}: {len(history.events)} events, {len(text):,} bytes", flush=True)


def scrubbed(value: Any) -> Any:
    """Leave out stack traces: they name files of this machine, and replay does not read them."""
    if isinstance(value, dict):
        return {key: scrubbed(item) for key, item in value.items() if key != "stackTrace"}
    return [scrubbed(item) for item in value] if isinstance(value, list) else value


def compact(history: dict[str, Any]) -> str:
    """One event a line."""
    events = ",\n".join(json.dumps(event, separators=(",", ":")) for event in history["events"])
    return f'{{"events":[\n{events}\n]}}\n'


def main() -> None:
    """Record what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.replay.record")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a scenario")
    parser.add_argument("--release", metavar="X.Y.Z", help="record every scenario into the folder of this release")
    wanted = parser.parse_args()
    folder = RELEASES / wanted.release if wanted.release else HISTORIES
    known = {one.__name__ for one in SCENARIOS}
    unknown = set(wanted.names) - known
    kept = (
        folder.exists() if wanted.release else any((folder / f"{name}.json").exists() for name in wanted.names or known)
    )
    if unknown:
        parser.error(f"there is no scenario {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    if kept:
        parser.error(f"kept histories are not recorded again; remove them from {folder} if no run can be like them")
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(record(wanted.names, folder, whole=bool(wanted.release)))


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # Failures are what some scenarios are about.
    main()
    sys.stdout.flush()
    # At once: Temporal's runtime threads can abort the interpreter while it shuts down.
    os._exit(0)
