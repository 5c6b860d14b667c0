"""Whether a namespace knows the search attribute that tells whom a run waits for."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Literal

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError

from advanced_workflow.client.errors import WorkerStartRefused
from advanced_workflow.workflows.contract import SEARCH_ATTRIBUTE_WAITING_FOR

CREATE_COMMAND = (
    f"temporal operator search-attribute create --name {SEARCH_ATTRIBUTE_WAITING_FOR} --type KeywordList --namespace"
)

logger = logging.getLogger(__name__)


async def can_use_search_attributes(client: Client, mode: Literal["auto", "required", "off"]) -> bool:
    """Ask the server, as the setting `search_attributes` says; a run that sets an unknown attribute would hang.

    With `auto` an unknown attribute is one warning.

    Raises:
        WorkerStartRefused: with `required`, when the namespace does not know it or cannot tell.
    """
    if mode == "off":
        return False
    problem = await _problem(client)
    if problem is None:
        return True
    if mode == "required":
        raise WorkerStartRefused(f"{problem}, and ADW_SEARCH_ATTRIBUTES=required; {_advice(client)}.")
    logger.warning("%s, so lists by whom a run waits for are off; %s.", problem, _advice(client))
    return False


async def _problem(client: Client) -> str | None:
    place = f"namespace {client.namespace!r}"
    try:
        answer = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace), timeout=timedelta(seconds=10)
        )
    except RPCError as error:
        return f"{place} does not tell which search attributes it knows ({error.message})"
    kind = answer.custom_attributes.get(SEARCH_ATTRIBUTE_WAITING_FOR)
    if kind is None:
        return f"{place} does not know the search attribute {SEARCH_ATTRIBUTE_WAITING_FOR}"
    if kind != IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST:
        return f"in {place} the search attribute {SEARCH_ATTRIBUTE_WAITING_FOR} is not a KeywordList"
    return None


def _advice(client: Client) -> str:
    return f"create it with '{CREATE_COMMAND} {client.namespace}'"
