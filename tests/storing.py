"""What is stored beside the history, through a converter."""

from __future__ import annotations

from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter

from advanced_workflow.client.settings import Settings
from advanced_workflow.client.storage import data_converter

LARGE = {"text": "x" * 300_000}


def converter(storage: str, **more: Any) -> DataConverter:
    return data_converter(Settings(storage=storage, **more))


async def encoded(converter: DataConverter, value: object) -> Payload:
    [payload] = await converter.encode([value])
    return payload


async def decoded(converter: DataConverter, payload: Payload) -> object:
    [value] = await converter.decode([payload])
    return value
