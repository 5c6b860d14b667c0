from __future__ import annotations

from temporalio.api.workflow.v1 import WorkflowExecutionInfo

from advanced_workflow.client.service.description import REPORTED_PROBLEMS, summarize


def test_a_run_whose_workflow_task_fails_is_told_apart_by_what_the_server_reports() -> None:
    info = WorkflowExecutionInfo()
    healthy = summarize(info)
    info.search_attributes.indexed_fields[REPORTED_PROBLEMS].data = b'["category=WorkflowTaskFailed","cause=X"]'

    assert (healthy.faulty, summarize(info).faulty) == (False, True)
