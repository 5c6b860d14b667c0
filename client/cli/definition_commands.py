"""Commands about definitions and actions: `check`, `schema`, `actions`, `definitions`, `graphs`, `mcp-tools`, `graph`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console
from rich.text import Text

from advanced_workflow.client.cli.exits import Exit
from advanced_workflow.client.cli.inputs import is_file, read_valid
from advanced_workflow.client.cli.leaving import leave_with
from advanced_workflow.client.cli.options import AsJson, ExecutionId
from advanced_workflow.client.cli.output import complain, console, note, print_json
from advanced_workflow.client.cli.target import Target
from advanced_workflow.client.render.counts import counted
from advanced_workflow.client.render.graph import mermaid, step_statuses
from advanced_workflow.client.render.listing import Listing
from advanced_workflow.client.serve.definitions import load_definitions
from advanced_workflow.client.serve.here import (
    action_names_here,
    actions_here,
    definitions_here,
    graphs_here,
    mcp_tools_here,
    servers_here,
)
from advanced_workflow.client.settings import load_settings
from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
from advanced_workflow.workflows.definition.check.check import check_text
from advanced_workflow.workflows.definition.editor_schema import json_schema
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.excerpt import excerpt
from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems, Problem, errors_of
from advanced_workflow.workflows.definition.text.load import (
    LoadedDefinition,
    definition_files,
    duplicate,
    misleading_name,
    read_text,
    read_tree,
)
from advanced_workflow.workflows.definition.text.source_tree import SourceInvalid
from advanced_workflow.workflows.definition.text.validation import validate
from advanced_workflow.workflows.definition.versions import Definitions, full_name, split_name
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.plain.text import one_line

_NAMES_ANOTHER = re.compile(r"\bworkflow[\"']?\s*:")
"""A step or a tool of an agent that runs another definition."""


def check(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|FOLDER|NAME[@VERSION]...",
            help="Definition files, YAML or JSON, folders of them, or definitions served here.",
        ),
    ],
    with_actions: Annotated[
        bool, typer.Option("--actions/--no-actions", help="Whether actions and sub-workflows must be known here.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Find all problems of definitions: where, what is wrong, and the fix. Needs no server."""

    def work() -> int:
        texts, found = _read(files)
        catalog = action_names_here() if with_actions else None
        known = _children(texts) if with_actions else None
        also = {"graphs": graphs_here(), "servers": servers_here()} if with_actions else {}
        found |= {name: check_text(text, name, catalog, known, **also) for name, text in texts.items()}
        if catalog is not None:
            for name, problem in _refused(texts, found, catalog):
                found[name] = [*found[name], problem]
        in_folders = {name: text for name, text in texts.items() if name not in files}
        for name, problem in (*_duplicates(in_folders), *_misleading(texts, found)):
            found[name] = [*found[name], problem]
        if as_json:
            print_json([{"file": name, **asdict(one)} for name, problems in found.items() for one in problems])
        else:
            _print_problems(console(), found)
        return Exit.FAILED if any(errors_of(problems) for problems in found.values()) else Exit.OK

    leave_with(work)


def schema(_: AsJson = False) -> None:
    """Print the JSON Schema of definitions, by which editors complete and check."""
    leave_with(lambda: print_json(json_schema()))


def actions(as_json: AsJson = False) -> None:
    """List the actions a worker started here serves. Needs no server."""

    def work() -> None:
        found = actions_here()
        if as_json:
            print_json(found)
            return
        lines = Listing(("action", "description", "from"))
        for one in found:
            lines.add(Text(one.name, style="bold"), one.description, Text(one.source, style="dim"))
        _print_listing(lines, "No actions: name modules that have some in ADW_ACTIONS.")

    leave_with(work)


def graphs(as_json: AsJson = False) -> None:
    """List the LangGraph graphs a worker started here serves. Needs no server."""

    def work() -> None:
        found = graphs_here()
        if as_json:
            print_json([{"name": name, "source": place} for name, place in found.items()])
            return
        lines = Listing(("graph", "from"))
        for name, place in found.items():
            lines.add(Text(name, style="bold"), Text(place, style="dim"))
        _print_listing(lines, "No graphs: name some in ADW_GRAPHS, as NAME=MODULE:ATTRIBUTE.")

    leave_with(work)


def mcp_tools(
    server: Annotated[str | None, typer.Argument(help="One MCP server; all of them when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the tools that the MCP servers of a worker started here offer now."""

    async def work() -> int:
        found, problems = await mcp_tools_here(server)
        if as_json:
            print_json(found)
        elif found or not problems:
            _print_listing(_tools(found), "No tools: name MCP servers in the file of ADW_MCP_SERVERS.")
        for one in problems:
            complain(one)
        return Exit.FAILED if problems else Exit.OK

    leave_with(work)


def _print_listing(lines: Listing, nothing: str) -> None:
    if lines.rows:
        lines.print(console())
    else:
        note(nothing)


def _tools(found: Sequence[Mapping[str, Any]]) -> Listing:
    lines = Listing(("server", "tool", "parameters", "description"))
    for one in found:
        names = ", ".join(one["parameters"].get("properties", {}))
        [first] = one["description"].strip().split("\n\n")[:1]  # What else there is, is for models, and in the JSON.
        lines.add(one["server"], Text(one["tool"], style="bold"), names, one_line(first))
    return lines


def definitions(
    context: typer.Context,
    runs: Annotated[bool, typer.Option("--runs", help="Ask the server how many open runs each version has.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the definitions a worker started here serves, in all versions. Needs no server."""

    async def work() -> None:
        found = definitions_here()
        others = await _count_runs(cast("Target", context.obj), found) if runs else {}
        if as_json:
            print_json(found)
            return
        _print_listing(_table(found), "No definitions: name folders that have some in ADW_DEFINITIONS.")
        for workflow_id, count in others.items():
            note(
                f"{workflow_id}: {counted(count, 'more open run')} of versions that are not served here, or not told; "
                f"'adw list --workflow {workflow_id} --status running' lists them."
            )

    leave_with(work)


def graph(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="FILE|NAME|RUN", help="A file, a definition's name, or a run.")],
    run_id: ExecutionId = None,
    as_json: AsJson = False,
) -> None:
    """Print a definition as a Mermaid flowchart; a run's steps are coloured by their status."""

    def draw(workflow: AdvancedWorkflow, statuses: Mapping[str, StepStatus] | None = None) -> None:
        drawn = mermaid(workflow, statuses)
        if as_json:
            print_json({"workflow_id": workflow.workflow_id, "version": workflow.version, "mermaid": drawn})
        else:
            print(drawn, end="")

    async def work() -> None:
        if is_file(what):
            draw(read_valid(what))
            return
        settings = load_settings()
        known = Definitions(one.workflow for one in load_definitions(settings))
        workflow_id, version = split_name(what)
        if workflow_id in known.ids:
            draw(known.named(workflow_id, version))
            return
        from advanced_workflow.client.cli.command import (
            Command,  # It loads Temporal's SDK, which the rest does not need.
        )

        client = await cast("Target", context.obj).connect(settings)
        run = Command(client, settings).run(what, run_id)
        pinned = await run.definition()
        state = await run.state(include_data=False)
        draw(pinned.definition, step_statuses(state.steps))

    leave_with(work)


def _read(names: Sequence[str]) -> tuple[dict[str, str], dict[str, Sequence[Problem]]]:
    """The texts of files and of the definitions in folders, and the problems of what cannot be read."""
    texts: dict[str, str] = {}
    unreadable: dict[str, Sequence[Problem]] = {}
    for name in names:
        try:
            for source, text in _sources(name):
                texts[source] = text
        except DefinitionProblems as error:
            unreadable[error.source] = error.problems
    return texts, unreadable


def _sources(name: str) -> Iterator[tuple[str, str]]:
    if not Path(name).is_dir():
        served = [] if is_file(name) else _served_as(name)
        yield from [(one.source, read_text(Path(one.source))) for one in served] or [(name, read_text(Path(name)))]
        return
    found = False
    for path, text in definition_files(Path(name)):
        found = True
        yield str(path), text
    if not found:
        nothing = Problem(Code.UNREADABLE.value, "", "the folder has no definition.", "Name a folder that has some.")
        raise DefinitionProblems(name, [nothing])


def _refused(
    texts: Mapping[str, str], found: Mapping[str, Sequence[Problem]], catalog: ActionCatalog
) -> Iterator[tuple[str, Problem]]:
    """What a worker started here refuses of definitions in whose texts nothing is wrong."""
    from advanced_workflow.client.serve.refusals import refusals  # It loads Temporal's SDK.

    settings, graphs = load_settings(), graphs_here()
    served = _served() if any(map(_NAMES_ANOTHER.search, texts.values())) else []
    readable = {
        name: workflow for name, text in texts.items() if (workflow := _as_far_as_it_fits(text, name)) is not None
    }
    known = Definitions((*served, *readable.values()))
    for name, workflow in readable.items():
        if not errors_of(found[name]):
            lines = read_tree(texts[name], source=name)
            for one in refusals(workflow, catalog, known, graphs, settings):
                yield name, lines.located(one)


def _served() -> list[AdvancedWorkflow]:
    """The definitions served here; none where these cannot be read, which is told where they are needed."""
    try:
        return [loaded.workflow for loaded in load_definitions(load_settings())]
    except DefinitionProblems:
        return []


def _served_as(name: str) -> list[LoadedDefinition]:
    """The definitions served here that a name means: all versions, or the one it says. Raises `DefinitionNotFound`."""
    workflow_id, version = split_name(name)
    found = [one for one in load_definitions(load_settings()) if one.workflow.workflow_id == workflow_id]
    if found and version is not None:
        wanted = Definitions(one.workflow for one in found).named(workflow_id, version)
        return [one for one in found if one.workflow is wanted]
    return found


def _table(found: Sequence[Mapping[str, Any]]) -> Listing:
    counts = Counter(one["workflow_id"] for one in found)
    counted_runs = ["open runs"] if found and "open_runs" in found[0] else []
    lines = Listing(("definition", "version", *counted_runs, "name", "from"))
    for one in found:
        several = counts[one["workflow_id"]] > 1
        lines.add(
            Text(one["workflow_id"], style="bold"),
            f"{one['version']} (new runs)" if several and one["new_runs"] else one["version"],
            *[str(one["open_runs"]) for _ in counted_runs],
            one["name"],
            Text(one["source"], "dim"),
        )
    return lines


async def _count_runs(target: Target, found: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Write the open runs of each version into what is listed; gives those of each definition that are of no version in the list."""
    from advanced_workflow.client.service.listing import RunsWanted, count_runs  # It loads Temporal's SDK.

    settings = load_settings()
    client = await target.connect(settings)
    others = Counter[str]()
    for one in found:
        name = one["workflow_id"]
        if name not in others:
            others[name] = await count_runs(client, RunsWanted("Running", name).query, task_queue=settings.task_queue)
        wanted = RunsWanted("Running", name, one["version"])
        one["open_runs"] = await count_runs(client, wanted.query, task_queue=settings.task_queue)
        others[name] -= one["open_runs"]
    return {name: count for name, count in others.items() if count > 0}


def _misleading(texts: Mapping[str, str], found: Mapping[str, Sequence[Problem]]) -> Iterator[tuple[str, Problem]]:
    """The warnings of files whose names tell of other definitions; of what is wrong in itself nobody knows what it would be."""
    for name, text in texts.items():
        workflow = None if errors_of(found[name]) else _as_far_as_it_fits(text, name)
        if workflow is not None and (problem := misleading_name(workflow, name)) is not None:
            yield name, problem


def _duplicates(texts: Mapping[str, str]) -> Iterator[tuple[str, Problem]]:
    """The problems of definitions in folders that no worker could serve together."""
    first: dict[str, str] = {}
    for name, text in texts.items():
        workflow = _as_far_as_it_fits(text, name)
        if workflow is None:
            continue
        problem = duplicate(workflow, name, first.setdefault(full_name(workflow), name))
        if problem is not None:
            yield name, problem


def _children(texts: Mapping[str, str]) -> Definitions | None:
    """The definitions that a sub-workflow may run: those served here and those being checked; None if that is unknown."""
    if not any(_NAMES_ANOTHER.search(text) for text in texts.values()):
        return None  # None is needed, so none is read.
    try:
        served = [loaded.workflow for loaded in load_definitions(load_settings())]
    except DefinitionProblems:
        return None
    readable = [workflow for name, text in texts.items() if (workflow := _as_far_as_it_fits(text, name)) is not None]
    return Definitions((*served, *readable))


@cache
def _as_far_as_it_fits(text: str, name: str) -> AdvancedWorkflow | None:
    try:
        return validate(read_tree(text, source=name).data).workflow
    except SourceInvalid:
        return None


def _print_problems(out: Console, found: dict[str, Sequence[Problem]]) -> None:
    counts = Counter[str]()
    for name, problems in found.items():
        for one in problems:
            counts[one.severity] += 1
            place = f"{name}:{one.line}" if one.line else name
            style = "bold red" if one.severity == "error" else "bold yellow"
            head = Text(place, style="bold").append("  ").append(one.severity, style=style)
            out.print(head.append(f"  {one.code}", style="dim"), soft_wrap=True)
            out.print(Text(f"    {one.path or 'definition'}: {one.message}"), soft_wrap=True)
            for line in excerpt(one):
                out.print(Text(line, style="dim"), soft_wrap=True)
            out.print(Text(f"    {one.fix}", style="cyan"), soft_wrap=True)
    files = counted(len(found), "file")
    if not counts:
        out.print(Text(f"no problems in {files}", style="green"))
        return
    parts = ", ".join(counted(counts[severity], severity) for severity in ("error", "warning") if counts[severity])
    out.print(Text(f"{parts} in {files}", style="red" if counts["error"] else "yellow"))
