"""Who starts a run, where approvals of it must be signed: else it could not be told whether somebody decides what they started."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from advanced_workflow.activities.worker.decision_keys import KeySource
from advanced_workflow.workflows.contract import ExecutionOptions, PrepareRequest
from advanced_workflow.workflows.contract.tokens import (
    StartClaims,
    UnknownKey,
    content_of_start,
    require_signature,
    require_time,
    unverified,
)
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.errors import UnverifiedIdentity
from advanced_workflow.workflows.plain.names import same_name

_FIX = "sign the start ('execution_options.token'), or let who starts it decide too ('allow_self_approval'), as no schedule can sign"


async def require_signed_start(
    keys: KeySource, request: PrepareRequest, options: ExecutionOptions, asking: Iterable[tuple[str, Approval]]
) -> None:
    """Raise `UnverifiedIdentity` where nobody may decide what they started, and who started this run is not signed.

    `asking` is what is asked for a signed decision, by the id of its step. Child runs have the token of the run that everything began
    with. It was looked at when that began, so that it may have expired since, and its key be gone.
    """
    step_id = next((name for name, approval in asking if not approval.allow_self_approval), None)
    if step_id is None and options.token is None:
        return
    place = f"step {step_id!r}" if step_id is not None else "execution_options.token"
    try:
        claims = unverified(options.token, StartClaims)
        _require_for_this(claims, request, options)
        known = (await keys.current()).keys
        if request.is_first:
            require_time(claims, request.began)
            require_signature(options.token or "", known)
        else:
            with suppress(UnknownKey):
                require_signature(options.token or "", known)
    except UnverifiedIdentity as error:
        raise UnverifiedIdentity(f"{place}: who starts the run is not verified: {error} To start it, {_FIX}.") from None


def _require_for_this(claims: StartClaims, request: PrepareRequest, options: ExecutionOptions) -> None:
    pairs = {"run": (claims.run, request.run), "sub": (same_name(claims.sub), same_name(options.started_by or ""))}
    if request.is_first:
        pairs["type"] = (claims.type, request.workflow_type)
        pairs["content"] = (claims.content, content_of_start(request.workflow, request.input_data))
    other = [name for name, (signed, meant) in pairs.items() if signed != meant]
    if other:
        raise UnverifiedIdentity(f"the token is signed for another {', '.join(other)} than this start has.")
