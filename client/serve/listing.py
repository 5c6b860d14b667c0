"""The actions and definitions of a worker, as lists to print."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from advanced_workflow.client.serve.here import listed
from advanced_workflow.client.serve.serving import Serving
from advanced_workflow.workflows.plain.text import visible, visible_json


def list_actions(serving: Serving) -> list[dict[str, Any]]:
    """Every action with its description, schemas and source, as plain data."""
    return [asdict(info) for info in serving.registry.catalog().values()]


def list_definitions(serving: Serving) -> list[dict[str, Any]]:
    """Every definition with its version, digest and source, as plain data, by `workflow_id`, the highest version first."""
    return listed(serving.definitions)


def print_actions(serving: Serving, *, as_json: bool) -> None:
    """Print one line an action, or one line of JSON."""
    found = list_actions(serving)
    _print(found, [f"{one['name']}  {one['description']}  ({one['source']})" for one in found], as_json=as_json)


def print_definitions(serving: Serving, *, as_json: bool) -> None:
    """Print one line a definition, or one line of JSON."""
    found = list_definitions(serving)
    lines = [f"{one['workflow_id']}  {one['version']}  {one['name']}  ({one['source']})" for one in found]
    _print(found, lines, as_json=as_json)


def _print(found: list[dict[str, Any]], lines: list[str], *, as_json: bool) -> None:
    print(visible_json(json.dumps(found, ensure_ascii=False)) if as_json else "\n".join(map(visible, lines)))
