from __future__ import annotations

import pytest

from advanced_workflow.workflows.plain.text import one_line


@pytest.mark.parametrize(
    ("value", "line"),
    [("plain", "plain"), (" a\n  b\tc \r\n", "a b c"), (ValueError("no\n\nway"), "no way"), ("", ""), (7, "7")],
)
def test_a_text_becomes_one_line(value: object, line: str) -> None:
    assert one_line(value) == line
