"""`adw rerun`: starts a run again with what it completed."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from advanced_workflow.client.cli.command import Command, execute
from advanced_workflow.client.cli.exits import Exit
from advanced_workflow.client.cli.inputs import read_input, read_valid
from advanced_workflow.client.cli.leaving import said_when_interrupted
from advanced_workflow.client.cli.options import Again, AsJson, AsUser, ExecutionId, RunId, reuse
from advanced_workflow.client.cli.output import console, print_json
from advanced_workflow.client.cli.waiting import after_start
from advanced_workflow.client.reruns.effects import told
from advanced_workflow.client.reruns.plan import Rerun, plan_rerun, start_rerun


def rerun(
    context: typer.Context,
    id: RunId,
    run_id: ExecutionId = None,
    from_step: Annotated[
        str | None, typer.Option("--from", metavar="STEP", help="Run this step and all after it again.")
    ] = None,
    input: Annotated[
        str | None, typer.Option("--input", "-i", metavar="FILE|-|JSON", help="Other input data than the run had.")
    ] = None,
    definition: Annotated[
        str | None, typer.Option("--definition", "-d", metavar="FILE", help="A corrected definition.")
    ] = None,
    new_id: Annotated[str | None, typer.Option("--id", help="The new run's id; one is made when left out.")] = None,
    again: Again = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be kept and what not.")] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Start it although effects of the old run stay; the audit trail says so.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end and print the result.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show the steps until the run ends.")] = False,
    user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Start an ended run again, keeping what it completed.

    A completed step is kept unless its effects were undone, it changed, its input changed, the corrected definition needs more of
    its result, it asked people and the definition is another one now, or it comes after a step that runs again. The reasons are told. Effects of the old run that the new one would neither keep
    nor undo are a reason to refuse: 'adw rollback RUN' undoes them, '--anyway' leaves them.
    """
    data = read_input(input)
    corrected = read_valid(definition) if definition else None

    async def work(command: Command) -> int:
        settings = command.settings.model_copy(update={"user": user}) if user else command.settings
        planned = await plan_rerun(
            command.client,
            id,
            run_id=run_id,
            from_step=from_step,
            input_data=data,
            definition=corrected,
            started_by=settings.user,
        )
        if not as_json:
            _print_plan(planned)
        if dry_run:
            if as_json:
                print_json({"kept": planned.kept, "again": planned.again, "left": planned.left.entries})
            return Exit.OK
        with said_when_interrupted("the run may have been started; 'adw list' tells."):
            run = await start_rerun(
                command.client,
                planned,
                id=new_id,
                settings=settings,
                anyway=anyway,
                id_reuse_policy=reuse(again=again),
            )
        return await after_start(command, run, wait=wait, watch=watch, as_json=as_json)

    execute(context, work)


def _print_plan(planned: Rerun) -> None:
    out = console()
    out.print(Text(f"kept: {', '.join(planned.kept) or 'nothing'}"), soft_wrap=True)
    for step_id, why in planned.again.items():
        out.print(Text(f"runs again: {step_id}: {why}"), soft_wrap=True)
    if planned.left.steps:
        out.print(Text(f"left behind: {told(planned.left)}"), soft_wrap=True)
