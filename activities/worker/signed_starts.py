"""Who starts a run, where approvals of it must be signed: else it could not be told whether somebody decides what they started."""

from __future__ import annotations

from collections.abc import Iterable

from advanced_workflow.activities.worker.decision_keys import KeySource
from advanced_workflow.workflows.contract import ExecutionOptions, PrepareRequest
from advanced_workflow.workflows.contract.tokens import StartClaims, content_of_start, require_time, verified
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.errors import UnverifiedIdentity
from advanced_workflow.workflows.plain.names import same_name

_FIX = "sign the start ('execution_options.token'), or let who starts it decide too ('allow_self_approval'), as no schedule can sign"


async def require_signed_start(
    keys: KeySource, request: PrepareRequest, options: ExecutionOptions, asking: Iterable[WorkflowStep]
) -> None:
    """Raise `UnverifiedIdentity` where nobody may decide what they started, and who started this run is not signed.

    `asking` are the steps that lead to signed decisions. Child runs have the token of the run that everything began with.
    """
    step = next((one for one in asking if _forbids_own(one)), None)
    if step is None and options.token is None:
        return
    place = f"step {step.step_id!r}" if step is not None else "execution_options.token"
    try:
        claims = verified(options.token, StartClaims, (await keys.current()).keys)
        require_time(claims, request.began)
        _require_for_this(claims, request, options)
    except UnverifiedIdentity as error:
        raise UnverifiedIdentity(f"{place}: who starts the run is not verified: {error} To start it, {_FIX}.") from None


def _forbids_own(step: WorkflowStep) -> bool:
    approval = step.approval
    return approval is not None and approval.identity == "signed" and not approval.allow_self_approval


def _require_for_this(claims: StartClaims, request: PrepareRequest, options: ExecutionOptions) -> None:
    pairs = {"run": (claims.run, request.run), "sub": (same_name(claims.sub), same_name(options.started_by or ""))}
    if request.is_first:
        pairs["type"] = (claims.type, request.workflow_type)
        pairs["content"] = (claims.content, content_of_start(request.workflow, request.input_data))
    other = [name for name, (signed, meant) in pairs.items() if signed != meant]
    if other:
        raise UnverifiedIdentity(f"the token is signed for another {', '.join(other)} than this start has.")
