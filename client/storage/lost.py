"""A stored value that is not there: the storage itself says so, and asking again would not change that."""

from __future__ import annotations

from advanced_workflow.workflows.errors import StorageFailed


class ValueLost(StorageFailed):
    """The storage answers, and has no such value, or another one under its name.

    Every other `StorageFailed` may pass by itself: a disk that is not mounted, a service that does not answer, rights that are missing.
    """
