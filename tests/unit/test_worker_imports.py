"""What a worker has imported by the time it would take work: it takes seconds, and a workflow task may not wait for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOOKED = """
import os, sys
from advanced_workflow.client.serve import command, workers

code = command.run([])
print(code, *sorted({name.partition(".")[0] for name in sys.modules}), flush=True)
os._exit(0)  # As the command does: there are threads that nobody waits for.
"""
OF_AGENTS = {"langchain", "langchain_core", "langchain_openai", "langgraph", "langsmith", "mcp", "openai", "tiktoken"}
AGENT = """
workflow_id: look
steps:
  - step_id: look
    step_type: react
    agent: {{model: {model}, tools: [], prompt: "'Why?'"}}
"""
MCP = """
workflow_id: docs
steps:
  - step_id: look
    step_type: react
    agent: {model: scripted:triage, tools: [{mcp: docs}], prompt: "'Why?'"}
"""
PLAN = """
workflow_id: plan
steps:
  - step_id: plan
    step_type: orchestrator
    orchestrator: {task: input.task, workers: [{action: look_up, description: Looks things up.}]}
"""


@pytest.mark.parametrize(
    ("definitions", "imported"),
    [
        ([AGENT.format(model="scripted:triage")], set[str]()),
        (
            [PLAN, AGENT.format(model="openai:gpt-5"), MCP],
            {"langgraph", "langsmith", "langchain", "langchain_openai", "openai", "mcp"},
        ),
    ],
    ids=["neither", "all"],
)
def test_what_a_worker_s_definitions_need_is_imported_before_it_connects_and_nothing_else(
    tmp_path: Path, definitions: list[str], imported: set[str]
):
    for number, text in enumerate(definitions):
        (tmp_path / f"{number}.yaml").write_text(text)
    # Nobody listens there, so the worker ends where it would begin to take work.
    settings = {"ADW_DEFINITIONS": str(tmp_path), "TEMPORAL_ADDRESS": "127.0.0.1:1"}
    ran = subprocess.run(
        [sys.executable, "-c", LOOKED],
        cwd=tmp_path,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    code, *modules = ran.stdout.split()

    assert (code, "Temporal server 127.0.0.1:1" in ran.stderr) == ("2", True), ran.stderr
    assert imported <= set(modules)
    assert bool(OF_AGENTS & set(modules)) == bool(imported)
