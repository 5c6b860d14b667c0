"""Failures as workers send them: a sentence where one was meant, and a stack trace only where somebody has to look for a fault."""

from __future__ import annotations

import dataclasses
from typing import cast

from temporalio.api.failure.v1 import Failure
from temporalio.client import Client
from temporalio.converter import DefaultFailureConverter, PayloadConverter
from temporalio.exceptions import FailureError

from advanced_workflow.activities.worker.unforeseen import Unforeseen, is_expected, trace_of


class Sentences(DefaultFailureConverter):
    """The SDK's converter without the frames around an action's code, and without any where the sentence says everything.

    They would stand before everything else in the Web UI, and be three quarters of what a failure takes in the history.
    """

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """As the SDK does; what came from the server stays as it is, and so do failures of workflow tasks."""
        super().to_failure(exception, payload_converter, failure)
        if isinstance(exception, Unforeseen):
            failure.stack_trace = "\n".join(trace_of(exception))
        elif is_expected(exception) and not cast("FailureError", exception).failure:
            failure.stack_trace = ""


def with_sentences(client: Client) -> Client:
    """The client for workers whose failures are told so."""
    config = client.config()
    config["data_converter"] = dataclasses.replace(client.data_converter, failure_converter_class=Sentences)
    return Client(**config)
