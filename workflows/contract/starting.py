"""What starts a run, and what its first step pins."""

from __future__ import annotations

from pydantic import AliasChoices, Field, JsonValue

from advanced_workflow.workflows.contract.agents import ToolSchema
from advanced_workflow.workflows.contract.names import CONTINUE_AFTER_EVENTS, PAYLOAD_LIMIT_BYTES
from advanced_workflow.workflows.contract.wire import Json, UserModel, WireModel


class RerunOf(WireModel):
    """What a run takes over from the one it repeats; `adw rerun` builds it from that run's `checkpoint`."""

    run: str
    """Id of the run that is repeated."""
    run_id: str
    """Temporal's id of that execution."""
    execution_id: str = ""
    """That of the run, which its effects are known by; of one history where it is left out."""
    left: str | None = None
    """Effects of that run that stay although nobody keeps them: somebody said that it is to be so."""
    from_step: str | None = None
    """The step from which on everything runs again, where one was named."""
    definition: dict[str, JsonValue]
    """What is run: the definition that run was pinned to, or a corrected one."""
    records: list[dict[str, JsonValue]] = Field(default_factory=list[dict[str, JsonValue]])
    """Step records that are kept."""
    undo: JsonValue = None
    """What may have to be undone of the kept steps."""
    variables: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """The `workflow` variables to begin with."""


class ExecutionOptions(UserModel):
    """What a caller may say about one run."""

    started_by: str | None = None
    """Who starts the run; may not approve it unless the approval allows it."""
    token: str | None = None
    """Signs `started_by` where an approval of the definition wants it: `advanced_workflow.workflows.contract.tokens.StartClaims` as a compact JWS."""
    groups: dict[str, list[str]] = Field(default_factory=dict)
    """Members of approver groups, for groups that the definition does not list."""
    version: str | None = Field(default=None, validation_alias=AliasChoices("version", "workflow_version"))
    """The version of the definition, registered or sent with the run, exactly; the highest when empty. Also written `workflow_version`."""
    rerun: RerunOf | None = None
    """The run this one repeats, and what it keeps of it."""
    hand_over_undo: bool = False
    """The result carries what is needed to undo the run later (set by a parent run for its children)."""


class RunRequest(UserModel):
    """The one argument of workflow type `AdvancedWorkflow`."""

    workflow: dict[str, Json]
    """Not walked by the model, nor is the input: they may be large, and a workflow task has two seconds."""
    input_data: Json = None
    execution_options: dict[str, JsonValue] = Field(default_factory=dict)
    carried: Json = None
    """What a run that continues as new takes along."""


class PrepareRequest(WireModel):
    """Argument of the prepare activity: a registered type's name, or the definition itself."""

    workflow_type: str
    workflow: dict[str, Json] | None = None
    input_data: Json = None
    execution_options: JsonValue = None
    run: str = ""
    """The workflow id that a signed start is for: this run's own, or that of the run which everything began with."""
    is_first: bool = True
    """Whether that is this run."""
    began: float = 0
    """When this run was started, in seconds of Unix time."""


RULES = 4
"""The rules of this release: see `advanced_workflow.workflows.engine.temporal.patches`."""


class Prepared(WireModel):
    """What the prepare activity pins in the history.

    `definition` is left out where the history already holds it (ad-hoc runs carry it in their arguments). Where it names MCP servers it
    is the one that is run: with the tools that they offered.
    """

    sha256: str
    rules: int = 1
    """Number of the engine's rules that the run follows to its end; 1 are those of release 0.1.0, which did not say it."""
    definition: dict[str, Json] | None = None
    timeout: float | None = None
    """Seconds that the run may take, where the definition has an expression for them."""
    search_attributes: bool = False
    """Whether the namespace knows the search attribute that says whom the run waits for."""
    tells_version: bool | None = None
    """Whether it knows the one that says which version of its definition the run is pinned to."""
    continue_after: int = CONTINUE_AFTER_EVENTS
    """Events of history after which the run continues as new."""
    beating: list[str] = Field(default_factory=list[str])
    """The definition's actions on the run's own queue that give signs of life by themselves."""
    payload_limit: int = PAYLOAD_LIMIT_BYTES
    """Largest JSON value in bytes that goes to a step; larger than Temporal's own where external storage is configured."""
    tools: dict[str, ToolSchema] | None = None
    """What the models of its agents are shown of their tools, by the ids of the tools' steps: a deploy changes nothing of it."""
    signed: list[str] = Field(default_factory=list[str])
    """Ids of its steps that lead to decisions which must be signed, and of their tools: nobody can skip them."""
    before_signed: list[str] = Field(default_factory=list[str])
    """Ids of its steps that come before one of those: nobody can skip them either, as what they give says what is asked."""
    graphs: dict[str, str] | None = None
    """Digests of the users' graphs that it runs, by their names: see `GraphChanged`."""
