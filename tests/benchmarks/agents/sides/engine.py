"""The same agent as a definition, on a worker as `adw-worker` builds it, with a scripted model that is a function."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

from temporalio.client import Client
from temporalio.worker import Replayer

from advanced_workflow.activities.action.decorator import action, action_of
from advanced_workflow.activities.agents.pieces import Asked
from advanced_workflow.activities.agents.scripts import Line, ScriptedCall
from advanced_workflow.activities.worker.registry import ActionRegistry
from advanced_workflow.client import connection, runs
from advanced_workflow.client.serve.models import Models
from advanced_workflow.client.serve.serving import Serving
from advanced_workflow.client.serve.workers import build_workers, close
from advanced_workflow.client.service.attributes import SEARCH_ATTRIBUTES
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.kinds.react import Agent, Tool
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.text.load import parse
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.run.workflow_types import WORKFLOWS
from advanced_workflow.workflows.engine.temporal.interceptor import EngineInterceptor
from advanced_workflow.workflows.engine.temporal.runner import EngineRunner
from tests.benchmarks.agents.sides.side import Handle
from tests.benchmarks.agents.talk import INSTRUCTIONS, TOOLS, finds, says

Execution = Literal["regular", "local"]
WORKFLOW = "agent"


@action
async def look_up(query: str, size: int) -> str:
    return finds(size)


def model(asked: Asked) -> Line:
    said = says(asked.messages[0].content, asked.turn - 1)
    taken, given = said.tokens
    # Texts of a script's arguments are expressions.
    calls = (
        [ScriptedCall(name=said.tool, arguments={**said.arguments, "query": f"'{said.query}'"})] if said.tool else []
    )
    return Line(say=said.text, calls=tuple(calls), input_tokens=taken, output_tokens=given)


def definition(execution: Execution) -> AdvancedWorkflow:
    agent = Agent(
        model="scripted:bench",
        instructions=INSTRUCTIONS,
        prompt="input.question",
        tools=tuple(
            Tool(action="look_up", name=name, description=text, execution=execution) for name, text in TOOLS.items()
        ),
        max_turns=1000,
    )
    step = WorkflowStep(step_id="respond", step_type=StepType.REACT, agent=agent)
    return AdvancedWorkflow(workflow_id=WORKFLOW, steps=(step,), output={"answer": "steps.respond.output"})


def serving(queue: str, execution: Execution) -> Serving:
    """What the side's worker serves."""
    described = action_of(look_up)
    assert described is not None
    return Serving(
        Settings(task_queue=queue),
        ActionRegistry({described.name: described}),
        [parse(definition(execution).model_dump_json(exclude_defaults=True))],
        Models(scripts={"bench": model}),
    )


async def connect(address: str) -> Client:
    return await connection.connect(address=address)


@asynccontextmanager
async def worker(client: Client, queue: str, execution: Execution = "regular") -> AsyncGenerator[None, None]:
    served = serving(queue, execution)
    workers = build_workers(client, served, search_attributes=SEARCH_ATTRIBUTES)
    try:
        async with workers[0]:
            yield
    finally:
        await close(workers, served)


async def start(client: Client, queue: str, question: str) -> Handle:
    return (await runs.start(client, WORKFLOW, {"question": question}, task_queue=queue)).handle


def replayer() -> Replayer:
    return Replayer(workflows=WORKFLOWS, unsandboxed_workflow_runner=EngineRunner(), interceptors=[EngineInterceptor()])
