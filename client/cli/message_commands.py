"""Commands that send a run something: decisions, events, and an operator's pause, resume, retry and skip."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal
from uuid import uuid4

import typer

from advanced_workflow.client.cli.command import Command, execute
from advanced_workflow.client.cli.exits import Exit
from advanced_workflow.client.cli.inputs import read_json_option
from advanced_workflow.client.cli.leaving import said_when_interrupted
from advanced_workflow.client.cli.options import AsJson, AsUser, ExecutionId, Reason, RunId, StepId
from advanced_workflow.client.cli.output import console, print_done, print_json
from advanced_workflow.client.deciding import open_asking
from advanced_workflow.client.errors import NoAnswer
from advanced_workflow.client.render.remedies import command
from advanced_workflow.client.runs import DecisionFields, Replacement, Run
from advanced_workflow.workflows.contract import DecisionReceipt
from advanced_workflow.workflows.errors import DecisionIdReused

Comment = Annotated[str | None, typer.Option("--comment", help="A remark that is kept with the decision.")]
Form = Annotated[str | None, typer.Option("--form", metavar="JSON", help="The answer the approval's form asks for.")]
Digest = Annotated[
    str | None, typer.Option("--digest", help="What 'adw show' gave; the decision counts for nothing else.")
]
Groups = Annotated[list[str] | None, typer.Option("--group", help="A group you decide for; may be given again.")]
DecisionId = Annotated[str | None, typer.Option("--decision-id", help="Makes sending twice count once.")]
BySignal = Annotated[
    bool,
    typer.Option("--signal", help="Leave it with the server until a worker takes it, without waiting for the answer."),
]


def approve(
    context: typer.Context,
    id: RunId,
    step: StepId,
    user: AsUser = None,
    comment: Comment = None,
    form: Form = None,
    digest: Digest = None,
    group: Groups = None,
    decision_id: DecisionId = None,
    by_signal: BySignal = False,
    run_id: ExecutionId = None,
    as_json: AsJson = False,
) -> None:
    """Approve a step. Says whether it settled the step; a decision that cannot count is refused with the reason."""
    fields = _fields(user, comment, form, digest, group, decision_id)

    async def work(command: Command) -> int:
        run = command.run(id, run_id, user)
        return await _decide(run, "approve", step, fields, by_signal=by_signal, as_json=as_json)

    execute(context, work)


def reject(
    context: typer.Context,
    id: RunId,
    step: StepId,
    user: AsUser = None,
    comment: Comment = None,
    form: Form = None,
    digest: Digest = None,
    group: Groups = None,
    decision_id: DecisionId = None,
    by_signal: BySignal = False,
    run_id: ExecutionId = None,
    as_json: AsJson = False,
) -> None:
    """Reject a step; the definition says what follows, by default the run is rolled back."""
    fields = _fields(user, comment, form, digest, group, decision_id)

    async def work(command: Command) -> int:
        run = command.run(id, run_id, user)
        return await _decide(run, "reject", step, fields, by_signal=by_signal, as_json=as_json)

    execute(context, work)


def event(
    context: typer.Context,
    id: RunId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The event's name, as the definition has it.")],
    data: Annotated[str | None, typer.Option("--data", metavar="JSON", help="What comes with it.")] = None,
    event_id: Annotated[str | None, typer.Option("--event-id", help="Makes sending twice count once.")] = None,
    run_id: ExecutionId = None,
    as_json: AsJson = False,
) -> None:
    """Send an event that a step waits for, now or later."""
    given = read_json_option(data, "--data")
    _operate(
        *(context, id, run_id, None, f"event {name} sent"),
        lambda run: run.send_event(name, given, event_id=event_id),
        as_json=as_json,
    )


def pause(
    context: typer.Context,
    id: RunId,
    reason: Reason,
    user: AsUser = None,
    run_id: ExecutionId = None,
    as_json: AsJson = False,
) -> None:
    """Start no more steps of a run until 'adw resume'; what runs continues."""
    _operate(context, id, run_id, user, "paused", lambda run: run.pause(reason), as_json=as_json)


def resume(
    context: typer.Context,
    id: RunId,
    reason: Reason = "resumed",
    user: AsUser = None,
    run_id: ExecutionId = None,
    as_json: AsJson = False,
) -> None:
    """Let a paused run continue."""
    _operate(context, id, run_id, user, "resumed", lambda run: run.resume(reason), as_json=as_json)


def retry(
    context: typer.Context,
    id: RunId,
    step: StepId,
    reason: Reason,
    user: AsUser = None,
    run_id: ExecutionId = None,
    as_json: AsJson = False,
) -> None:
    """Run a failed step that holds its run again; STEP 'output' is the run's own output."""
    done = f"{step} runs again"
    _operate(context, id, run_id, user, done, lambda run: run.retry_step(step, reason), as_json=as_json)


def skip(
    context: typer.Context,
    id: RunId,
    step: StepId,
    reason: Reason,
    user: AsUser = None,
    output: Annotated[
        str | None, typer.Option("--output", metavar="JSON", help="What the step gives in its place; '-' reads it.")
    ] = None,
    run_id: ExecutionId = None,
    as_json: AsJson = False,
) -> None:
    """Continue without a step that failed, waits, or has not begun; STEP 'output' gives the run's own output."""
    given = Replacement() if output is None else Replacement(output=read_json_option(output, "--output"))
    done = f"{step} is skipped" if output is None else f"{step} is skipped; the output given takes its place"
    _operate(context, id, run_id, user, done, lambda run: run.skip_step(step, reason, **given), as_json=as_json)


def _operate(
    context: typer.Context,
    id: str,
    run_id: str | None,
    user: str | None,
    done: str,
    act: Callable[[Run], Awaitable[None]],
    *,
    as_json: bool,
) -> None:
    async def work(command: Command) -> None:
        with said_when_interrupted(_may_have_arrived(id)):
            await act(command.run(id, run_id, user))
        print_done(id, context.info_name or "", done, as_json=as_json)

    execute(context, work)


def _may_have_arrived(id: str) -> str:
    return f"it may have arrived; 'adw show {id}' tells."


def _fields(
    user: str | None,
    comment: str | None,
    form: str | None,
    digest: str | None,
    groups: list[str] | None,
    decision_id: str | None,
) -> DecisionFields:
    fields = DecisionFields(
        comment=comment,
        form=read_json_option(form, "--form"),
        digest=digest,
        groups=groups or [],
        decision_id=decision_id,
    )
    if user:
        fields["approver"] = user
    return fields


async def _decide(
    run: Run,
    decision: Literal["approve", "reject"],
    step: str,
    fields: DecisionFields,
    *,
    by_signal: bool,
    as_json: bool,
) -> int:
    if fields.get("decision_id") is None:  # So that it counts once, in whichever way it is sent again.
        fields["decision_id"] = uuid4().hex
    if by_signal:
        with said_when_interrupted(_may_have_arrived(run.id)):
            await (run.signal_approval if decision == "approve" else run.signal_rejection)(step, **fields)
        _print_sent(run, step, fields, as_json=as_json)
        return Exit.OK
    try:
        asking = None if fields.get("digest") else await open_asking(run, step)
    except NoAnswer as error:
        raise NoAnswer(f"{error} Nothing was sent.{_by_signal(run, decision, step, fields)}") from error
    if asking is not None:
        step, fields["digest"] = asking.path, asking.digest
    try:
        with said_when_interrupted(_may_have_arrived(run.id)):
            receipt = await (run.approve if decision == "approve" else run.reject)(step, **fields)
    except NoAnswer as error:
        line = _by_signal(run, decision, step, fields)
        raise NoAnswer(f"{error}{line}", may_count=error.may_count) from error
    if receipt.state == "duplicate" and asking is not None and receipt.path not in ("", asking.path):
        raise DecisionIdReused(
            f"{run.id}: this decision id was taken for {receipt.path}; {asking.path} still asks: give another --decision-id."
        )
    if as_json:
        print_json(receipt)
    else:
        print_done(run.id, decision, _sentence(decision, receipt), as_json=False)
    return Exit.OK


def _print_sent(run: Run, step: str, fields: DecisionFields, *, as_json: bool) -> None:
    if as_json:
        print_json({"sent": True, "step_id": step, "decision_id": fields.get("decision_id")})
        return
    sent = f"{run.id}: sent, with decision id {fields.get('decision_id')}; it counts when a worker takes it"
    console().print(f"{sent}, and 'adw show {run.id}' tells whether it did", soft_wrap=True)


def _by_signal(run: Run, decision: str, step: str, fields: DecisionFields) -> str:
    """The command line that leaves the decision with the server, where it counts once however often it is sent."""
    named = {"--as": "approver", "--comment": "comment", "--digest": "digest", "--decision-id": "decision_id"}
    words = [word for option, name in named.items() if fields.get(name) for word in (option, str(fields.get(name)))]
    words += [word for group in fields.get("groups") or [] for word in ("--group", group)]
    if fields.get("form") is not None:
        words += ["--form", json.dumps(fields.get("form"), ensure_ascii=False)]
    execution = ("--run-id", run.handle.run_id) if run.handle.run_id else ()
    line = command(decision, run.id, step, *words, *execution, "--signal")
    return f"\nTo leave it with the server until a worker takes it, type: {line}"


def _sentence(decision: str, receipt: DecisionReceipt) -> str:
    name = receipt.path or receipt.step_id
    verb = "approved" if decision == "approve" else "rejected"
    match receipt.state:
        case "decided":
            return f"{name} is {verb}"
        case "early":
            return f"{name} is not reached yet; the decision is kept until then"
        case "duplicate":
            return f"{name}: this decision had been counted already"
        case "counted":
            return f"{name} has {receipt.approvals} of {receipt.required} approvals"
