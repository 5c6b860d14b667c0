"""The models a worker calls for agents: by its settings, loaded before it takes work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from opentelemetry.trace import Tracer

from advanced_workflow.activities.agents import graphs
from advanced_workflow.activities.agents.calls import ModelCalls
from advanced_workflow.activities.agents.chat import preload
from advanced_workflow.activities.agents.endpoints import Endpoints
from advanced_workflow.activities.agents.policy import ModelPolicy
from advanced_workflow.activities.agents.prices import Prices
from advanced_workflow.activities.agents.scripted import Written
from advanced_workflow.activities.agents.scripts import read_scripts
from advanced_workflow.activities.agents.telemetry import NO_TRACER
from advanced_workflow.activities.library import SCRIPTS
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.kinds.react import SCRIPTED
from advanced_workflow.workflows.definition.tools import has_graphs, models_of
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


@dataclass(frozen=True)
class Models:
    """What one worker process knows of models."""

    endpoints: Endpoints = field(default_factory=Endpoints)
    prices: Prices = field(default_factory=Prices)
    scripts: Mapping[str, Written] = field(default_factory=dict[str, Written])
    policy: ModelPolicy = field(default_factory=ModelPolicy)
    trace_content: bool = False
    """Whether spans tell what was said."""

    @classmethod
    def load(cls, settings: Settings) -> Models:
        """Read what the settings say of models.

        Raises:
            ModelFileInvalid: a file that they name cannot be used.
        """
        library = [SCRIPTS] if settings.library == "on" else []
        ad_hoc = settings.ad_hoc_models if settings.ad_hoc == "checked" else None
        return cls(
            Endpoints.read(settings.model_endpoints),
            Prices.read(settings.model_prices),
            read_scripts([*library, *settings.model_scripts]),
            ModelPolicy(settings.models or None, ad_hoc),
            trace_content=settings.trace_content == "on",
        )

    @property
    def secrets(self) -> set[str]:
        """Names of the secrets that are keys of endpoints."""
        return {one.key for one in self.endpoints.by_name.values() if one.key is not None}

    def calls(self, tracer: Tracer = NO_TRACER) -> ModelCalls:
        """The activity."""
        return ModelCalls(
            self.endpoints,
            self.prices,
            self.scripts,
            policy=self.policy,
            tracer=tracer,
            content=self.trace_content,
        )

    def preload(
        self,
        when: Literal["auto", "on", "off"],
        definitions: Iterable[AdvancedWorkflow],
        own_graphs: Iterable[str] = (),
    ) -> None:
        """Import the packages of the models that these definitions name, and of graphs; a worker that serves neither imports none.

        What graphs need is imported whatever `when` says: the first call would be in a workflow task.
        """
        served = list(definitions)
        if when == "on" or any(map(has_graphs, served)) or any(own_graphs):
            graphs.preload()
        named = {name.partition(":")[0] for one in served for name in models_of(one)} - {SCRIPTED}
        if when == "on" or (when == "auto" and named):
            of_endpoints = {name: one.provider for name, one in self.endpoints.by_name.items()}
            preload({of_endpoints.get(name, name) for name in named} | {*of_endpoints.values()})
