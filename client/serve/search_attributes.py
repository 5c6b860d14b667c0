"""Which of the search attributes that runs set a namespace knows: a run that sets another one would hang."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError

from advanced_workflow.client.errors import WorkerStartRefused
from advanced_workflow.client.service.attributes import SEARCH_ATTRIBUTES, create_command
from advanced_workflow.workflows.contract import SEARCH_ATTRIBUTE_VERSION, SEARCH_ATTRIBUTE_WAITING_FOR
from advanced_workflow.workflows.definition.problems.places import listed

_LISTS = {SEARCH_ATTRIBUTE_WAITING_FOR: "by whom a run waits for", SEARCH_ATTRIBUTE_VERSION: "by version"}

logger = logging.getLogger(__name__)


async def known_search_attributes(client: Client, mode: Literal["auto", "required", "off"]) -> frozenset[str]:
    """Ask the server which ones may be set, as the setting `search_attributes` says.

    With `auto` those that it does not know are one warning.

    Raises:
        WorkerStartRefused: with `required`, when the namespace does not know all of them or cannot tell.
    """
    if mode == "off":
        return frozenset()
    problems = await _problems(client)
    if problems:
        reasons = listed(list(dict.fromkeys(problems.values())))
        advice = f"create what is missing with '{create_command(problems, client.namespace)}'"
        if mode == "required":
            raise WorkerStartRefused(f"{reasons}, and ADW_SEARCH_ATTRIBUTES=required; {advice}.")
        lost = " and ".join(_LISTS[name] for name in problems)
        logger.warning("%s, so lists %s are off; %s.", reasons, lost, advice)
    return frozenset(SEARCH_ATTRIBUTES.keys() - problems.keys())


async def _problems(client: Client) -> Mapping[str, str]:
    """Why each of those that cannot be set cannot."""
    place = f"namespace {client.namespace!r}"
    try:
        answer = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace), timeout=timedelta(seconds=10)
        )
    except RPCError as error:
        reason = f"{place} does not tell which search attributes it knows ({error.message})"
        return dict.fromkeys(SEARCH_ATTRIBUTES, reason)
    known = answer.custom_attributes
    missing = {
        name: f"{place} does not know the search attribute {name}" for name in SEARCH_ATTRIBUTES if name not in known
    }
    misfits = {
        name: f"in {place} the search attribute {name} is not a {kind}"
        for name, (kind, value) in SEARCH_ATTRIBUTES.items()
        if name in known and known[name] != value
    }
    return missing | misfits
