from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities.action import context


def environment() -> ActivityEnvironment:
    made = ActivityEnvironment()
    made.info = replace(
        made.info, activity_id="ship[3].label", attempt=2, workflow_run_id="run-1", heartbeat_details=["half"]
    )
    return made


def test_the_idempotency_key_is_run_and_step_path():
    assert environment().run(context.idempotency_key) == "run-1:ship[3].label"


def test_the_execution_from_the_header_replaces_the_run_id():
    def keys() -> str:
        context.bind_execution("first-run")
        try:
            return context.idempotency_key()
        finally:
            context.bind_execution(None)

    assert environment().run(keys) == "first-run:ship[3].label"


def test_step_path_attempt_and_last_report_are_known():
    assert environment().run(context.step_path) == "ship[3].label"
    assert environment().run(context.attempt) == 2
    assert environment().run(context.heartbeat_details) == ("half",)


def test_log_records_carry_run_step_and_attempt(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)

    environment().run(lambda: context.log.info("hello", extra={"mine": 1}))

    fields = vars(caplog.records[0])
    assert (fields["run_id"], fields["step_path"], fields["attempt"], fields["workflow_id"], fields["mine"]) == (
        "run-1",
        "ship[3].label",
        2,
        "test",
        1,
    )


@pytest.mark.parametrize(
    "ask", [context.idempotency_key, context.step_path, context.attempt, context.heartbeat, context.cancelled]
)
def test_outside_an_action_the_sentence_says_what_to_do(ask: Callable[[], object]):
    with pytest.raises(RuntimeError, match="ActivityEnvironment"):
        ask()


def test_the_log_works_outside_an_action(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)

    context.log.info("hello")

    assert "step_path" not in vars(caplog.records[0])
