"""Starting a run again with what it completed."""

from advanced_workflow.client.reruns.plan import Rerun, plan_rerun, start_rerun

__all__ = ["Rerun", "plan_rerun", "start_rerun"]
