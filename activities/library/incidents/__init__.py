"""Actions of the library's incidents: evidence, remedies and how they are undone, and whether they helped."""

from advanced_workflow.activities.library.incidents.evidence import list_deploys, read_metrics, read_runbook, search_log
from advanced_workflow.activities.library.incidents.remedies import (
    confirm_recovery,
    deploy_version,
    restore_feature,
    restore_version,
    switch_feature_off,
)

__all__ = [
    "confirm_recovery",
    "deploy_version",
    "list_deploys",
    "read_metrics",
    "read_runbook",
    "restore_feature",
    "restore_version",
    "search_log",
    "switch_feature_off",
]
