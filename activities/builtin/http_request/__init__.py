"""The action of `webhook` steps: an HTTP request, to where the worker's operator allows it."""

from advanced_workflow.activities.builtin.http_request.action import HttpRequests
from advanced_workflow.activities.builtin.http_request.policy import HttpPolicy, HttpPolicyInvalid

__all__ = ["HttpPolicy", "HttpPolicyInvalid", "HttpRequests"]
