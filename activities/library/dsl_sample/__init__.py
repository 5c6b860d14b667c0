"""Actions of the library's DSL sample: five activities that say what they were given, and the undo of each."""

from advanced_workflow.activities.library.dsl_sample.numbered import (
    activity1,
    activity2,
    activity3,
    activity4,
    activity5,
    undo_activity,
)

__all__ = ["activity1", "activity2", "activity3", "activity4", "activity5", "undo_activity"]
