"""Folds the labels of metrics to names the worker knows: what others make up does not grow the page of metrics.

Temporal labels its metrics by workflow and activity type, and a worker is given whatever type a run was started with. Series of
names that are not known here are added up under `unknown`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from advanced_workflow.workflows import contract, errors
from advanced_workflow.workflows.contract import MODEL_ACTIVITY, McpFailure, ModelFailure
from advanced_workflow.workflows.definition.graph.outline import outline
from advanced_workflow.workflows.definition.model.error_types import PLATFORM_TYPES
from advanced_workflow.workflows.definition.tools import acting, models_of, tool_steps
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.monitoring.telemetry import CUSTOM_PREFIX, custom_metric_name

UNKNOWN = "unknown"
OWN_TYPES = frozenset(value for name, value in vars(contract).items() if name.endswith("_WORKFLOW_TYPE"))
OWN_ACTIVITIES = frozenset(
    value for name, value in vars(contract).items() if name.endswith(("_ACTIVITY", "HTTP_ACTION"))
)
OWN_ERRORS = frozenset(
    {
        "",
        *PLATFORM_TYPES,
        *(one.code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.WorkflowError)),
        *ModelFailure,
        *McpFailure,
    }
)

SAMPLE = re.compile(r"(?P<name>[A-Za-z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
"""A line of a page."""
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class KnownLabels:
    """The values of each label that may be told apart, and the metrics of their own that definitions have."""

    values: Mapping[str, frozenset[str]]
    custom: frozenset[str]

    @staticmethod
    def of(definitions: Iterable[AdvancedWorkflow], actions: Iterable[str]) -> KnownLabels:
        """What a worker knows that serves these."""
        served = list(definitions)
        steps = [one.step for workflow in served for one in outline(workflow).placements]
        all_acting = [step for workflow in served for _, step in acting(workflow)]
        models = frozenset(name for workflow in served for name in models_of(workflow))
        return KnownLabels(
            {
                "workflow_type": frozenset({"", "none", *OWN_TYPES, *(one.workflow_id for one in served)}),
                "activity_type": frozenset({"", "none", *OWN_ACTIVITIES, *actions}),
                "action": frozenset({*OWN_ACTIVITIES, *actions, *(f"{MODEL_ACTIVITY} {one}" for one in models)}),
                "gen_ai_request_model": models,
                "gen_ai_workflow_name": frozenset(one.workflow_id for one in served),
                "gen_ai_agent_name": frozenset(
                    step.step_id.rpartition(".")[2] for step in all_acting if step.agent is not None
                ),
                "gen_ai_tool_name": frozenset(tool.label for step in all_acting for tool, _ in tool_steps(step)),
                # That of endpoints, where they say nothing else.
                "gen_ai_provider_name": frozenset({"openai", *(one.partition(":")[0] for one in models)}),
                "error_type": OWN_ERRORS | {name for workflow in served for name in _errors_named_in(workflow)},
                "step": frozenset(step.step_id for step in all_acting),
            },
            frozenset(custom_metric_name(name) for one in steps for name in one.custom_metrics),
        )

    def fold(self, page: str) -> str:
        """A page in the text format of Prometheus with no other labels than these."""
        lines: dict[str, float | None] = {}
        for line in page.splitlines():
            found = SAMPLE.fullmatch(line)
            if self._is_made_up(line):
                continue
            if found is None or found["labels"] is None:
                lines[line] = None
                continue
            series = f"{found['name']}{{{self._folded(found['labels'])}}}"
            lines[series] = (lines.get(series) or 0) + float(found["value"])
        return "".join(f"{line}\n" if value is None else f"{line} {_number(value)}\n" for line, value in lines.items())

    def _folded(self, labels: str) -> str:
        return _LABEL.sub(
            lambda found: found[0] if found[2] in self.values.get(found[1], (found[2],)) else f'{found[1]}="{UNKNOWN}"',
            labels,
        )

    def _is_made_up(self, line: str) -> bool:
        """Whether the line is of a metric that only a definition has that came with its run."""
        name = line.removeprefix("# HELP ").removeprefix("# TYPE ")
        if not name.startswith(CUSTOM_PREFIX):
            return False
        name = re.split(r"[ {]", name, maxsplit=1)[0]
        return re.sub(r"_(bucket|sum|count)$", "", name) not in self.custom and name not in self.custom


def _errors_named_in(workflow: AdvancedWorkflow) -> Iterator[str]:
    """The types of errors that a definition tells apart or raises, those of its actions above all."""
    yield from workflow.retry_policy.non_retryable or ()
    for one in outline(workflow).placements:
        yield from one.step.retry_policy.non_retryable or ()
        for handler in one.step.error_handlers:
            yield from handler.on
        if one.step.error is not None:
            yield one.step.error.type


def labels_in(text: str) -> dict[str, str]:
    """The labels of a line."""
    return {
        name: _ESCAPED.sub(lambda one: "\n" if one[1] == "n" else one[1], value) for name, value in _LABEL.findall(text)
    }


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
