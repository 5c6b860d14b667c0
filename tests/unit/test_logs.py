from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.testing import ActivityEnvironment

from advanced_workflow.client.serve.logs import configure_logs


@pytest.fixture(autouse=True)
def unchanged_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []  # `configure_logs` closes those it replaces
    yield
    root.handlers, level = handlers, root.setLevel(level)
    workflow.logger.workflow_info_on_message = True
    activity.logger.activity_info_on_message = True


def json_line(write: Any) -> dict[str, Any]:
    stream = io.StringIO()
    configure_logs("json", "INFO", stream)
    write()
    [line] = stream.getvalue().splitlines()
    return json.loads(line)


def test_an_action_s_line_carries_run_step_and_attempt() -> None:
    environment = ActivityEnvironment()

    line = json_line(lambda: environment.run(lambda: activity.logger.info("charged %d", 5)))

    assert line["message"] == "charged 5"
    assert line["level"] == "INFO"
    assert line["time"].endswith("Z")
    assert {"workflow_id", "run_id", "step", "action", "attempt"} <= line.keys()
    assert line["attempt"] == environment.info.attempt
    assert line["step"] == environment.info.activity_id


def test_extra_fields_of_the_same_names_are_carried_too() -> None:
    line = json_line(lambda: logging.getLogger("adw").warning("late", extra={"workflow_id": "w", "step": "pay"}))

    assert (line["workflow_id"], line["step"], line["logger"]) == ("w", "pay", "adw")


def test_a_json_line_stays_one_line_whatever_is_logged() -> None:
    def fail() -> None:
        try:
            raise ValueError("two\nlines")
        except ValueError:
            logging.getLogger("adw").exception("broken\nmessage", extra={"step": object})

    line = json_line(fail)

    assert line["message"] == "broken\nmessage"
    assert "ValueError: two\nlines" in line["exception"]


def test_text_lines_end_with_their_context() -> None:
    stream = io.StringIO()
    configure_logs("text", "WARNING", stream)
    logging.getLogger("adw").info("unseen")
    logging.getLogger("adw").warning("seen", extra={"step": "pay", "attempt": 2})

    assert stream.getvalue().endswith("WARNING seen  [step=pay attempt=2]\n")
    assert "unseen" not in stream.getvalue()
