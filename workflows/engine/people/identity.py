"""Who decides, where an approval wants it signed: the keys that the run has pinned, and what a token must say.

Keys come from the setting of the workers that serve the run, by a local activity, so that the history has those by which a decision was
judged. This holds against everybody but those who may be a worker in the namespace: these could give any keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from temporalio import workflow

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.contract.tokens import (
    DecisionClaims,
    UnknownKey,
    require_time,
    said_of,
    unverified,
    verified,
)
from advanced_workflow.workflows.definition.kinds.human_approval import Assurance
from advanced_workflow.workflows.engine.people.heard import Heard, told
from advanced_workflow.workflows.engine.people.open_approval import OpenApproval
from advanced_workflow.workflows.errors import UnverifiedIdentity
from advanced_workflow.workflows.plain.names import same_name

COST_OF_SIGNATURE = 4_000
"""Of verifying one, counted as expressions are: about 0.12 ms."""


class Identity:
    """What one run knows of who can sign."""

    def __init__(self) -> None:
        """No key is known."""
        self._keys: dict[str, str] = {}
        self._why_not: str | None = None

    def pin(self, keys: Mapping[str, str]) -> None:
        """Take these keys in the place of those that are known."""
        self._keys = dict(keys)
        self._why_not = None

    def keep(self, why: str) -> None:
        """Newer keys cannot be read, and why: those that are known stay."""
        self._why_not = why

    def require(self, asked: OpenApproval, heard: Heard) -> None:
        """Raise `UnverifiedIdentity` unless the decision is signed by who makes it, for just this; `UnknownKey` where only the key is new."""
        claims = unverified(heard.request.token, DecisionClaims)
        _require_for_this(claims, asked, heard)
        require_time(claims, heard.arrived.timestamp())
        if asked.approval.assurance is not None:
            _require_assurance(claims, asked.approval.assurance, heard.arrived)
        heard.cost += COST_OF_SIGNATURE
        try:
            verified(heard.request.token, DecisionClaims, self._keys)
        except UnknownKey as error:
            if self._why_not is not None:
                raise UnknownKey(f"{error} The worker cannot read newer ones: {self._why_not}") from None
            raise

    def dump(self) -> Json:
        """As plain data."""
        return self._keys

    def load(self, data: Mapping[str, str]) -> None:
        """Take over what `dump` gave."""
        self._keys = dict(data)


def _require_for_this(claims: DecisionClaims, asked: OpenApproval, heard: Heard) -> None:
    request = heard.request
    expected: dict[str, tuple[object, object]] = {
        "run": (claims.run, workflow.info().workflow_id),
        "path": (claims.path, str(asked.record.path)),
        "digest": (claims.digest, asked.digest),
        "asked": (claims.asked, asked.asked),
        "sub": (same_name(claims.sub), heard.person),
        "decision": (claims.decision, request.decision),
        "said": (claims.said, said_of(request.comment, request.form, request.groups)),
    }
    other = [name for name, (signed, meant) in expected.items() if signed != meant]
    if other:
        raise UnverifiedIdentity(
            f"the token is signed for another {', '.join(other)} than this decision on step {told(asked.record.path)} has; "
            "look at what is asked now and sign that."
        )


def _require_assurance(claims: DecisionClaims, wanted: Assurance, arrived: datetime) -> None:
    missing = [one for one in wanted.amr if one not in claims.amr]
    if missing:
        raise UnverifiedIdentity(f"the approval wants a login with {', '.join(missing)} (amr); log in again with it.")
    if wanted.max_age is None:
        return
    if claims.auth_time is None or arrived.timestamp() - claims.auth_time > wanted.max_age:
        raise UnverifiedIdentity(f"the approval wants a login of the last {wanted.max_age:g} seconds; log in again.")
