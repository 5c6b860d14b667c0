from __future__ import annotations

import pytest

from advanced_workflow.workflows.contract import ErrorInfo
from advanced_workflow.workflows.engine.step.failures import told


@pytest.mark.parametrize(
    ("message", "path", "said"),
    [
        ("division by zero", "each[2].pay", "step 'each[2].pay' failed with Broken: division by zero"),
        ("step 'pay' was rejected by ann.", "pay", "step 'pay' was rejected by ann."),
        ("the run was cancelled.", None, "the run was cancelled."),
    ],
)
def test_a_run_that_failed_names_the_step_once(message: str, path: str | None, said: str) -> None:
    assert told(ErrorInfo(type="Broken", message=message, path=path)) == said
