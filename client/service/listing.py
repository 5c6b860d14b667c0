"""Lists of runs, by Temporal's visibility."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.api.workflowservice.v1 import CountWorkflowExecutionsRequest, ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.client.errors import ConnectionFailed, RequestFailed
from advanced_workflow.client.service.attributes import create_command, named_in
from advanced_workflow.client.service.description import RPC_TIMEOUT, RunSummary, summarize
from advanced_workflow.workflows.contract import (
    ROLLBACK_WORKFLOW_TYPE,
    SEARCH_ATTRIBUTE_VERSION,
    SEARCH_ATTRIBUTE_WAITING_FOR,
    TAKEOVER_WORKFLOW_TYPE,
    UNDO_WORKFLOW_TYPE,
)
from advanced_workflow.workflows.definition.problems.places import listed

PAGE_SIZE = 200


@dataclass(frozen=True, slots=True)
class RunsWanted:
    """Which runs are meant; None says nothing."""

    status: str | None = None
    """As Temporal writes it: `Running`."""
    workflow_id: str | None = None
    version: str | None = None

    @property
    def query(self) -> str:
        """The visibility query for them."""
        version = [] if self.version is None else [f"{SEARCH_ATTRIBUTE_VERSION} = {quoted(self.version)}"]
        return " AND ".join([*self._clauses, *version])

    @property
    def untold(self) -> str:
        """That for those which do not tell their version."""
        own = ", ".join(map(quoted, _WITHOUT_VERSION))
        return " AND ".join([*self._clauses, f"{SEARCH_ATTRIBUTE_VERSION} IS NULL", f"WorkflowType NOT IN ({own})"])

    @property
    def _clauses(self) -> list[str]:
        status = [] if self.status is None else [f"ExecutionStatus = {quoted(self.status)}"]
        return [*status, *([] if self.workflow_id is None else [f"WorkflowType = {quoted(self.workflow_id)}"])]


_WITHOUT_VERSION = (ROLLBACK_WORKFLOW_TYPE, TAKEOVER_WORKFLOW_TYPE, UNDO_WORKFLOW_TYPE)
"""Types of runs that no definition is started for."""


async def list_runs(
    client: Client, query: str = "", *, task_queue: str | None = None, limit: int = 100
) -> list[RunSummary]:
    """List runs, newest first, by Temporal's visibility query (`ExecutionStatus = 'Running'`, `WorkflowType = 'x'`).

    `task_queue` narrows the list to the runs of one queue. A run appears a moment after it started.

    Raises:
        RequestFailed: the query is not valid.
    """
    query = _on_queue(query, task_queue)
    found: list[RunSummary] = []
    page = b""
    while len(found) < limit:
        request = ListWorkflowExecutionsRequest(
            namespace=client.namespace, query=query, page_size=min(limit - len(found), PAGE_SIZE), next_page_token=page
        )
        try:
            answer = await client.workflow_service.list_workflow_executions(request, retry=True, timeout=RPC_TIMEOUT)
        except RPCError as error:
            raise _list_failure(error, query, client.namespace) from error
        found.extend(summarize(info) for info in answer.executions)
        page = answer.next_page_token
        if not page:
            break
    return found


async def count_runs(client: Client, query: str = "", *, task_queue: str | None = None) -> int:
    """How many runs `list_runs` would list without a limit; raises as it does."""
    query = _on_queue(query, task_queue)
    request = CountWorkflowExecutionsRequest(namespace=client.namespace, query=query)
    try:
        answer = await client.workflow_service.count_workflow_executions(request, retry=True, timeout=RPC_TIMEOUT)
    except RPCError as error:
        raise _list_failure(error, query, client.namespace) from error
    return answer.count


async def waiting_for(client: Client, who: str, query: str = "", *, limit: int = 100) -> list[RunSummary]:
    """List the running runs that wait for a person, a group (`group:finance`) or an `operator`, those of a query where one is given.

    Raises:
        RequestFailed: the namespace does not know the search attribute.
    """
    waiting = f"ExecutionStatus = 'Running' AND {SEARCH_ATTRIBUTE_WAITING_FOR} = {quoted(who)}"
    return await list_runs(client, f"{waiting} AND ({query})" if query.strip() else waiting, limit=limit)


def _on_queue(query: str, task_queue: str | None) -> str:
    if not task_queue:
        return query
    clause = f"TaskQueue = {quoted(task_queue)}"
    return f"{clause} AND ({query})" if query.strip() else clause


def quoted(value: str) -> str:
    """A string literal of the visibility query language."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _list_failure(error: RPCError, query: str, namespace: str) -> ConnectionFailed | RequestFailed:
    if unknown := named_in(error.message):
        return RequestFailed(
            f"the namespace does not know the search attribute {listed(unknown)}; create it with '{create_command(unknown, namespace)}'."
        )
    if error.status is RPCStatusCode.INVALID_ARGUMENT:
        return RequestFailed(f"list query {query!r}: {error.message}; see 'temporal workflow list --help'.")
    return ConnectionFailed(f"the Temporal server did not list runs: {error.message}; try again.")
