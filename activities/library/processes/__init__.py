"""Actions of the library's races: work that continues outside of the run, is polled, and can be stopped."""

from advanced_workflow.activities.library.processes.processes import (
    process_state,
    start_process,
    stop_process,
    stop_started_process,
)

__all__ = ["process_state", "start_process", "stop_process", "stop_started_process"]
