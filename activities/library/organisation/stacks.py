"""Stacks: the resources an account starts with."""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import BaseModel, Field

from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import take_effect, undo_effect
from advanced_workflow.activities.library.namespaces import organisation
from advanced_workflow.workflows.contract import UndoInput

STACK = "stack"


class Stack(BaseModel):
    """A deployed template."""

    stack_id: str
    account_id: str
    name: str
    resources: list[str]


class TemplateInvalid(ActionError):
    """The template cannot be deployed as it is."""

    def __init__(self, name: str) -> None:
        """Say what is missing."""
        super().__init__(f"the template of stack {name!r} has no 'Resources'; add at least one", retryable=False)


@organisation.action
def deploy_stack(
    account_id: Annotated[str, Field(min_length=1)], name: Annotated[str, Field(min_length=1)], template: dict[str, Any]
) -> Stack:
    """Deploy a template into an account, and wait until it is there."""
    resources: object = template.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise TemplateInvalid(name)
    names = sorted(cast("dict[str, object]", resources))
    stack = Stack(stack_id=new_id("stk"), account_id=account_id, name=name, resources=names)
    return Stack.model_validate(take_effect(STACK, stack.model_dump()))


@organisation.action
def delete_stack(step: UndoInput) -> bool:
    """Delete a stack; false where there is none."""
    return undo_effect(STACK, step)
