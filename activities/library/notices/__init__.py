"""Actions of the library that tell people something, and a planner that proposes to."""

from advanced_workflow.activities.library.notices.messages import correct_notice, send_notice
from advanced_workflow.activities.library.notices.planner import plan_response

__all__ = ["correct_notice", "plan_response", "send_notice"]
