"""What the model is told of the calls that it asked for."""

from __future__ import annotations

from typing import cast

from advanced_workflow.workflows.contract import ChatMessage, Json, RawMessage, SkipReason, ToolCall
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.errors import ApprovalRejected
from advanced_workflow.workflows.plain.strict_json import encode


def refused(call: ToolCall, code: str, why: str) -> RawMessage:
    """The message for a call that was not made."""
    return _message(call, {"error": code, "message": why}, error=True)


def told(call: ToolCall, record: Record) -> RawMessage:
    """The message that says how a call ended."""
    if record.status is StepStatus.COMPLETED or (record.status is StepStatus.SKIPPED and record.has_output):
        return _message(call, record.output, error=False)
    if record.error is None:
        by_operator = record.skip_reason is SkipReason.BY_OPERATOR
        reason = "an operator did without it" if by_operator else "it was not needed"
        return refused(call, "Skipped", f"the call was not made: {reason}.")
    said: dict[str, Json] = {"error": record.error.type, "message": record.error.message}
    if is_rejected(record) and isinstance(record.error.details, dict):
        decision = cast("dict[str, Json]", record.error.details)
        said.update({name: decision[name] for name in ("approver", "comment") if decision.get(name)})
    return _message(call, said, error=True)


def is_rejected(record: Record) -> bool:
    """Whether people did not approve the call."""
    return record.error is not None and record.error.type == ApprovalRejected.code


def _message(call: ToolCall, content: Json, *, error: bool) -> RawMessage:
    text = content if isinstance(content, str) else encode(content, "a tool's result").decode()
    return ChatMessage(role="tool", content=text, tool_call_id=call.id, name=call.name, error=error).as_raw()
