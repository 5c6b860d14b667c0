"""The project's search attributes on a server: their types, and the command that makes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from temporalio.api.enums.v1 import IndexedValueType

from advanced_workflow.workflows.contract import SEARCH_ATTRIBUTE_VERSION, SEARCH_ATTRIBUTE_WAITING_FOR

SEARCH_ATTRIBUTES: Mapping[str, tuple[str, IndexedValueType.ValueType]] = {
    SEARCH_ATTRIBUTE_WAITING_FOR: ("KeywordList", IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST),
    SEARCH_ATTRIBUTE_VERSION: ("Keyword", IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD),
}
"""The type of each, as people write it and as the server tells it."""


def create_command(names: Iterable[str], namespace: str) -> str:
    """The command that makes them in a namespace."""
    wanted = " ".join(f"--name {name} --type {SEARCH_ATTRIBUTES[name][0]}" for name in names)
    return f"temporal operator search-attribute create {wanted} --namespace {namespace}"


def named_in(text: str) -> list[str]:
    """Those that a server's message names."""
    return [name for name in SEARCH_ATTRIBUTES if name in text]
