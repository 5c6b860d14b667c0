"""Steps that end before their time because nobody needs them any more, and why."""

from __future__ import annotations

from advanced_workflow.workflows.contract import SkipReason
from advanced_workflow.workflows.contract.paths import StepPath


class Withdrawals:
    """Paths that are being withdrawn: their steps then count as skipped, not as failed."""

    def __init__(self) -> None:
        """Nothing is withdrawn."""
        self._whole: dict[str, SkipReason] = {}
        self._inside: dict[str, SkipReason] = {}

    def withdraw(self, path: StepPath, reason: SkipReason) -> None:
        """End a step, with all that runs inside of it."""
        self._whole[path] = self._inside[path] = reason

    def empty(self, path: StepPath, reason: SkipReason) -> None:
        """End what runs inside of a step, but not the step."""
        self._inside[path] = reason

    def done(self, path: StepPath) -> None:
        """All of it has ended."""
        self._whole.pop(path, None)
        self._inside.pop(path, None)

    def emptied(self, path: StepPath) -> None:
        """What ran inside of it has ended, and the step itself goes on."""
        if path not in self._whole:
            self._inside.pop(path, None)

    def reason(self, path: StepPath) -> SkipReason | None:
        """Why the step of this path ends, if it is withdrawn."""
        if not self._inside:
            return None
        if path in self._whole:
            return self._whole[path]
        return next((self._inside[one] for one in path.owners if one in self._inside and one != path), None)
