"""The first thing a run does: find its definition, check it and its input, and pin both in the history.

It is an activity because the definitions lie on the worker's disk and checking costs time that a replay must not pay again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import JsonValue, ValidationError
from temporalio import activity
from temporalio.client import Client

from advanced_workflow.activities.action.errors import refusal
from advanced_workflow.activities.agents import graphs
from advanced_workflow.activities.agents.costs import unpriced
from advanced_workflow.activities.agents.prices import Prices
from advanced_workflow.activities.mcp.lists import ToolLists
from advanced_workflow.activities.mcp.pins import require_small
from advanced_workflow.activities.mcp.servers import Servers
from advanced_workflow.activities.mcp.sessions import Sessions
from advanced_workflow.activities.worker.ad_hoc import AdHoc
from advanced_workflow.activities.worker.computed_timeout import computed_timeout
from advanced_workflow.activities.worker.decision_keys import KeySource
from advanced_workflow.activities.worker.registered import Registered, Wanted
from advanced_workflow.activities.worker.signed_starts import require_signed_start
from advanced_workflow.workflows.contract import (
    CONTINUE_AFTER_EVENTS,
    HTTP_ACTION,
    MCP_ACTIVITY,
    PAYLOAD_LIMIT_BYTES,
    PREPARE_ACTIVITY,
    RULES,
    ExecutionOptions,
    Prepared,
    PrepareRequest,
)
from advanced_workflow.workflows.contract.agents import ToolSchema
from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
from advanced_workflow.workflows.definition.check.check import check, unsupported
from advanced_workflow.workflows.definition.check.tools import pinned_tools
from advanced_workflow.workflows.definition.graph.outline import outline
from advanced_workflow.workflows.definition.model.marked import named
from advanced_workflow.workflows.definition.model.markers import ActionName
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import listed
from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems, Problem, errors_of
from advanced_workflow.workflows.definition.schema import STEPS_ASIDE, STEPS_AT_ONCE, value_problems
from advanced_workflow.workflows.definition.signed import SignedParts, signed_parts
from advanced_workflow.workflows.definition.text.load import definition_sha256, dump_definition
from advanced_workflow.workflows.definition.text.validation import validate
from advanced_workflow.workflows.definition.tools import (
    acting,
    asks_servers,
    graphs_of,
    has_graphs,
    servers_of,
    with_children,
)
from advanced_workflow.workflows.definition.versions import Definitions, Known
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import (
    InputInvalid,
    NotSupportedYet,
    UnknownAction,
    UnknownGraph,
    WorkflowError,
)
from advanced_workflow.workflows.plain.misfits import places
from advanced_workflow.workflows.plain.strict_json import is_small, require_json

OnAccepted = Callable[[AdvancedWorkflow, str], object]
"""Takes a definition and its sha256."""
RequireKept = Callable[
    [Client, ExecutionOptions, PrepareRequest, AdvancedWorkflow, Sequence[AdvancedWorkflow]], Coroutine[Any, Any, None]
]
"""Reads the run that another says it repeats, and refuses what is not from there: `advanced_workflow.client.reruns.kept`."""
_OF_THEIR_OWN = frozenset({Code.UNKNOWN_ACTION.value, Code.UNKNOWN_GRAPH.value, Code.NOT_SUPPORTED_YET.value})
"""Problems that refuse a run with a type of their own."""
_MOST_ACCEPTED = 1000
"""Definitions remembered as checked."""


@dataclass(frozen=True, slots=True)
class _Accepted:
    """What follows from a definition that passed."""

    pinned: dict[str, Any]
    signed: SignedParts


class Preparation:
    """The prepare activity of one worker, with the definitions and actions it knows."""

    def __init__(
        self,
        definitions: Known,
        catalog: ActionCatalog | None,
        *,
        search_attributes: bool,
        tells_version: bool = False,
        continue_after: int = CONTINUE_AFTER_EVENTS,
        payload_limit: int = PAYLOAD_LIMIT_BYTES,
        ad_hoc: AdHoc | None = None,
        prices: Prices | None = None,
        graphs: Mapping[str, str] | None = None,
        tool_lists: ToolLists | None = None,
        require_kept: RequireKept | None = None,
        keys: KeySource | None = None,
        on_accepted: OnAccepted = lambda _, __: None,
    ) -> None:
        """`catalog` has the actions served on the run's queue; without it nothing is said about actions.

        `search_attributes` and `tells_version` say which of the project's search attributes the namespace knows: whom a run waits for,
        and the version of its definition.

        `continue_after` and `payload_limit` are pinned in each run: see `advanced_workflow.workflows.contract.Prepared`.
        `ad_hoc` says which definitions runs may bring with them, `prices` what models cost that agents ask, `graphs` the digests of the users' graphs, `tool_lists` what MCP servers offer, `keys` who may sign; without `require_kept` no run may keep results of another.
        `on_accepted` is called, in a thread, for each definition that passed, before a run of it continues.
        """
        self._known = Definitions(definitions)
        self._catalog = catalog
        self._common = Prepared(
            sha256="",
            rules=RULES,
            search_attributes=search_attributes,
            tells_version=tells_version or None,
            continue_after=continue_after,
            payload_limit=payload_limit,
        )
        self._ad_hoc = ad_hoc or AdHoc()
        self._prices = prices
        self._graphs = graphs or {}
        self._tool_lists = tool_lists or ToolLists(Servers(), Sessions())
        self._require_kept = require_kept
        self._keys = keys or KeySource()
        self._on_accepted = on_accepted
        self._registered = Registered(self._known, self._common)
        self._accepted: dict[str, _Accepted] = {}

    @activity.defn(name=PREPARE_ACTIVITY)
    async def prepare(self, request: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON; the model below checks it
        """Take a `PrepareRequest`, give a `Prepared`; a run that cannot start fails here, with one sentence, before any step."""
        try:
            wanted = _request(request)
            accepted = self._prepare_at_once(wanted)
            if accepted is None:
                # Checking takes seconds where a definition or an input is large, and the worker's loop has other runs to serve.
                found = await self._with_tools(await asyncio.to_thread(self._wanted, wanted), wanted.workflow_type)
                accepted = await asyncio.to_thread(self._accepted_for, found, wanted, STEPS_ASIDE)
                await self._check_kept(wanted)
            prepared, signed = accepted
            await require_signed_start(self._keys, wanted, _options(wanted.execution_options), signed.asking)
            return prepared.model_dump(mode="json", exclude_none=True)
        except WorkflowError as error:
            raise refusal(error) from None

    async def _check_kept(self, request: PrepareRequest) -> None:
        options = _options(request.execution_options)
        rerun = options.rerun
        if rerun is None:
            return
        if self._require_kept is None:
            raise InputInvalid("this worker cannot read other runs, so that no run may keep results of one.")
        workflow = await asyncio.to_thread(_read, rerun.definition if request.workflow is None else request.workflow)
        served = [one for one in self._known if one.workflow_id == request.workflow_type]
        await self._require_kept(activity.client(), options, request, workflow, served)

    def _prepare_at_once(self, request: PrepareRequest) -> tuple[Prepared, SignedParts] | None:
        """What costs next to nothing: a definition that is known, and a small input that fits."""
        options = request.execution_options
        keeps = not isinstance(options, dict | None) or (options is not None and options.get("rerun") is not None)
        if request.workflow is not None or keeps or not is_small([request.input_data, options]):
            return None
        try:
            if not self._registered.is_at_hand(request.workflow_type, _options(options).version):
                return None
            return self._accepted_for(self._wanted(request), request, STEPS_AT_ONCE)
        except InputInvalid:
            return None

    async def _with_tools(self, found: Wanted, workflow_type: str) -> Wanted:
        """The same with the tools that MCP servers offer now: they are part of the definition from here on."""
        if not (found.asks_servers if found.is_registered else asks_servers(found.workflow)):
            return found
        if not found.is_registered:
            # What is wrong in it as it is written is not seen any more in what the servers' tools make of it.
            await asyncio.to_thread(self._require_usable, found.workflow)
        pinned = await self._tool_lists.pinned(found.workflow, workflow_type)
        data = await asyncio.to_thread(dump_definition, pinned)
        require_small(data)
        workflow = await asyncio.to_thread(_read, data)  # What comes from outside is looked at as a definition is.
        update = {"sha256": definition_sha256(workflow), "definition": data}
        return replace(found, workflow=workflow, prepared=found.prepared.model_copy(update=update))

    def _accepted_for(self, found: Wanted, request: PrepareRequest, steps: int) -> tuple[Prepared, SignedParts]:
        accepted = self._accept(found.workflow, found.prepared.sha256)
        _require_input(found.workflow, request.input_data, steps)
        pinned, timeout = accepted.pinned, computed_timeout(found.workflow, request.input_data)
        if timeout is not None:
            pinned = {**pinned, "timeout": timeout}
        return found.prepared.model_copy(update=pinned) if pinned else found.prepared, accepted.signed

    def _wanted(self, request: PrepareRequest) -> Wanted:
        options = _options(request.execution_options)
        if options.rerun is not None and request.workflow is None:
            workflow = _read_repeated(options.rerun.definition, request.workflow_type)
            pinned = {"sha256": definition_sha256(workflow), "definition": dump_definition(workflow)}
            prepared = self._common.model_copy(update=pinned)
        elif request.workflow is None:
            return self._registered.find(request.workflow_type, options.version)
        else:
            workflow = _read(request.workflow)
            self._ad_hoc.require_allowed(workflow)
            # A rerun has the options of the run it repeats, and may bring a corrected definition.
            if options.rerun is None:
                _require_sent_version(workflow, options.version)
            prepared = self._common.model_copy(update={"sha256": definition_sha256(workflow)})
        return Wanted(workflow, prepared)

    def _accept(self, workflow: AdvancedWorkflow, sha256: str) -> _Accepted:
        """Refuse a definition that does not pass `check`; one that did is not checked again. Gives what is pinned for it."""
        accepted = self._accepted.get(sha256)
        if accepted is not None:
            return accepted
        # What its children lack would be found only after effects.
        for one in with_children(workflow, self._known):
            self._require_usable(one)
            if has_graphs(one) and not graphs.preload():
                what = 'LangGraph, which this worker has not: pip install "advanced-workflow[agents]".'
                raise NotSupportedYet(f"{one.workflow_id}: an orchestrator needs {what}")
        if len(self._accepted) >= _MOST_ACCEPTED:
            del self._accepted[next(iter(self._accepted))]
        self._on_accepted(workflow, sha256)
        known = self._known.joined(workflow)
        tools = pinned_tools(workflow, self._catalog or {}, known)
        # What is registered is what a child runs, whatever a definition that comes with its run calls itself.
        signed = signed_parts(workflow, self._known)
        pinned = {
            "beating": self._beating(workflow),
            "tools": {name: ToolSchema.model_validate(one) for name, one in tools.items()},
            "graphs": {name: self._graphs[name] for _, name in graphs_of(workflow)},
            "signed": sorted(signed.leading),
            "before_signed": sorted(signed.before),
        }
        accepted = _Accepted({name: value for name, value in pinned.items() if value}, signed)
        self._accepted[sha256] = accepted
        return accepted

    def _beating(self, workflow: AdvancedWorkflow) -> list[str]:
        """The actions of its steps that this worker serves: all of them give signs of life."""
        steps = (one.step for one in outline(workflow).placements)
        named_by_steps = {name for step in steps for _, name, _ in named(step, ActionName, ())}
        sends = any(step.step_type is StepType.WEBHOOK for _, step in acting(workflow))
        sent = {HTTP_ACTION} if sends else set[str]()
        if any(True for _ in servers_of(workflow)):
            sent.add(MCP_ACTIVITY)
        # Those of other workers are known by name only.
        own = {name for name, info in (self._catalog or {}).items() if info.computes_retry_delay}
        return sorted((named_by_steps & own) | sent)

    def _require_usable(self, workflow: AdvancedWorkflow) -> None:
        found = errors_of(check(workflow, self._catalog, self._known, graphs=self._graphs))
        if self._prices is not None:
            found += unpriced(workflow, self._prices)
        missing = [p for p in found if p.code == Code.UNKNOWN_GRAPH.value]
        problems = [p for p in found if p.code not in _OF_THEIR_OWN]
        if problems:
            raise DefinitionProblems(workflow.workflow_id, problems)
        if missing:
            raise UnknownGraph(f"{workflow.workflow_id}: {listed([str(one) for one in missing])}")
        unknown = [p for p in found if p.code == Code.UNKNOWN_ACTION.value]
        if unknown:
            raise UnknownAction(_unknown_actions(workflow, unknown))
        later = unsupported(workflow)
        if later:
            raise NotSupportedYet(f"{workflow.workflow_id}: {listed([str(problem) for problem in later])}")


def _unknown_actions(workflow: AdvancedWorkflow, problems: list[Problem]) -> str:
    first = " ".join(str(problem) for problem in problems[:3])
    more = f" ({len(problems) - 3} more.)" if len(problems) > 3 else ""
    return (
        f"{workflow.workflow_id}: {first}{more} All workers of a queue serve the same actions: correct the name, deploy the action to "
        "all of them, or name in their ADW_FOREIGN_ACTIONS what others serve there; an action with a queue of its own needs "
        "'agent_capability'."
    )


def _request(data: object) -> PrepareRequest:
    try:
        return PrepareRequest.model_validate(data)
    except ValidationError as error:
        raise InputInvalid(f"the run's arguments do not fit: {places(error)}.") from None


def _read(data: dict[str, JsonValue]) -> AdvancedWorkflow:
    validated = validate(data)
    if validated.problems or validated.workflow is None:
        raise DefinitionProblems(str(data.get("workflow_id", "workflow")), validated.problems)
    return validated.workflow


def _read_repeated(data: dict[str, JsonValue], workflow_type: str) -> AdvancedWorkflow:
    workflow = _read(data)
    if workflow.workflow_id != workflow_type:
        raise InputInvalid(
            f"the corrected definition is {workflow.workflow_id!r} and the run is of type {workflow_type!r}; "
            "keep the 'workflow_id'."
        )
    return workflow


def _require_sent_version(workflow: AdvancedWorkflow, wanted: str | None) -> None:
    if wanted is not None and wanted != workflow.version:
        raise InputInvalid(
            f"execution_options.version is {wanted!r}, and the definition that came with the run has version {workflow.version!r}; "
            "send the one that is wanted, or leave 'version' out."
        )


def _options(options: JsonValue) -> ExecutionOptions:
    try:
        return ExecutionOptions.model_validate({} if options is None else options)
    except ValidationError as error:
        raise InputInvalid(f"execution_options do not fit: {places(error)}.") from None


def _require_input(workflow: AdvancedWorkflow, value: JsonValue, steps: int) -> None:
    require_json(value, "input_data")
    problems = value_problems(workflow.input_schema, value, steps)
    if problems:
        raise InputInvalid(
            f"input_data does not fit the input_schema of {workflow.workflow_id!r}: {'; '.join(problems)}."
        )
