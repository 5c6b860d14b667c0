"""A definition as a Mermaid flowchart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from advanced_workflow.client.render.graph_text import condition_text, step_lines
from advanced_workflow.workflows.contract import StepState
from advanced_workflow.workflows.definition.graph.outline import Edge, Graph, Outline, Placement, edges, outline
from advanced_workflow.workflows.definition.kinds.table import KINDS
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.plain.text import one_line

STATUS_COLOURS = {
    StepStatus.COMPLETED: "fill:#d5f5d5,stroke:#2e7d32,color:#111",
    StepStatus.FAILED: "fill:#fbd5d5,stroke:#c62828,color:#111",
    StepStatus.RUNNING: "fill:#d5ecfb,stroke:#0277bd,color:#111",
    StepStatus.WAITING: "fill:#fff3c4,stroke:#b78103,color:#111",
    StepStatus.SKIPPED: "fill:#f3f3f3,stroke:#999999,color:#777",
}

# A step that runs many times has one colour: that of the run which says most.
_MOST_TELLING = (
    *(StepStatus.RUNNING, StepStatus.RETRYING, StepStatus.WAITING),
    *(StepStatus.FAILED, StepStatus.COMPLETED, StepStatus.SKIPPED, StepStatus.PENDING),
)


def step_statuses(states: Iterable[StepState]) -> dict[str, StepStatus]:
    """One status for each step id, of a run's records."""
    found: dict[str, StepStatus] = {}
    for state in states:
        known = found.get(state.step_id, state.status)
        found[state.step_id] = min(known, state.status, key=_MOST_TELLING.index)
    return found


def mermaid(workflow: AdvancedWorkflow, statuses: Mapping[str, StepStatus] | None = None) -> str:
    """A flowchart: nested graphs as subgraphs, routes with their condition, error handlers dotted.

    Below a step's label stands what no edge shows: what it repeats for or while, its join, its lock, its events.
    `statuses` (step id -> status) colours the steps of a run.
    """
    found = outline(workflow)
    lines = ["---", f"title: {_title(workflow)}", "---", "flowchart TD"]
    lines += _graph_lines(found.top, "    ")
    if statuses:
        lines += _colour_lines(found, statuses)
    return "\n".join(lines) + "\n"


def _graph_lines(graph: Graph, indent: str) -> Iterator[str]:
    for placement in graph.members:
        yield from _step_lines(placement, indent)
    drawn: set[tuple[int, int, str]] = set()
    # A route says more than the bare dependency on the same pair of steps.
    for edge in sorted(edges(graph), key=lambda one: one.kind != "route"):
        kind = "handler" if edge.kind == "handler" else "edge"
        pair = (edge.before.number, edge.after.number, kind)
        if pair not in drawn or edge.kind == "route":
            drawn.add(pair)
            yield f"{indent}{_name(edge.before)} {_arrow(edge)} {_name(edge.after)}"


def _step_lines(placement: Placement, indent: str) -> Iterator[str]:
    step = placement.step
    label, *more = [_text(line) for line in step_lines(step)]
    if not placement.nested:
        opening, closing = KINDS[step.step_type].drawn
        yield f'{indent}{_name(placement)}{opening}"{"<br/>".join([label, *more])}"{closing}'
        return
    # A second line of a subgraph's title would lie over what is inside.
    title = f"{label} ({'; '.join(more)})" if more else label
    yield f'{indent}subgraph {_name(placement)} ["{title}"]'
    for graph in placement.nested:
        yield from _graph_lines(graph, indent + "    ")
    yield f"{indent}end"


def _arrow(edge: Edge) -> str:
    step = edge.before.step
    if edge.kind == "handler":
        handler = step.error_handlers[_index(edge, "error_handlers")]
        return f'-. "on {_text(", ".join(handler.on) or "error")}" .->'
    if edge.kind == "route":
        return f'-->|"{_text(condition_text(step.conditions[_index(edge, "conditions")]))}"|'
    return "-->"


def _index(edge: Edge, field: str) -> int:
    number = edge.loc[edge.loc.index(field) + 1]
    return number if isinstance(number, int) else 0


def _colour_lines(found: Outline, statuses: Mapping[str, StepStatus]) -> Iterator[str]:
    used = {statuses.get(one.step.step_id) for one in found.placements}
    for status, style in STATUS_COLOURS.items():
        if status in used:
            yield f"    classDef {status.value} {style}"
    for placement in found.placements:
        status = statuses.get(placement.step.step_id)
        if status is not None and status in STATUS_COLOURS:
            yield f"    class {_name(placement)} {status.value}"


def _name(placement: Placement) -> str:
    # Step ids may be words of Mermaid, such as `end`.
    return f"s{placement.number + 1}"


def _title(workflow: AdvancedWorkflow) -> str:
    text = f"{workflow.label} {workflow.version}".replace("\\", "\\\\").replace('"', '\\"')
    return f'"{one_line(text)}"'


def _text(text: str) -> str:
    """Text inside double quotes: Mermaid takes entity codes for what it would read as its own."""
    codes = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "&": "#amp;", "|": "#124;"}
    return "".join(codes.get(one, one) for one in one_line(text))
