"""A planner for incidents: a rule in the place of a model. It proposes a tool call and does nothing itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.library.namespaces import notices

NOTIFIED_SEVERITY = 2
"""Incidents as bad as this, or worse, are to be announced."""


class NoticeArguments(BaseModel):
    """What the tool would be called with."""

    recipient: str
    subject: str
    text: str


class Proposal(BaseModel):
    """What the planner would do next: a tool and its arguments, or nothing more."""

    summary: str
    tool: str | None
    arguments: NoticeArguments | None


@notices.action
def plan_response(
    service: Annotated[str, Field(min_length=1)], severity: Annotated[int, Field(ge=1, le=5)], description: str
) -> Proposal:
    """Sum an incident up, and propose to tell operations when it is bad."""
    first_line = description.strip().partition("\n")[0]
    summary = f"{service}: {first_line} (severity {severity})"
    if severity > NOTIFIED_SEVERITY:
        return Proposal(summary=summary, tool=None, arguments=None)
    arguments = NoticeArguments(recipient="operations", subject=f"Incident: {service}", text=summary)
    return Proposal(summary=summary, tool="send_notice", arguments=arguments)
