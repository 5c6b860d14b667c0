"""Lists of runs, by Temporal's visibility."""

from __future__ import annotations

from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.client.errors import ConnectionFailed, RequestFailed
from advanced_workflow.client.service.description import RPC_TIMEOUT, RunSummary, summarize
from advanced_workflow.workflows.contract import SEARCH_ATTRIBUTE_WAITING_FOR

PAGE_SIZE = 200


async def list_runs(
    client: Client, query: str = "", *, task_queue: str | None = None, limit: int = 100
) -> list[RunSummary]:
    """List runs, newest first, by Temporal's visibility query (`ExecutionStatus = 'Running'`, `WorkflowType = 'x'`).

    `task_queue` narrows the list to the runs of one queue. A run appears a moment after it started.

    Raises:
        RequestFailed: the query is not valid.
    """
    if task_queue:
        clause = f"TaskQueue = {quoted(task_queue)}"
        query = f"{clause} AND ({query})" if query.strip() else clause
    found: list[RunSummary] = []
    page = b""
    while len(found) < limit:
        request = ListWorkflowExecutionsRequest(
            namespace=client.namespace, query=query, page_size=min(limit - len(found), PAGE_SIZE), next_page_token=page
        )
        try:
            answer = await client.workflow_service.list_workflow_executions(request, retry=True, timeout=RPC_TIMEOUT)
        except RPCError as error:
            raise _list_failure(error, query) from error
        found.extend(summarize(info) for info in answer.executions)
        page = answer.next_page_token
        if not page:
            break
    return found


async def waiting_for(client: Client, who: str, *, limit: int = 100) -> list[RunSummary]:
    """List the running runs that wait for a person, a group (`group:finance`) or an `operator`.

    Raises:
        RequestFailed: the namespace does not know the search attribute.
    """
    query = f"ExecutionStatus = 'Running' AND {SEARCH_ATTRIBUTE_WAITING_FOR} = {quoted(who)}"
    return await list_runs(client, query, limit=limit)


def quoted(value: str) -> str:
    """A string literal of the visibility query language."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _list_failure(error: RPCError, query: str) -> ConnectionFailed | RequestFailed:
    if SEARCH_ATTRIBUTE_WAITING_FOR in error.message:
        return RequestFailed(
            f"the namespace does not know the search attribute {SEARCH_ATTRIBUTE_WAITING_FOR}; create it with 'temporal "
            f"operator search-attribute create --name {SEARCH_ATTRIBUTE_WAITING_FOR} --type KeywordList'."
        )
    if error.status is RPCStatusCode.INVALID_ARGUMENT:
        return RequestFailed(f"list query {query!r}: {error.message}; see 'temporal workflow list --help'.")
    return ConnectionFailed(f"the Temporal server did not list runs: {error.message}; try again.")
