from __future__ import annotations

import io
import json
import logging
from typing import Any

from advanced_workflow.client.serve.one_format import Lines


def objects(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_what_is_printed_becomes_one_object_a_line() -> None:
    behind = io.StringIO()
    lines = Lines(behind, "stdout", logging.INFO)

    print("two", "words", file=lines)
    print("be", end="", file=lines)
    print('gun {"a": 1}\n\nthree', file=lines)

    found = objects(behind)
    assert [one["message"] for one in found] == ["two words", 'begun {"a": 1}', "three"]
    assert {(one["logger"], one["level"]) for one in found} == {("stdout", "INFO")}


def test_bytes_become_lines_too() -> None:
    behind = io.StringIO()
    lines = Lines(behind, "stdout", logging.INFO)

    lines.buffer.write(b"caf\xc3\xa9 \xff\n")

    assert [one["message"] for one in objects(behind)] == ["caf\u00e9 \ufffd"]
    assert lines.encoding == "utf-8"


def test_the_rest_of_a_line_is_written_at_the_end() -> None:
    behind = io.StringIO()
    lines = Lines(behind, "stderr", logging.WARNING)
    lines.write("no end")
    lines.flush()
    assert behind.getvalue() == ""

    lines.finish()
    lines.finish()

    assert [one["message"] for one in objects(behind)] == ["no end"]
