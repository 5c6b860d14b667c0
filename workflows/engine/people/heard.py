"""A decision as the run reads it: who it is from whatever the spelling, what it says, and how large it is."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from functools import cached_property

from temporalio import workflow

from advanced_workflow.workflows.contract import DecideRequest, Json, RecordedDecision
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.definition.problems.places import shorten
from advanced_workflow.workflows.definition.schema import COST_OF_STEP
from advanced_workflow.workflows.engine.temporal.fitting import verdict_on
from advanced_workflow.workflows.errors import DataInvalid, InvalidDecision, InvalidForm
from advanced_workflow.workflows.plain.names import same_name, same_names
from advanced_workflow.workflows.plain.strict_json import encode

MOST_BYTES = 128 * 1024
"""Of one decision, with its comment and its form."""
MOST_NAME_CHARACTERS = 200


class Heard:
    """A decision, read."""

    def __init__(self, request: DecideRequest, arrived: datetime | None = None) -> None:
        """Nothing is judged yet; `arrived` is when it came, which is now where it is left out."""
        self.request = request
        self._arrived = arrived
        self.person = same_name(request.approver)
        self.groups = same_names(request.groups)
        self.signed_by: str | None = None
        """The name as it was signed, where it was."""
        self.cost = 0
        """Of checking its form, counted as expressions are."""

    @property
    def arrived(self) -> datetime:
        """When it came."""
        return self._arrived or workflow.now()

    @cached_property
    def content(self) -> str:
        """What two copies of one decision have in common, whichever copy or round of a step they name."""
        return content_of(self.request, _said_of(self.request.step_id))

    @cached_property
    def size(self) -> int:
        """Bytes that it takes to keep it."""
        return len(_encoded(self.request.model_dump(mode="json")))

    @cached_property
    def id(self) -> str | None:
        """Its `decision_id`, as the run remembers it."""
        given = self.request.decision_id
        return short_digest(given.encode(errors="surrogatepass")) if given else None

    def require_form(self, approval: Approval) -> None:
        """Raise `InvalidForm` where an approval does not fit the form that is asked for."""
        if self.request.decision == "reject" or not approval.form:
            return
        verdict = verdict_on(approval.form, self.request.form)
        self.cost += verdict.steps * COST_OF_STEP
        if verdict.problems:
            sentences = "; ".join(verdict.problems)
            raise InvalidForm(f"the form of step {told(self.request.step_id)} does not fit: {sentences}.")

    def require_sound(self) -> None:
        """Raise `InvalidDecision` where nobody can be seen in the name, or the decision is too large to be kept."""
        if not self.person:
            raise InvalidDecision("'approver' names nobody: it has no character that can be seen.")
        if len(self.request.approver) > MOST_NAME_CHARACTERS:
            raise InvalidDecision(f"'approver' has more than {MOST_NAME_CHARACTERS} characters.")
        if self.size > MOST_BYTES:
            raise InvalidDecision(
                f"the decision has {self.size:,} bytes and at most {MOST_BYTES:,} are taken; pass a reference in the form."
            )


def _said_of(name: str) -> str:
    """The id of the step that a path or an id names, less what tells its rounds and calls."""
    return StepPath(name).name.rpartition("!")[2].partition("#")[0]


def content_of(decision: DecideRequest | RecordedDecision, step_id: str) -> str:
    """What a decision says about a step: the word, the person, comment, form and groups; not when, nor under which id."""
    said: list[Json] = [step_id, decision.decision, same_name(decision.approver), decision.comment, decision.form]
    return short_digest(_encoded([*said, sorted(same_names(decision.groups))]))


def short_digest(data: bytes) -> str:
    """96 bits of a digest as text."""
    return base64.b64encode(hashlib.sha256(data).digest()[:12]).decode()


def told(name: str) -> str:
    """A name from outside, as sentences show it."""
    return ascii(shorten(name))


def _encoded(value: Json) -> bytes:
    try:
        return encode(value, "the decision")
    except DataInvalid as error:
        raise InvalidDecision(str(error)) from None
