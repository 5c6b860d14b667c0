"""What clients of a build say to runs, in a process of that build: `python -m tests.faults.saying ADDRESS QUEUE CALLS`.

`CALLS` is a JSON list of `[call, run, fields]`: a method of `Run`, or `start` (a definition, until steps wait) or `rollback`. What they give is printed as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from pydantic_core import to_jsonable_python
from temporalio.client import Client

from advanced_workflow.client.reruns.rollback import retry_rollback
from advanced_workflow.client.runs import Run, get_run, start
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from tests.harness import eventually


async def say(client: Client, queue: str, call: str, run: str, fields: dict[str, Any]) -> object:
    """Make one call."""
    match call:
        case "start":
            workflow = AdvancedWorkflow.model_validate(fields["workflow"])
            begun = await start(client, workflow, id=run, task_queue=queue, settings=Settings(user="tester"))
            await wait_until_at(begun, fields["until"])
            return begun.id
        case "rollback":
            return await retry_rollback(client, run)
        case _:
            return await getattr(get_run(client, run, user="tester"), call)(**fields)


async def wait_until_at(run: Run, paths: Iterable[str]) -> None:
    """Wait until these steps wait."""

    async def there() -> bool:
        return set(paths) <= {one.path for one in (await run.state()).steps if one.status == "waiting"}

    await eventually(there)


async def main(address: str, queue: str, calls: str) -> None:
    """Make them one after the other."""
    client = await Client.connect(address)
    said = [await say(client, queue, *one) for one in json.loads(calls)]
    print(json.dumps(said, default=to_jsonable_python), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
    os._exit(0)
