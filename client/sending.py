"""What is sent to runs: plain JSON, of a size that the history or the storage takes; nothing else leaves this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from advanced_workflow.workflows.contract import (
    PAYLOAD_LIMIT_BYTES,
    ExecutionOptions,
    RunRequest,
    SkipRequest,
    UserModel,
)
from advanced_workflow.workflows.errors import OperationRefused, PayloadTooLarge, WorkflowError
from advanced_workflow.workflows.plain.misfits import places
from advanced_workflow.workflows.plain.strict_json import encode, require_json

if TYPE_CHECKING:
    from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

Request = TypeVar("Request", bound=BaseModel)


def require_sendable(value: object, place: str, limit: int = PAYLOAD_LIMIT_BYTES) -> None:
    """Check that `value` is JSON of at most `limit` bytes as Temporal writes it; `place` is how errors call it.

    Raises:
        DataInvalid: bytes, NaN, an infinity, a key that is not a string, or any other object.
        PayloadTooLarge: more than `limit`; see `advanced_workflow.client.storage.payload_limit`.
    """
    require_json(value, place)
    size = len(encode(value, place))
    if size > limit:
        more = "configure ADW_STORAGE" if limit == PAYLOAD_LIMIT_BYTES else "raise ADW_PAYLOAD_LIMIT"
        raise PayloadTooLarge(
            f"{place}: {size:,} bytes are more than the {limit:,} a value may have here; {more}, or pass a reference."
        )


def start_arguments(
    workflow: str | AdvancedWorkflow, input_data: JsonValue, options: ExecutionOptions, limit: int
) -> list[JsonValue]:
    """The arguments that start a run; raises as `require_sendable` does."""
    require_sendable(input_data, "input_data", limit)
    execution_options: dict[str, JsonValue] = options.model_dump(mode="json", exclude_defaults=True)
    require_sendable(execution_options, "execution_options", limit)
    if isinstance(workflow, str):
        return [input_data, execution_options]
    # Who has a definition has loaded this.
    from advanced_workflow.workflows.definition.text.load import dump_definition

    request = RunRequest(
        workflow=dump_definition(workflow),
        input_data=input_data,
        execution_options=execution_options,
    ).model_dump(mode="json", exclude={"carried"})
    require_sendable(request, f"workflow {workflow.workflow_id!r}", limit)
    return [request]


def request_of(
    model: type[Request],
    operation: str,
    given: Mapping[str, object],
    refusal: type[WorkflowError] = OperationRefused,
) -> Request:
    """What is sent to a run; raises `refusal` with the fields that do not fit and what they should be, never with what was given."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        raise refusal(f"{operation}: {places(error)}.") from error


def message_of(request: UserModel, place: str, limit: int) -> dict[str, JsonValue]:
    """The argument of a signal or an update; raises as `require_sendable` does."""
    message: dict[str, JsonValue] = request.model_dump(mode="json")
    if isinstance(request, SkipRequest) and request.gives_output:  # A null is given, too.
        message["output"] = request.output
    require_sendable(message, place, limit)
    return message
