"""The file of MCP servers, and what definitions may say of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.activities.agents.files import ModelFileInvalid
from advanced_workflow.activities.mcp.failures import McpError
from advanced_workflow.activities.mcp.servers import Server, Servers
from advanced_workflow.activities.worker.ad_hoc import AdHoc
from advanced_workflow.client.settings import load_settings
from advanced_workflow.workflows.contract import AD_HOC_WORKFLOW_TYPE
from advanced_workflow.workflows.definition.check.check import check, check_text
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import AdHocRefused

FILE = """
docs:
  url: https://docs.example/mcp
  headers: {Authorization: "Bearer {{ secret:DOCS }}", X-Team: shop}
files:
  command: npx
  args: [-y, server]
  env: {API_KEY: "{{ file:KEYFILE }}", MODE: quiet}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "servers.yaml"
    path.write_text(text)
    return path


def test_secrets_are_read_for_each_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "key"
    key.write_text("one\n")
    servers = Servers.read(write(tmp_path, FILE.replace("KEYFILE", str(key))))
    monkeypatch.setenv("ADW_SECRET_DOCS", "canary")

    docs, files = servers.find("docs").filled("docs"), servers.find("files").filled("files")
    assert (docs.headers, docs.secrets) == ({"Authorization": "Bearer canary", "X-Team": "shop"}, {"canary"})
    assert files.env == {"API_KEY": "one", "MODE": "quiet"}
    key.write_text("two")
    assert not servers.find("files").filled("files").is_like(files)
    assert servers.find("docs").filled("docs").is_like(docs)
    assert list(servers.find("docs").secrets) == ["DOCS"]
    monkeypatch.delenv("ADW_SECRET_DOCS")
    with pytest.raises(McpError, match="set ADW_SECRET_DOCS in its environment") as caught:
        servers.find("docs").filled("docs")
    assert caught.value.type == "McpAccessDenied"


@pytest.mark.parametrize(
    ("server", "message"),
    [
        ("{}", "needs one of 'url' and 'command'"),
        ("{url: 'http://a/mcp', command: x}", "needs one of 'url' and 'command'"),
        ("{url: 'ftp://a'}", "is not an address"),
        ("{url: 'https://a/mcp?key=1'}", "secrets in 'headers'"),
        ("{url: 'https://a/mcp', env: {A: b}}", "'env' means nothing beside 'url'"),
        ("{command: x, headers: {A: b}}", "'headers' means nothing beside 'command'"),
        ("{url: 'https://a/mcp', headers: {Authorization: Bearer abc}}", "none stands in this file"),
        ("{command: x, env: {API_TOKEN: abc}}", "none stands in this file"),
        ("{url: 'https://a/mcp', headers: {A: '{{ secret:A-B }}'}}", "'A-B' is not a secret's name"),
        ("{uri: 'https://a/mcp'}", "there is no such field"),
    ],
)
def test_a_server_that_cannot_be_right_is_told_by_its_place(tmp_path: Path, server: str, message: str) -> None:
    with pytest.raises(ModelFileInvalid) as caught:
        Servers.read(write(tmp_path, f"docs: {server}"))

    assert str(caught.value).startswith("ADW_MCP_SERVERS: ")
    assert "docs" in str(caught.value)
    assert message in str(caught.value)


def test_the_settings_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADW_MCP_SERVERS", str(write(tmp_path, FILE)))
    monkeypatch.setenv("ADW_AD_HOC_MCP_SERVERS", "docs, files")

    settings = load_settings()
    assert set(Servers.read(settings.mcp_servers).by_name) == {"docs", "files"}
    assert settings.ad_hoc_mcp_servers == ("docs", "files")


def step(*tools: Any, **agent: Any) -> dict[str, Any]:
    made = {"model": "scripted:x", "tools": list(tools), **agent}
    return {"step_id": "look", "step_type": "react", "agent": made}


def found(*tools: Any, **agent: Any) -> list[str]:
    workflow = AdvancedWorkflow.model_validate({"workflow_id": "w", "steps": [step(*tools, **agent)]})
    return [f"{one.path}: {one.message}" for one in check(workflow, {}, {}, servers=["docs"])]


@pytest.mark.parametrize(
    ("tool", "problem"),
    [
        ({"mcp": "docs"}, ""),
        ({"mcp": "docs", "tool": "get", "name": "fetch", "rollback_actions": []}, ""),
        ({"mcp": "dogs"}, "steps[0].agent: MCP server 'dogs' is not known here."),
        ({"mcp": "docs", "name": "x"}, "steps[0].agent.tools[0].name: 'name' means nothing on such a tool."),
        ({"mcp": "docs", "execution": "local"}, "tools[0].execution: 'execution' means nothing on such a tool."),
        ({"mcp": "docs", "rollback_timeout": 5}, "'rollback_timeout' means nothing on such a tool."),
        ({"mcp": "docs", "tool": "get", "include": ["a"]}, "'include' means nothing on such a tool."),
        ({"mcp": "docs", "include": ["a"], "exclude": ["b"]}, "'exclude' means nothing beside 'include'."),
        ({"action": "x", "prefix": "a"}, "'prefix' means nothing on such a tool."),
    ],
)
def test_fields_that_do_not_go_together_are_problems(tool: dict[str, Any], problem: str) -> None:
    problems = [one for one in found(tool) if "is not registered" not in one]

    assert len(problems) == bool(problem)
    assert problem in "".join(problems)


def test_a_tool_to_approve_may_come_from_a_server() -> None:
    assert found({"mcp": "docs"}, approve_tools=["get"]) == []
    assert "there is no tool 'get' to approve" in found({"mcp": "docs", "tool": "put"}, approve_tools=["get"])[0]


def test_a_worker_of_an_orchestrator_is_one_tool() -> None:
    def problems(worker: dict[str, Any]) -> list[str]:
        made = {"step_id": "o", "step_type": "orchestrator", "orchestrator": {"workers": [worker]}}
        workflow = AdvancedWorkflow.model_validate({"workflow_id": "w", "steps": [made]})
        return [one.path for one in check(workflow, {}, {}) if one.severity == "error"]

    assert problems({"mcp": "docs", "tool": "get"}) == []
    assert problems({"mcp": "docs"}) == ["steps[0].orchestrator.workers[0].tool"]


def test_two_kinds_of_tool_are_one_too_many() -> None:
    text = "workflow_id: w\nsteps:\n- step_id: a\n  step_type: react\n  agent: {model: 'scripted:x', tools: [{mcp: a, action: b}]}\n"

    assert "needs exactly one of 'action', 'workflow', 'webhook', 'agent' and 'mcp'" in str(check_text(text)[0])


def test_definitions_that_come_with_a_run_use_the_servers_that_are_listed() -> None:
    inner = {"name": "helper", "agent": {"model": "scripted:x", "tools": [{"mcp": "docs"}]}}
    workflow = AdvancedWorkflow.model_validate({"workflow_id": "w", "steps": [step(inner)]})

    AdHoc("checked", models=("scripted:*",), servers=frozenset({"docs"})).require_allowed(workflow)
    with pytest.raises(AdHocRefused, match="may not use these MCP servers: docs; list them in ADW_AD_HOC_MCP_SERVERS"):
        AdHoc("checked", models=("scripted:*",)).require_allowed(workflow)
    known = Servers({"docs": Server(command="docs")}, ())
    assert known.find("docs", "registered")
    with pytest.raises(McpError, match="may not use MCP server 'docs'"):
        known.find("docs", AD_HOC_WORKFLOW_TYPE)
