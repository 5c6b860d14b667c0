"""Commands that start, watch, show, list and end runs."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from advanced_workflow.client.cli.command import Command, execute
from advanced_workflow.client.cli.completing import STATUSES, complete_definition, complete_status
from advanced_workflow.client.cli.exits import Exit
from advanced_workflow.client.cli.inputs import is_file, read_input, read_valid
from advanced_workflow.client.cli.leaving import said_when_interrupted
from advanced_workflow.client.cli.options import Again, AsJson, AsUser, ExecutionId, RunId, reuse
from advanced_workflow.client.cli.output import console, note, print_done, print_json
from advanced_workflow.client.cli.waiting import after_start, wait_for_cancel, wait_for_end
from advanced_workflow.client.errors import NoAnswer, RunClosed, RunFailed
from advanced_workflow.client.render.counts import counted
from advanced_workflow.client.render.listing import Listing
from advanced_workflow.client.render.outcome import rollback_sentence
from advanced_workflow.client.render.people import decided
from advanced_workflow.client.render.remedies import remedies
from advanced_workflow.client.render.report import RunReport, print_report
from advanced_workflow.client.render.symbols import style_of, words
from advanced_workflow.client.render.times import duration, moment, seconds_between
from advanced_workflow.client.reruns.undone_since import UndoneSince, undone_since
from advanced_workflow.client.runs import Run
from advanced_workflow.client.runs import start as start_run
from advanced_workflow.client.service.description import Attempt, RunSummary, describe
from advanced_workflow.client.service.errors import translated_errors
from advanced_workflow.client.service.faults import CODE, engine_fault
from advanced_workflow.client.service.listing import RunsWanted, count_runs, list_runs, waiting_for
from advanced_workflow.client.watch import Snapshot, run_snapshots
from advanced_workflow.client.web_ui import web_ui_url
from advanced_workflow.workflows.contract import SEARCH_ATTRIBUTE_VERSION, ExecutionOptions, PendingApproval
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.places import listed
from advanced_workflow.workflows.definition.versions import split_name
from advanced_workflow.workflows.errors import UnknownStep

MOST_FAULTS = 10
"""Runs with a fault of which a list says why."""


def start(
    context: typer.Context,
    workflow: Annotated[
        str,
        typer.Argument(
            metavar="NAME[@VERSION]|FILE",
            autocompletion=complete_definition,
            help="A registered definition, in its highest version or this one; or a file.",
        ),
    ],
    input: Annotated[
        str | None, typer.Option("--input", "-i", metavar="FILE|-|JSON", help="The run's input data.")
    ] = None,
    id: Annotated[str | None, typer.Option("--id", help="The run's id; one is made when left out.")] = None,
    again: Again = False,
    version: Annotated[
        str | None,
        typer.Option("--version", metavar="VERSION", help="The definition's version; the highest when left out."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end and print the result.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show the steps until the run ends.")] = False,
    user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Start a run. Prints its id; a run that is refused at once (unknown name, bad input) is an error here."""
    definition = read_valid(workflow) if is_file(workflow) else workflow
    data = read_input(input)

    async def work(command: Command) -> int:
        options = ExecutionOptions(started_by=user or None, version=version)
        with said_when_interrupted(f"the run may have been started; {_where(id)} tells."):
            run = await start_run(
                command.client,
                definition,
                data,
                id=id,
                options=options,
                id_reuse_policy=reuse(again=again),
                settings=command.settings,
            )
        return await after_start(command, run, wait=wait, watch=watch, as_json=as_json)

    execute(context, work)


def watch(context: typer.Context, id: RunId, run_id: ExecutionId = None, as_json: AsJson = False) -> None:
    """Show a run's steps until it ends, then its result. Ctrl-C leaves the run alone.

    With --json each change is one line of JSON, and the last line is the end.
    """

    async def work(command: Command) -> int:
        return await wait_for_end(command.run(id, run_id), as_json=as_json, live=True)

    execute(context, work)


def show(
    context: typer.Context,
    id: RunId,
    run_id: ExecutionId = None,
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="PATH", help="Print what was said in this agent instead.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every round and copy that the run still knows, not only those that matter.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a run: steps, pending approvals with their digest, rollback, decisions that did not count, audit trail."""

    async def work(command: Command) -> None:
        if agent is not None:
            await _print_conversation(command.run(id, run_id), agent, as_json=as_json)
            return
        report = await _report(command, command.run(id, run_id))
        if as_json:
            _print_report_json(report)
        else:
            print_report(console(), report, everything=everything)

    execute(context, work)


def list_(
    context: typer.Context,
    who: Annotated[
        str | None, typer.Option("--waiting-for", metavar="WHO", help="A person, 'group:NAME' or 'operator'.")
    ] = None,
    status: Annotated[
        str | None, typer.Option("--status", autocompletion=complete_status, help=f"One of {', '.join(STATUSES)}.")
    ] = None,
    workflow: Annotated[
        str | None,
        typer.Option(
            "--workflow",
            metavar="NAME[@VERSION]",
            autocompletion=complete_definition,
            help="Only runs of this definition.",
        ),
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="VERSION", help="Only runs of this version of their definition.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    if status is not None and status not in STATUSES:
        raise typer.BadParameter(f"it is one of {', '.join(STATUSES)}.", param_hint="--status")

    async def work(command: Command) -> None:
        wanted = RunsWanted(STATUSES[status] if status else None, *_definition_of(workflow, version))
        queue = command.settings.task_queue
        if who is not None:
            found = await waiting_for(command.client, who, wanted.query, limit=limit)
        else:
            found = await list_runs(command.client, wanted.query, task_queue=queue, limit=limit)
        if as_json:
            print_json(found)
            return
        _print_runs(found)
        if who is None and wanted.version is not None:
            await _note_untold(command, wanted)
        for one in [one for one in found if one.faulty][:MOST_FAULTS]:
            note(await _fault_of(command, one))

    execute(context, work)


def cancel(
    context: typer.Context,
    id: RunId,
    run_id: ExecutionId = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept in the run's audit trail.")] = "",
    user: AsUser = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until everything is undone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask a run to stop; what it did is undone."""

    async def work(command: Command) -> int:
        run = command.run(id, run_id, user)
        summary = await run.summary()
        if summary.close_time:
            raise RunClosed(f"run {id!r} has ended already: {words(summary.status)}; 'adw show {id}' shows how.")
        with said_when_interrupted(f"the request may have arrived; 'adw show {id}' tells."):
            await run.cancel(reason)
        if wait:
            return await wait_for_cancel(run, as_json=as_json)
        done = f"cancel requested; 'adw watch {id}' shows what is undone."
        print_done(id, "cancel", done, as_json=as_json)
        return Exit.OK

    execute(context, work)


def rollback(context: typer.Context, id: RunId, run_id: ExecutionId = None, as_json: AsJson = False) -> None:
    """Try the failed undo actions of a run again."""
    from advanced_workflow.client.reruns.rollback import retry_rollback

    async def work(command: Command) -> int:
        report = await retry_rollback(command.client, id, run_id=run_id)
        if as_json:
            print_json(report)
        else:
            console().print(f"{id}: {rollback_sentence(report)}")
        return Exit.OK if report.complete else Exit.FAILED

    execute(context, work)


async def _print_conversation(run: Run, agent: str, *, as_json: bool) -> None:
    from advanced_workflow.client.render.conversation import print_conversation

    try:
        said = await run.whole_conversation(agent)
    except UnknownStep as error:
        raise UnknownStep(await _agents_instead(run) or str(error)) from None
    if as_json:
        print_json(said.messages)
        return
    now = [one.progress for one in (await run.attempts()).values() if one.progress and one.progress.agent == agent]
    print_conversation(console(), said, now[0] if now else None)


async def _agents_instead(run: Run) -> str:
    """The agents that the run shows, in a sentence; empty where there are none."""
    steps = (await run.state(include_data=False)).steps
    agents = [one.path for one in steps if one.step_type is StepType.REACT and one.start_time]
    return f"no such agent has begun in run {run.id!r}; those it shows are {listed(agents)}." if agents else ""


async def _report(command: Command, run: Run) -> RunReport:
    snapshot = await _first_answer(run)
    result = failure = None
    if snapshot.ended:
        try:
            result = await run.result()
        except RunFailed as error:
            failure, result = error, error.result
    approvals: list[PendingApproval] = []
    if not snapshot.ended and not snapshot.silent and not snapshot.fault and snapshot.state is not None:
        approvals = await run.pending_approvals()
    address = command.settings.web_ui
    url = web_ui_url(address, command.client.namespace, run.id, snapshot.summary.run_id) if address else None
    report = RunReport(snapshot, approvals, result, failure, url, user=command.settings.user)
    return replace(report, since=await _undone_since(command, report)) if snapshot.ended else report


async def _undone_since(command: Command, report: RunReport) -> UndoneSince | None:
    """Who undid what an ended run left, where it left something."""
    summary, state, result = report.snapshot.summary, report.snapshot.state, report.result
    by_force = summary.status not in ("completed", "failed", "canceled")
    if not by_force and (report.rollback is None or report.rollback.complete):
        return None
    execution_id = state.execution_id if state else result.execution_id if result else None
    if execution_id is None:
        return None
    completed = summary.status == "completed"
    return await undone_since(command.client, summary.id, execution_id, summary.task_queue, completed=completed)


async def _first_answer(run: Run) -> Snapshot:
    """The first snapshot that the worker answered for, or the one that says that no worker answers."""
    last: Snapshot | None = None
    async with aclosing(run_snapshots(run)) as snapshots:
        async for snapshot in snapshots:
            if snapshot.silent or snapshot.fault or (snapshot.state is not None and not snapshot.ended):
                return snapshot
            last = snapshot
    if last is None:
        raise NoAnswer(f"run {run.id!r}: nothing could be learned of it; try again.")
    return last


def _attempt_json(attempt: Attempt, now: datetime) -> dict[str, object]:
    """What the server knows of an action, and how old that is."""
    silent = seconds_between(attempt.heard_at, now)
    return {**asdict(attempt), "beats": attempt.beats if attempt.is_running else None, "silent_seconds": silent}


def _print_report_json(report: RunReport) -> None:
    failure, now = report.failure, datetime.now(UTC)
    print_json(
        {
            "summary": report.snapshot.summary,
            "worker_answers": not report.snapshot.silent,
            "fault": report.snapshot.fault,
            "state": report.snapshot.state,
            "attempts": {path: _attempt_json(one, now) for path, one in report.snapshot.attempts.items()},
            "pending_approvals": report.approvals,
            "decisions": _decisions_json(report),
            "queues": report.snapshot.queues,
            "undone_since": report.since,
            "next": [
                {"command": line, "does": what}
                for line, what in remedies(
                    report.snapshot, now, report.since, left=report.left, began=report.result is not None
                )
            ],
            "result": report.result,
            "failure": {"failure_type": failure.failure_type, "message": str(failure)} if failure else None,
            "url": report.url,
        }
    )


def _decisions_json(report: RunReport) -> list[dict[str, object]]:
    """Who decided which step, when and with which comment."""
    steps = report.snapshot.state.steps if report.snapshot.state else []
    return [{"step": step.path, **said.model_dump(mode="json")} for step, said in decided(steps)]


async def _fault_of(command: Command, one: RunSummary) -> str:
    """Why a run's workflow task fails, and since when."""
    async with translated_errors(one.id, "describe"):
        fault = await engine_fault(command.client, await describe(command.client, one.id, one.run_id))
    return f"{one.id}: {fault.sentence}, since {moment(fault.since)}" if fault else f"{one.id}: it continues now"


def _where(id: str | None) -> str:
    return f"'adw show {id}'" if id else "'adw list'"


def _definition_of(workflow: str | None, version: str | None) -> tuple[str | None, str | None]:
    """What `--workflow ID[@VERSION]` and `--version` name together."""
    workflow_id, at = split_name(workflow) if workflow else (None, None)
    if None not in (at, version) and at != version:
        raise typer.BadParameter(f"--workflow names version {at}; name one.", param_hint="--version")
    return workflow_id, version or at


async def _note_untold(command: Command, wanted: RunsWanted) -> None:
    """Say that there are runs of which the server does not know the version."""
    others = await count_runs(command.client, wanted.untold, task_queue=command.settings.task_queue)
    if others:
        note(
            f"{counted(others, 'more run')} may be of this version and {'does' if others == 1 else 'do'} not tell it: refused at the start, begun "
            f"before 0.2.0, or where the namespace did not know {SEARCH_ATTRIBUTE_VERSION}; without --version they are listed."
        )


def _print_runs(found: list[RunSummary]) -> None:
    if not found:
        note("no runs.")
        return
    now = datetime.now(UTC)
    lines = Listing(("run", "workflow", "status", "started", "took", "waits for"))
    for one in found:
        lines.add(
            Text(one.id, style="bold"),
            one.definition,
            Text(CODE, style="bold red") if one.faulty else Text(words(one.status), style=style_of(one.status)),
            moment(one.start_time),
            duration(seconds_between(one.start_time, one.close_time or now)),
            Text(", ".join(one.waiting_for), style="yellow") if one.status == "running" else "",
        )
    lines.print(console())
