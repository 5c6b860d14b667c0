"""By one setting the library's agents ask a real model; nothing else of any definition changes."""

from __future__ import annotations

from pathlib import Path

from advanced_workflow.client.serve.definitions import load_definitions
from advanced_workflow.client.serve.models import Models
from advanced_workflow.client.serve.real_model import with_model
from advanced_workflow.client.settings import load_settings
from advanced_workflow.workflows.definition.text.load import LIBRARY, dump_definition, parse
from advanced_workflow.workflows.definition.tools import models_of
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

OWN = """
workflow_id: own
steps:
  - {step_id: look, step_type: react, agent: {model: "scripted:own"}}
"""

NESTED = """
workflow_id: nested
steps:
  - step_id: all
    step_type: parallel
    parallel_steps:
      - step_id: look
        step_type: react
        agent:
          model: scripted:one
          tools: [{name: helper, agent: {model: "scripted:two"}}]
"""


def served(path: Path, **settings: str) -> dict[str, AdvancedWorkflow]:
    found = load_definitions(load_settings(library="on", definitions=str(path), **settings))
    return {one.workflow.workflow_id: one.workflow for one in found}


def test_one_setting_gives_the_agents_of_the_library_a_real_model(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    scripted = served(tmp_path)
    real = served(tmp_path, library_model="openai:gpt-5")

    triage = dump_definition(real["incident-triage"])
    assert list(models_of(scripted["incident-triage"])) == ["scripted:incident-triage"]
    assert list(models_of(real["incident-triage"])) == ["openai:gpt-5"]
    triage["steps"][0]["agent"]["model"] = "scripted:incident-triage"
    assert triage == dump_definition(scripted["incident-triage"])
    assert set(models_of(real["agentic-workflow"])) == {"openai:gpt-5"}
    assert set(models_of(real["research-brief"])) == {"openai:gpt-5"}
    assert set(models_of(real["multi-agent-ai-content-generation"])) == {"openai:gpt-5"}
    assert list(models_of(real["own"])) == ["scripted:own"]
    plain = [name for name, one in scripted.items() if not any(models_of(one))]
    assert [real[name] for name in plain] == [scripted[name] for name in plain]


def test_agents_in_containers_and_agents_of_agents_are_given_it_too() -> None:
    loaded = parse(NESTED, source=str(LIBRARY / "nested" / "definition.yaml"))

    [changed] = with_model([loaded], "openai:gpt-5")

    assert "scripted" not in str(dump_definition(changed.workflow))
    assert str(dump_definition(changed.workflow)).count("openai:gpt-5") == 2


def test_a_worker_has_the_scripts_of_the_library_only_where_it_serves_the_library() -> None:
    assert "incident-triage" in Models.load(load_settings(library="on")).scripts
    assert Models.load(load_settings()).scripts == {}
