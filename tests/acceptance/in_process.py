"""A command called as a function, which saves the start of a Python: for what only reads, answers or refuses."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio import activity, workflow

from tests.acceptance.command import Ended


@dataclass(frozen=True)
class InProcess:
    """Calls commands in a folder with these variables and no other of ours; afterwards this process is as it was."""

    capture: pytest.CaptureFixture[str]
    folder: Path

    def __call__(
        self, main: Callable[[Sequence[str]], object], *arguments: str, folder: Path | None = None, **variables: str
    ) -> Ended:
        """Call a command as its program does."""
        self.capture.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            _prepare(patch, folder or self.folder, variables)
            code = _exit_code(main, arguments)
        output, errors = self.capture.readouterr()
        ended = Ended(code, output, errors)
        assert "Traceback" not in ended.errors, ended.errors
        return ended


def _prepare(patch: pytest.MonkeyPatch, folder: Path, variables: Mapping[str, str]) -> None:
    for name in list(os.environ):
        if name.startswith(("ADW_", "TEMPORAL_")):
            patch.delenv(name)
    for name, value in {"COLUMNS": "120", **variables}.items():
        patch.setenv(name, value)
    patch.chdir(folder)
    patch.setattr(sys, "path", [*sys.path])
    patch.setattr(logging.root, "handlers", [])
    patch.setattr(logging.root, "level", logging.root.level)
    patch.setattr(workflow.logger, "workflow_info_on_message", workflow.logger.workflow_info_on_message)
    patch.setattr(activity.logger, "activity_info_on_message", activity.logger.activity_info_on_message)


def _exit_code(main: Callable[[Sequence[str]], object], arguments: Sequence[str]) -> int:
    try:
        code = main(arguments)
    except SystemExit as leaving:
        code = leaving.code
    return code if isinstance(code, int) else 0
