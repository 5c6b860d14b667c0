"""Actions that come with every worker."""

from activities.builtin.guard import HttpPolicy, HttpPolicyInvalid
from activities.builtin.http import HttpRequests

__all__ = ["HttpPolicy", "HttpPolicyInvalid", "HttpRequests"]
