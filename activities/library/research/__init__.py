"""Actions of the library's research assistant: a planner, a lookup and a summary."""

from advanced_workflow.activities.library.research.assistant import lookup, plan_next_step, summarise_findings

__all__ = ["lookup", "plan_next_step", "summarise_findings"]
