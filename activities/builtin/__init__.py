"""Actions that come with every worker."""

from advanced_workflow.activities.builtin.guard import HttpPolicy, HttpPolicyInvalid
from advanced_workflow.activities.builtin.http import HttpRequests

__all__ = ["HttpPolicy", "HttpPolicyInvalid", "HttpRequests"]
