"""Who decides, where an approval wants it signed: the keys that the run has pinned, and what a token must say.

Keys come from the setting of the workers that serve the run, by a local activity, so that the history has those by which a decision was
judged. This holds against everybody but those who may be a worker in the namespace: these could give any keys.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from temporalio import workflow

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.contract.tokens import (
    DecisionClaims,
    UnknownKey,
    require_signature,
    require_time,
    said_of,
    unverified,
)
from advanced_workflow.workflows.definition.kinds.human_approval import Assurance
from advanced_workflow.workflows.engine.people.heard import Heard, told
from advanced_workflow.workflows.engine.people.open_approval import OpenApproval
from advanced_workflow.workflows.errors import UnverifiedIdentity
from advanced_workflow.workflows.plain.names import same_name

COST_OF_SIGNATURE = 4_000
"""Of verifying one, counted as expressions are: about 0.12 ms."""


MOST_LOOKS = 3
"""How often decisions make the run look for newer keys within `LOOKS_WITHIN`."""
LOOKS_WITHIN = timedelta(minutes=1)
"""Anybody may send decisions that name keys which nobody has, and those behind them wait while the run looks."""


FRESH_FOR = timedelta(hours=1)
"""A decision that is signed as it must be makes the run look whether the key still counts, where it read the keys longer ago."""


class Identity:
    """What one run knows of who can sign."""

    def __init__(self) -> None:
        """No key is known."""
        self._keys: dict[str, str] = {}
        self._read_at = 0
        self._signed: str | None = None
        """The token that was found signed last: an update is looked at twice, when it comes and when it is taken."""
        self._why_not: str | None = None
        self._looks: deque[datetime] = deque(maxlen=MOST_LOOKS)
        """When the decisions came for which it looked lately."""

    def may_look(self, arrived: datetime) -> bool:
        """Whether a decision that came at this moment may make the run look for newer keys."""
        # By when messages came, which is the same in each replay; after a local activity the time of now is not.
        return len(self._looks) < MOST_LOOKS or arrived - self._looks[0] >= LOOKS_WITHIN

    def looks(self, arrived: datetime) -> None:
        """It looks for newer keys."""
        self._looks.append(arrived)

    def pin(self, keys: Mapping[str, str], read_at: int) -> None:
        """Take these keys, which the worker read at this second, in the place of those that are known."""
        self._keys = dict(keys)
        self._read_at = read_at
        self._signed = None
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
            self._require_signature(heard.request.token or "")
        except UnknownKey as error:
            why = f" The worker cannot read newer ones: {self._why_not}" if self._why_not is not None else ""
            if not self.may_look(heard.arrived):
                why += " It was looked for just now; if the key is new, send the decision again in a minute."
            raise UnknownKey(f"{error}{why}") from None
        if self._must_look(heard.arrived):
            raise UnknownKey("the keys that the run knows are old; it looks for newer ones first.")
        heard.signed_by = claims.sub

    def dump(self) -> dict[str, Json]:
        """As plain data; nothing where no key is known."""
        return {"keys": self._keys, "keys_read_at": self._read_at} if self._keys else {}

    def load(self, data: Mapping[str, Json]) -> None:
        """Take over what `dump` gave."""
        self._keys = dict(data.get("keys", {}))
        self._read_at = data.get("keys_read_at", 0)

    def _require_signature(self, token: str) -> None:
        if token != self._signed:
            require_signature(token, self._keys)
            self._signed = token

    def _must_look(self, arrived: datetime) -> bool:
        """Whether the keys are old, and the run has not just looked for newer ones in vain."""
        looked = bool(self._looks) and self._looks[-1] >= arrived
        old = arrived.timestamp() - self._read_at > FRESH_FOR.total_seconds()
        return old and self._read_at > 0 and not looked and self.may_look(arrived)


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
