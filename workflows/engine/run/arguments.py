"""Reading what comes in: arguments and messages, and how those that do not fit are refused."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from temporalio.exceptions import ApplicationError

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.errors import WorkflowError
from advanced_workflow.workflows.plain.misfits import places
from advanced_workflow.workflows.plain.text import for_people

Model = TypeVar("Model", bound=BaseModel)


def parsed(model: type[Model], payload: Json, what: str, refusal: type[WorkflowError]) -> Model:
    """Read a message's payload. Raises `refusal` with one sentence that names the fields."""
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise refusal(f"{what} does not fit: {places(error, 'payload')}.") from None


def sentence(error: WorkflowError) -> str:
    """What an error says, as it may be sent and kept: it may quote what it refuses, of any size and with any characters."""
    return for_people(str(error))


def as_failure(error: WorkflowError) -> ApplicationError:
    """The Temporal failure of an error: its code is the type."""
    return failure(error.code, str(error))


def failure(code: str, message: str, *details: Json) -> ApplicationError:
    """The one way in which a run, an update or a query fails: trying again would not help, and its texts can be sent."""
    return ApplicationError(for_people(message), *details, type=code, non_retryable=True)


@contextmanager
def refused_as_failure() -> Generator[None, None, None]:
    """Turn an error of the project inside the block into the run's failure."""
    try:
        yield
    except WorkflowError as error:
        raise as_failure(error) from None
