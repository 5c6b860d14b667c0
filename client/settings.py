"""The project's own settings, from `ADW_` environment variables.

How to reach the server is not here: that is Temporal's own configuration (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`,
`TEMPORAL_API_KEY`, TOML profiles), see `advanced_workflow.client.connection`.
"""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from advanced_workflow.client.errors import SettingsInvalid
from advanced_workflow.client.setting_types import (
    NO_STORAGE,
    ActionNames,
    BindAddress,
    BuildId,
    DeploymentName,
    Folders,
    Graphs,
    Hosts,
    ModelName,
    ModelNames,
    ModuleNames,
    NonEmpty,
    QueueNames,
    SecretPlaces,
    ServerNames,
    Slots,
    StorageAddress,
    WebAddress,
)
from advanced_workflow.workflows.contract import CONTINUE_AFTER_EVENTS, DEFAULT_TASK_QUEUE, PAYLOAD_LIMIT_BYTES
from advanced_workflow.workflows.plain.misfits import reason

ENVIRONMENT_PREFIX = "ADW_"
_MIB = 1024 * 1024


def current_user() -> str:
    """The operating system's name of the current user, or `unknown` where it has none (some containers)."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


class Settings(BaseSettings):
    """Settings of workers and clients; each is the environment variable `ADW_` plus its name in capitals."""

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    actions: ModuleNames = ()
    """Modules with actions, separated by commas."""
    definitions: Folders = ()
    """Folders with definitions, separated as `PATH` is or by commas."""
    graphs: Graphs = ()
    """LangGraph graphs that `orchestrator` steps may name, `NAME=MODULE:ATTRIBUTE` separated by commas."""
    library: Literal["on", "off"] = "off"
    """`on` also serves the examples that come with the package: the definitions of `workflows/library` and their actions."""
    library_model: ModelName | None = None
    """Model that the examples' agents ask in the place of the scripts that come with them, such as `openai:gpt-5`."""
    task_queue: NonEmpty = DEFAULT_TASK_QUEUE
    """Queue that runs and their actions use."""
    capabilities: QueueNames = ()
    """Capabilities this worker serves besides; the name of each is its task queue."""
    foreign_actions: ActionNames = ()
    """Actions that other workers of `task_queue` serve, separated by commas; a run is refused whose definition names any other action
    that this worker does not serve. What has a queue of its own needs no entry."""
    search_attributes: Literal["auto", "required", "off"] = "auto"
    """`auto` uses the search attributes when the namespace knows them, `required` refuses to start without them."""

    deployment: DeploymentName | None = None
    """Worker Deployment this worker is part of, set together with `build_id`: new runs start on the deployment's current
    build, and runs that wait move to it. No versioning when empty. See `advanced_workflow.client.serve.deployment`."""
    build_id: BuildId | None = None
    """What the operator calls this build of the worker, such as a release or a commit; each build has its own."""

    ad_hoc: Literal["any", "checked", "off"] = "any"
    """Which definitions runs may bring with them: `any` that passes the checks, `checked` for those that name nothing but
    `ad_hoc_actions` and call nothing but `ad_hoc_hosts`, `off` for none."""
    ad_hoc_actions: ActionNames = ()
    """Actions, separated by commas, that such definitions may name where `ad_hoc` is `checked`."""
    ad_hoc_hosts: Hosts = ()
    """Hosts that webhook steps of such definitions may call where `ad_hoc` is `checked`."""

    http_allowed_hosts: Hosts = ()
    """Hosts that webhook steps may reach by plain http or at private addresses."""
    secrets: SecretPlaces = ()
    """Where secrets may go, `NAME=HOST` or `NAME=HOST:PORT` separated by commas; by plain http only where the host is written
    `http://HOST`. With `@WORKFLOW` or `@WORKFLOW/STEP` behind it only for runs of that type, or for that step of them. A secret (the variable `ADW_SECRET_NAME`) that stands in no entry goes nowhere."""

    models: ModelNames = ()
    """Models that agents may use, separated by commas; one that ends in `*` stands for all that begin so. Every model when empty."""
    ad_hoc_models: ModelNames = ()
    """Of these, the models that agents of definitions may use which runs bring with them, where `ad_hoc` is `checked`."""
    model_endpoints: Path | None = None
    """File with servers that models are called at, by the name that stands before the model: `local: {base_url: http://gpu:8000/v1}`.
    See `advanced_workflow.activities.agents.endpoints`."""
    model_prices: Path | None = None
    """File with the prices of models: `openai:gpt-5: {input: 1.25, output: 10}`, of a million tokens. See `advanced_workflow.activities.agents.prices`."""
    model_scripts: Folders = ()
    """Folders with scripts that `scripted:NAME` models follow. See `advanced_workflow.activities.agents.scripts`."""
    agents: Literal["auto", "on", "off"] = "auto"
    """Whether the packages of models are loaded before the worker takes work, which takes seconds: `auto` where one of its
    definitions needs them. With `off`, and for what a run brings with it, they are loaded at the first call; what the graphs of its
    own definitions need is always loaded before."""

    mcp_servers: Path | None = None
    """File with the MCP servers whose tools agents may be given: `docs: {url: https://docs.example/mcp}`.
    See `advanced_workflow.activities.mcp.servers`."""
    ad_hoc_mcp_servers: ServerNames = ()
    """Of these, the servers that definitions may name which runs bring with them, where `ad_hoc` is `checked`."""

    storage: StorageAddress = NO_STORAGE
    """Where values larger than Temporal takes are kept: `none`, `file:///FOLDER`, `s3://BUCKET/PREFIX` or
    `gs://BUCKET/PREFIX`; the same for all clients and workers of a namespace. See `advanced_workflow.client.storage`."""
    storage_threshold: Annotated[int, Field(ge=32 * 1024, le=PAYLOAD_LIMIT_BYTES)] = 256 * 1024
    """Bytes from which on a value goes to the storage; smaller ones stay in the history."""
    payload_limit: Annotated[int, Field(ge=PAYLOAD_LIMIT_BYTES, le=256 * _MIB)] = 8 * _MIB
    """Bytes of the largest single JSON value where there is a storage; Temporal's own limit holds where there is none.
    Not for free: a workflow task that takes longer than 2 s fails, and reading and writing 10 MB of dense JSON takes one;
    long texts cost a tenth of that."""

    decision_keys: NonEmpty | None = None
    """The public keys that signed starts and decisions are verified with: a JWKS file, or its https address. None may be signed when empty.
    See `advanced_workflow.activities.worker.decision_keys`."""

    user: NonEmpty = Field(default_factory=current_user)
    """Who starts runs and decides approvals from here."""
    web_ui: WebAddress | None = None
    """Address of the Temporal Web UI, for links."""
    connect_timeout: Annotated[float, Field(gt=0, le=300)] = 5
    """Seconds until an unreachable server is given up."""

    prometheus: BindAddress | None = None
    """IP:PORT where the worker's metrics can be scraped; none when empty."""
    health: BindAddress | None = None
    """IP:PORT where the worker answers `GET /live` and `GET /ready`; none when empty. Ready means that it polls its queues and that the
    server answers it. See `advanced_workflow.client.serve.health`."""
    otlp: WebAddress | None = None
    """OpenTelemetry collector (gRPC) for traces, and for metrics unless `prometheus` is set; none when empty."""
    trace_content: Literal["on", "off"] = "off"
    """Whether the spans of model calls tell what was said: instructions, messages, calls and results, the newest 16 KB, without fields that
    a tool's schema marks as secret (`writeOnly`, `format: password`). It is whatever users and tools say: mind who reads the traces."""
    log_format: Literal["text", "json"] = "text"
    """How log lines are written; with `json` all that a worker writes is one JSON object a line."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least level that is logged."""

    continue_after: Annotated[int, Field(ge=100, le=6_000)] = CONTINUE_AFTER_EVENTS
    """About how many events of history a run has when it continues in a new one (continues as new); pinned when the run starts."""
    max_concurrent_activities: Slots = 100
    """Actions a worker runs at a time, on each of its queues."""
    max_concurrent_workflow_tasks: Slots = 100
    """Workflow tasks a worker runs at a time."""
    max_cached_workflows: Slots = 1000
    """Runs a worker keeps in memory between their tasks."""
    shutdown_timeout: Annotated[float, Field(ge=0, le=86_400)] = 10
    """Seconds running actions get to finish when the worker stops."""

    @model_validator(mode="after")
    def _build_of_a_deployment(self) -> Self:
        if (self.deployment is None) != (self.build_id is None):
            given, missing = ("DEPLOYMENT", "BUILD_ID") if self.build_id is None else ("BUILD_ID", "DEPLOYMENT")
            raise ValueError(
                f"{ENVIRONMENT_PREFIX}{missing}: is not set, but {ENVIRONMENT_PREFIX}{given} is; set both, or neither"
            )
        return self


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - any setting, checked by the model
    """Read the settings; `overrides` win over the environment.

    Raises:
        SettingsInvalid: one sentence for each bad value, joined by newlines.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsInvalid("\n".join(dict.fromkeys(_sentence(detail) for detail in error.errors()))) from None


def _sentence(detail: ErrorDetails) -> str:
    why = reason(detail["msg"])
    if not detail["loc"]:  # about several settings; the sentence names them
        return f"{why}."
    variable = ENVIRONMENT_PREFIX + str(detail["loc"][0]).upper()
    if detail["type"] == "value_error":  # our own validators say everything
        return f"{variable}: {why}."
    return f"{variable}: {detail['input']!r} cannot be used; it {why}."
