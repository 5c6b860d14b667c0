"""`webhook`: an HTTP request by the worker's built-in action, and maybe the event that answers it."""

from __future__ import annotations

import re
from typing import Any, cast

from advanced_workflow.workflows.contract import HTTP_ACTION, HttpRequest, Json
from advanced_workflow.workflows.engine.actions.armed_call import ArmedCall
from advanced_workflow.workflows.engine.actions.mapped_input import ARGUMENTS
from advanced_workflow.workflows.engine.graph.limits import number_at
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.events import await_event, did_not_come
from advanced_workflow.workflows.engine.step.failures import failure_of
from advanced_workflow.workflows.engine.step.waiting import deadline_in
from advanced_workflow.workflows.errors import DataInvalid

_RESPONSE = "response"
_SECRET = re.compile(r"\{\{\s*secret:[^{}]*\}\}")


async def run_webhook(step: StepContext) -> Done:
    """Send the request; with a `callback`, wait for the event that answers it. An event that comes early counts."""
    cursor = step.record.cursor
    if _RESPONSE not in cursor:
        call = ArmedCall(step, HTTP_ACTION, step.path, step.frame.undo, step.key, _sent)
        cursor[_RESPONSE] = await call.run()
    response: dict[str, Json] = cursor[_RESPONSE]
    callback = step.plan.step.webhook.callback if step.plan.step.webhook else None
    if callback is None:
        return Done(response)
    timeout = number_at("webhook.callback.timeout", callback.timeout, step.numbers)
    event = await await_event(step, callback.event, deadline_in(step, timeout))
    if event is not None:
        return Done({**response, "callback": event.data})
    raise failure_of(did_not_come(step, callback.event, timeout), "unknown")


def _sent(step: StepContext) -> Json:
    """The request, with the name of the tool whose call it is: a tool has none of the rights of a step that is called like it."""
    request = request_of(step)
    return request if step.plan.tool is None else {**request, "tool": step.plan.step.step_id}


def request_of(step: StepContext) -> Json:
    """The request that the step's expressions build; of a tool's call that was approved it is the one that people saw."""
    if ARGUMENTS in step.record.cursor:
        return step.record.cursor[ARGUMENTS]
    with step.reading("webhook"):
        built: dict[str, Any] = step.plan.request.evaluate(step.scope()) if step.plan.request else {}
        headers = cast("dict[str, Any]", built["headers"])
        for name, value in headers.items():
            if isinstance(value, bool | dict | list) or value is None:
                raise DataInvalid(f"header {name!r} must be text or a number.")
            _refuse_foreign_secret(step, name, str(value))
        if not isinstance(built["url"], str):
            raise DataInvalid("'url' must give text.")
        method = step.plan.step.webhook.method if step.plan.step.webhook else "POST"
        return HttpRequest(
            url=built["url"],
            method=method,
            headers={name: str(value) for name, value in headers.items()},
            body=built["body"],
        ).model_dump(mode="json", exclude={"tool"})


def _refuse_foreign_secret(step: StepContext, name: str, value: str) -> None:
    """Secrets are named by the definition; data that names one must not pull it out."""
    source = str(step.plan.step.webhook.headers.get(name)) if step.plan.step.webhook else ""
    for place in _SECRET.findall(value):
        if place not in source:
            raise DataInvalid(f"header {name!r}: its data holds {place!r}; only the definition may name secrets.")
