"""Workers that are killed while an MCP server does what an agent asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advanced_workflow.client.dev.processes import WorkerProcess, local_environment
from advanced_workflow.client.dev.server import DevServer
from tests.harness import ROOT, Harness, definition, eventually, outcome_of
from tests.mcp_server import over_http

AGENT = {
    "step_id": "look",
    "step_type": "react",
    "agent": {
        "model": "scripted:asks",
        "tools": [{"mcp": "warehouse", "include": ["once_slow", "say"], "heartbeat_timeout": 1, "timeout": 60}],
    },
    "retry_policy": {"max_attempts": 5, "delay": 0.1},
}
SCRIPT = [{"calls": [{"name": "once_slow", "arguments": {}}]}, {"say": "done"}]


@pytest.mark.long
async def test_another_worker_makes_the_call_of_a_killed_one_again_with_its_key(
    server: DevServer, harness: Harness, tmp_path: Path
) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "asks.json").write_text(json.dumps(SCRIPT), encoding="utf-8")
    async with over_http(tmp_path / "ledger") as warehouse:
        (tmp_path / "servers.json").write_text(json.dumps({"warehouse": {"url": warehouse.url}}), encoding="utf-8")
        environment = local_environment(
            server.address,
            PYTHONPATH=str(ROOT),
            ADW_MODEL_SCRIPTS=str(scripts),
            ADW_MCP_SERVERS=str(tmp_path / "servers.json"),
            ADW_TASK_QUEUE=harness.task_queue,
        )
        workers = [WorkerProcess(environment, log_path=tmp_path / f"worker-{number}.log") for number in range(2)]
        try:
            await workers[0].start()
            run = await harness.start(definition(AGENT))
            await eventually(lambda: warehouse.ledger.of("once_slow"))
            await workers[0].kill()
            warehouse.server.remove_tool("say")  # What the run was told when it began stays.
            await workers[1].start()
            outcome = await outcome_of(run)
        finally:
            for worker in workers:
                await worker.stop()

    assert outcome.failure is None, outcome.message
    first, second = warehouse.ledger.of("once_slow")
    assert first["key"] == second["key"]
    assert (first["attempt"], second["attempt"]) == (1, 2)
