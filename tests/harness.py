"""Runs definitions on a real server with the real engine; only the actions are the test's own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote
from uuid import uuid4

from temporalio import activity
from temporalio.activity import _Definition
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.history.v1 import History
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.worker import Replayer, Worker

from advanced_workflow.activities.action.decorator import action, action_of
from advanced_workflow.activities.builtin.runs import ACTIVITIES
from advanced_workflow.activities.worker.decision_keys import KeySource
from advanced_workflow.activities.worker.interceptors import ActionInterceptor
from advanced_workflow.activities.worker.prepare import Preparation
from advanced_workflow.client.errors import NoAnswer, RunFailed
from advanced_workflow.client.reruns.kept import require_kept
from advanced_workflow.client.runs import Run, start
from advanced_workflow.client.serve.recorded import ReadsEnds
from advanced_workflow.client.service.asking import reads_histories
from advanced_workflow.client.settings import Settings
from advanced_workflow.client.storage import payload_limit
from advanced_workflow.workflows.contract import (
    CONTINUE_AFTER_EVENTS,
    ExecutionOptions,
    RunResult,
    RunState,
    UndoInput,
)
from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from advanced_workflow.workflows.definition.text.load import LoadedDefinition, parse
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.graph.plan import build_plan
from advanced_workflow.workflows.engine.graphs.registry import GRAPHS
from advanced_workflow.workflows.engine.run.workflow_types import WORKFLOWS
from advanced_workflow.workflows.engine.temporal.interceptor import EngineInterceptor
from advanced_workflow.workflows.engine.temporal.runner import EngineRunner
from tests.laws.held import Measuring
from tests.laws.laws import require_lawful
from tests.patience import PATIENCE_SECONDS, given_time, require_in_time
from tests.sandbox import strict_runner
from tests.servers import POLLS

Actions = Mapping[str, Callable[..., Any]]
Definition = dict[str, Any]
ROOT = Path(__file__).parents[1]


def definition(*steps: dict[str, Any], **fields: Any) -> Definition:
    """A definition of these steps; a step without a type is `sequential` and calls the action of its own id."""
    return {"workflow_id": "test", "name": "Test", **fields, "steps": [step_of(step) for step in steps]}


def step_of(step: dict[str, Any]) -> dict[str, Any]:
    """Fill in a step's name and action, nested ones included."""
    filled = {"name": step["step_id"].replace("_", " "), **step}
    if filled.get("step_type", "sequential") in ("sequential", "worker"):
        filled.setdefault("action", filled["step_id"])
    for nested in ("parallel_steps", "body"):
        if nested in filled:
            filled[nested] = [step_of(one) for one in filled[nested]]
    return filled


@dataclass
class Outcome:
    """How a run ended: its report, and the failure type (None when it completed)."""

    result: RunResult | None
    failure: str | None
    message: str
    handle: WorkflowHandle[Any, Any]
    states: list[RunState | None] = field(default_factory=list[RunState | None])
    """The last one, if it was asked for."""

    @property
    def state(self) -> RunState | None:
        """Its last state; None where it failed before it had one."""
        assert self.states, "ask for it: `outcome_of(run, state=True)`, `harness.run(..., state=True)`"
        return self.states[0]

    @property
    def report(self) -> RunResult:
        assert self.result is not None, self.message
        return self.result

    @property
    def data(self) -> Any:
        """The definition's own result."""
        return self.report.result

    def status_of(self, path: str) -> str:
        return str(self.report.steps[path]["status"])

    def undone(self) -> list[str]:
        """Paths of undone steps, in the order they were undone."""
        rollback = self.report.rollback
        return [one.path for one in rollback.entries if one.outcome == "undone"] if rollback else []


@dataclass
class Harness:
    """A client, and the histories of all runs a test started."""

    client: Client
    task_queue: str = field(default_factory=lambda: f"test-{uuid4().hex[:10]}")
    handles: list[WorkflowHandle[Any, Any]] = field(default_factory=list)
    search_attributes: bool = True
    foreign_actions: tuple[str, ...] = ()
    """Actions that other workers of the queue serve."""
    continue_after: int = CONTINUE_AFTER_EVENTS
    faults: bool = False
    """Whether a workflow task of its runs may fail, as the test has the engine fail."""
    histories_folder: ClassVar[Path | None] = None
    """Where histories are kept until all tests have run."""
    tests: ClassVar[dict[str, str]] = {}
    """Which test made a run, by the run's id."""

    @asynccontextmanager
    async def worker(
        self, actions: Actions | None = None, definitions: list[Definition] | None = None, **options: Any
    ) -> AsyncGenerator[Worker, None]:
        """A worker that serves these actions and registered definitions on the harness's queue."""
        loaded = [_loaded(one).workflow for one in definitions or []]
        served = [*(actions or {}), *map(_name_of, options.get("activities", ())), *self.foreign_actions]
        keys = KeySource(options.pop("decision_keys", None))
        preparation = Preparation(
            loaded,
            {**{name: ActionInfo(name, computes_retry_delay=False) for name in served}, **options.pop("catalog", {})},
            search_attributes=self.search_attributes,
            tells_version=self.search_attributes,
            continue_after=self.continue_after,
            payload_limit=payload_limit(self.client),
            graphs={name: one.digest for name, one in GRAPHS.items()},
            tool_lists=options.pop("tool_lists", None),
            require_kept=require_kept,
            keys=keys,
            on_accepted=build_plan,
        )
        runner = EngineRunner(Measuring(), ReadsEnds(self.client))
        worker = Worker(
            reads_histories(self.client),
            task_queue=options.pop("task_queue", self.task_queue),
            workflows=WORKFLOWS,
            unsandboxed_workflow_runner=runner,
            activities=[
                preparation.prepare,
                keys.give,
                *ACTIVITIES,
                *self._activities(actions or {}),
                *options.pop("activities", ()),
            ],
            interceptors=options.pop("interceptors", None) or [EngineInterceptor(), ActionInterceptor()],
            max_heartbeat_throttle_interval=_SHORT,
            default_heartbeat_throttle_interval=_SHORT,
            **{**POLLS, **options},
        )
        try:
            async with worker:
                yield worker
        finally:
            await runner.close()

    def _activities(self, actions: Actions) -> list[Callable[..., Any]]:
        return activities_of(actions, payload_limit(self.client))

    async def start(
        self,
        workflow: Definition | str,
        input_data: Any = None,
        *,
        options: ExecutionOptions | None = None,
        **more: Any,
    ) -> Run:
        """Start a run; it is replayed at the end of the test."""
        model = workflow if isinstance(workflow, str) else AdvancedWorkflow.model_validate(workflow)
        run = await start(
            self.client, model, input_data, options=options, task_queue=self.task_queue, settings=_settings(), **more
        )
        self.handles.append(run.handle)
        return run

    async def run(
        self,
        workflow: Definition | str,
        input_data: Any = None,
        *,
        actions: Actions | None = None,
        state: bool = False,
        **more: Any,
    ) -> Outcome:
        """Run a definition to its end on a worker of its own; `state` as for `outcome_of`."""
        async with self.worker(actions):
            run = await self.start(workflow, input_data, **more)
            return await outcome_of(run, state=state)

    async def given_time(self, once: Callable[[float], Coroutine[Any, Any, None]], seconds: float) -> None:
        """As `given_time`, where `once` gives it as a limit to actions: `TooSlow` as soon as one took longer that was to answer."""

        async def in_time(seconds: float) -> None:
            before = len(self.handles)
            doing = asyncio.ensure_future(once(seconds))
            try:
                while not doing.done():
                    await asyncio.wait([doing], timeout=1)
                    require_in_time(await self.histories(before))
                await doing
            finally:
                doing.cancel()
                await asyncio.wait([doing])

        await given_time(in_time, seconds)

    async def histories(self, since: int = 0) -> list[WorkflowHistory]:
        """The histories of the runs started so far, or of all but the first: of each the whole chain of continuations, and its children's."""
        found: list[WorkflowHistory] = []
        waiting = [(handle.id, handle.first_execution_run_id) for handle in self.handles[since:]]
        while waiting:
            workflow_id, run_id = waiting.pop(0)
            history = await self.client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
            found.append(history)
            waiting += list(_later_runs(history))
        return found

    async def replay(self) -> None:
        """Keep every history, and ask the laws of it: at the end of all tests all are replayed, in processes that ran none of them."""
        if self.histories_folder:
            histories = await self.histories()
            for history in histories:
                self.tests[history.workflow_id] = os.environ.get("PYTEST_CURRENT_TEST", "")
                # Replay needs the run's own id, after which its children are named; the suffix keeps files apart.
                name = f"{quote(history.workflow_id, safe='')}@{uuid4().hex[:6]}.binpb"
                (self.histories_folder / name).write_bytes(History(events=history.events).SerializeToString())
            require_lawful(histories, faults=self.faults)


class Noted:
    """Tells a call from its later attempts: on a busy machine one may be answered too late, and is made again."""

    def __init__(self) -> None:
        self._calls: set[tuple[str | None, str]] = set()

    def is_new(self) -> bool:
        """Whether no attempt of the activity's call was here before."""
        info = activity.info()
        call = (info.workflow_run_id, info.activity_id)
        is_new = info.attempt == 1 or call not in self._calls
        self._calls.add(call)
        return is_new


def recording(undone: list[str]) -> Callable[[UndoInput], None]:
    """An undo action that notes `STEP OUTCOME` of each call; one that is answered too late and made again is one call."""
    noted = Noted()

    def undo(undo: UndoInput) -> None:
        if noted.is_new():
            undone.append(f"{undo.step_id} {undo.outcome}")

    return undo


def replayer(**options: Any) -> Replayer:
    """Replays strictly."""
    return Replayer(
        workflows=WORKFLOWS,
        unsandboxed_workflow_runner=EngineRunner(strict_runner()),
        interceptors=[EngineInterceptor()],
        debug_mode=True,
        **options,
    )


async def outcome_of(run: Run, *, state: bool = False) -> Outcome:
    """Wait for the run's end.

    With `state`, and where it left no report, it is asked for its state then, for which a worker replays all of it: a quarter
    of what a short run costs.
    """
    try:
        ended = Outcome(await run.result(), None, "", run.handle)
    except RunFailed as error:
        ended = Outcome(error.result, error.failure_type, str(error), run.handle)
    if ended.result is None:
        ended.states.append(await _state(run))
    elif state:
        ended.states.append(await eventually(run.state))  # On a slow machine the server may not wait for the answer.
    return ended


async def eventually(condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait until the condition (maybe async) gives something true."""
    async with asyncio.timeout(seconds):
        while True:
            with contextlib.suppress(Exception):
                value = condition()
                value = await value if asyncio.iscoroutine(value) else value
                if value:
                    return value
            await asyncio.sleep(0.03)


async def at_rest(run: Run) -> list[str]:
    """Wait until a run has heard all that was sent to it and all it calls has begun; gives the paths of what it still calls.

    What a run decides is kept together with the end of its workflow task, so whatever it would do wrongly is among these paths
    or has ended, however slow the machine is. The calls of a local action and of a child run are not seen.
    """
    paths: list[str] = []

    async def rests() -> bool:
        described = (await run.client.get_workflow_handle(run.id).describe()).raw_description
        calls = described.pending_activities
        paths[:] = sorted(one.activity_id for one in calls)
        return not described.HasField("pending_workflow_task") and all(_has_begun(one) for one in calls)

    await eventually(rests)
    return paths


async def _state(run: Run) -> RunState | None:
    while True:
        try:
            return await run.state()
        except NoAnswer:
            continue
        except Exception:  # a run that failed before it had a state
            return None


def _has_begun(call: PendingActivityInfo) -> bool:
    return call.state != PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED


def _later_runs(history: WorkflowHistory) -> Iterator[tuple[str, str]]:
    """Ids of the run that continues this one, and of its children."""
    for event in history.events:
        if event.HasField("child_workflow_execution_started_event_attributes"):
            child = event.child_workflow_execution_started_event_attributes.workflow_execution
            yield child.workflow_id, child.run_id
        elif event.HasField("workflow_execution_continued_as_new_event_attributes"):
            yield history.workflow_id, event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id


def _loaded(one: Definition) -> LoadedDefinition:
    return _parsed(json.dumps(one))


@lru_cache(maxsize=64)
def _parsed(text: str) -> LoadedDefinition:
    return parse(AdvancedWorkflow.model_validate_json(text).model_dump_json(exclude_defaults=True))


def activities_of(actions: Actions, limit: int) -> list[Callable[..., Any]]:
    """What a worker registers for these actions."""
    return [_activity(name, one, limit) for name, one in actions.items()]


def _activity(name: str, function: Callable[..., Any], limit: int) -> Callable[..., Any]:
    described = action_of(action(name=name)(function))
    assert described is not None
    return described.activity(payload_limit=limit)


@cache
def _settings() -> Settings:
    # They are read from the environment, which takes longer than to start a run.
    return Settings(user="tester")


def _name_of(activity: Callable[..., Any]) -> str:
    return str(_Definition.must_from_callable(activity).name)


_SHORT = timedelta(seconds=0.2)
