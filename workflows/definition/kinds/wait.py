"""`wait` steps: for a time, until a time, or for an event."""

from __future__ import annotations

from typing import Literal

from pydantic import StrictBool, model_validator

from advanced_workflow.workflows.definition.model.base import DefinitionModel, Seconds


class WaitFor(DefinitionModel):
    """What a `wait` step waits for: exactly one of `seconds`, `until`, `event`."""

    seconds: Seconds | str | None = None
    """A number of seconds, or an expression that gives one."""
    until: str | None = None
    """An expression that gives a timestamp or an RFC 3339 string. A time in the past does not wait."""
    event: str | None = None
    """Name of the event; one that came earlier counts, and each is consumed once."""
    transient: StrictBool = False
    """Only an event that comes while the step waits counts."""
    match: str | None = None
    """Expression over `event` (the event's data) that must hold for this step to take it."""
    timeout: Seconds | None = None
    """Seconds to wait for the event; without it the run's own timeout is the bound."""
    on_timeout: Literal["fail", "continue"] = "fail"
    """`continue` completes the step with output null."""

    @model_validator(mode="after")
    def _one_form(self) -> WaitFor:
        if sum(x is not None for x in (self.seconds, self.until, self.event)) != 1:
            raise ValueError("give exactly one of 'seconds', 'until', 'event'")
        if self.event is None and (self.match is not None or self.timeout is not None or self.transient):
            raise ValueError("'match', 'timeout' and 'transient' belong to 'event'")
        return self
