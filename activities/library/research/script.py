"""The script a model follows: a JSON file with plans by question and facts by query.

`ADW_RESEARCH_SCRIPT` is its path (default: the script that comes with the package).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from advanced_workflow.activities.action.errors import ActionError

PATH_SETTING = "ADW_RESEARCH_SCRIPT"
DEFAULT_PATH = Path(__file__).with_name("script.json")


class Plan(BaseModel):
    """A model's choice of a tool."""

    tool: str
    arguments: dict[str, Any]


class Script(BaseModel):
    """What the model chooses, turn by turn, and what the source knows."""

    model_config = ConfigDict(extra="forbid")

    plans: dict[str, list[Plan]]
    facts: dict[str, str]
    unavailable: list[str] = []
    """Queries to which the source does not answer."""


class ScriptInvalid(ActionError):
    """The script cannot be read; trying again does not help."""

    def __init__(self, path: Path, reason: str) -> None:
        """Name the file and the first thing that is wrong."""
        super().__init__(f"{PATH_SETTING}: {path.name} is not a script ({reason}); name a valid one", retryable=False)


def read_script() -> Script:
    """Read the script by the setting; raises `ScriptInvalid`."""
    path = Path(os.environ.get(PATH_SETTING) or DEFAULT_PATH)
    try:
        return Script.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ScriptInvalid(path, error.strerror or "it cannot be read") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise ScriptInvalid(path, f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}") from None
