"""Names that an expression does not have, and the ones that were meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from advanced_workflow.workflows.expressions.mistakes.mistake import Known, quoted

_UNKNOWN: Final = re.compile(r"unknown name '([^']*)'")
_MEANT: Final[Mapping[str, tuple[str, ...]]] = {
    "event": ("message", "payload", "signal", "data", "body"),
    "call": ("arguments", "args", "tool", "params"),
    "result": ("results", "response", "res", "output", "outputs", "ret", "returned", "value"),
    "item": ("each", "element", "it", "this", "items", "loop", "elem", "current"),
    "index": ("i", "idx", "loop_index", "position", "item_index"),
    "iteration": ("round", "counter", "loop_count", "i", "attempt"),
    "input": (
        "inputs",
        "input_data",
        "params",
        "parameters",
        "args",
        "arguments",
        "payload",
        "request",
        "req",
        "body",
        "trigger",
        "json",
        "data",
    ),
    "workflow": (
        "variables",
        "vars",
        "var",
        "variable",
        "global_variables",
        "globals",
        "global",
        "context",
        "ctx",
        "state",
        "wf",
        "memory",
    ),
    "steps": ("step", "tasks", "nodes", "jobs", "stages", "states", "activities"),
    "run": ("execution", "workflow_run", "meta", "self"),
}
"""Roots, in the order of being thought of, with what others call them."""
_ONLY: Final[Mapping[str, str]] = {
    "item": "inside a step with 'for_each'",
    "index": "inside a step with 'for_each'",
    "iteration": "inside a loop",
    "result": "in 'output_mapping' and 'rollback_mapping'",
    "event": "in the 'match' of an event",
    "step": "in the fields of a step",
    "call": "in the tools of an agent",
    "progress": "in 'complete_when'",
    "task": "in the workers of an orchestrator",
}
NAMES: Final = frozenset(_ONLY)
"""Names that an expression may use in some places only."""
_STEP_FIELD: Final = re.compile(r"\.\??(?:output|status|error)\b")
_HYPHENATED: Final = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*)\.(\w+(?:-\w+)+)")
_WORD: Final = re.compile(r"[A-Za-z_][\w-]*")


@dataclass(frozen=True, slots=True)
class Renamed:
    """Code with one name set right, and what is said of it."""

    code: str
    reason: str
    advice: str = ""
    is_text: bool = False
    """Whether the name was taken for text."""


def unknown_name(reason: str) -> str | None:
    """The name that a reason calls unknown."""
    found = _UNKNOWN.search(reason)
    return found[1] if found is not None else None


def renamed(code: str, name: str, column: int, roots: frozenset[str], known: Known) -> Renamed | None:
    """Set an unknown name right at its column; None where nothing can be said."""
    start, end = column - 1, column - 1 + len(name)
    if code[start:end] != name:
        return None
    with_hyphen = _in_brackets(code, start, known) or _step_in_brackets(code, start, known)
    if with_hyphen is not None:
        return with_hyphen
    rest = code[end:]
    meant = _meant(name, rest, roots, known)
    if meant is not None:
        more = _and_output(meant, rest, known)
        return Renamed(f"{code[:start]}{more[0]}{more[1]}", _not_known(name))
    if name in _ONLY:
        return Renamed(code, f"'{name}' is known only {_ONLY[name]}", f"Here an expression may use {_listed(roots)}.")
    if rest[:1] in (".", "[") or rest[:2] == "?.":
        advice = f"What the run was given is input.{name}, a variable is workflow.{name}, what a step gave is steps.ID.output."
        return Renamed(f"{code[:start]}input.{name}{rest}", _not_known(name), advice)
    if rest[:1] == "(":
        return None
    word = _WORD.match(code, start)
    text = word[0].rstrip("-") if word is not None else name
    return Renamed(f"{code[:start]}{quoted(text)}{code[start + len(text) :]}", _not_known(name), is_text=True)


def _meant(name: str, rest: str, roots: frozenset[str], known: Known) -> str | None:
    if name in known.steps and rest[:1] in (".", "["):
        return f"steps.{name}"
    for owner, names in (("workflow", known.variables), ("input", known.inputs)):
        if name in names and owner in roots:
            return f"{owner}.{name}"
    is_whole = rest[:1] in (".", "[") or not rest.strip()
    for root, others in _MEANT.items():
        if root in roots and is_whole and name.casefold() in (root, *others):
            return root
    if name in ("output", "outputs", "result") and is_whole:
        return "steps.ID.output" if name != "outputs" else "steps"
    if _STEP_FIELD.match(rest):
        return f"steps.{name}"
    near = (
        get_close_matches(name, sorted(roots), n=1, cutoff=0.75)
        if is_whole and len(name) > 2 and name not in _ONLY
        else []
    )
    return near[0] if near else None


def _and_output(meant: str, rest: str, known: Known) -> tuple[str, str]:
    """`outputs.pay.id` is `steps.pay.output.id`; `steps` alone needs a step."""
    if meant != "steps":
        return meant, rest
    step = re.match(r"\.(\w+)(.*)", rest, re.DOTALL)
    if step is None:
        return "steps.ID.output", rest
    if _STEP_FIELD.match(step[2]):
        return meant, rest
    if known.steps and step[1] not in known.steps:
        return "steps.ID.output", rest
    return f"steps.{step[1]}.output", step[2]


def _in_brackets(code: str, start: int, known: Known) -> Renamed | None:
    """`input.first-name`, of which CEL reads `name` alone."""
    for found in _HYPHENATED.finditer(code):
        if found.start(2) < start < found.end():
            name = found[2]
            if found[1] == "steps" and known.steps and name not in known.steps:
                return None
            return Renamed(f"{code[: found.start()]}{found[1]}['{name}']{code[found.end() :]}", hyphen_reason(name))
    return None


def _step_in_brackets(code: str, start: int, known: Known) -> Renamed | None:
    """`my-step.output.x`, without `steps` before it."""
    word = _WORD.match(code, start)
    if word is None or word[0] not in known.steps or "-" not in word[0]:
        return None
    return Renamed(f"{code[:start]}steps['{word[0]}']{code[word.end() :]}", hyphen_reason(word[0]))


def hyphen_reason(name: str) -> str:
    """What is wrong with a name that has a hyphen."""
    return f"'-' is minus in an expression, so {name!r} is read as a difference; names with a hyphen stand in brackets"


_STEP: Final = re.compile(r"steps\.(\w+(?:-\w+)+)")


def with_steps_in_brackets(code: str, known: Known) -> tuple[int, str, str] | None:
    """Code in which each step with a hyphen stands in brackets, with place and name of the first; None where there is none."""
    found = next((one for one in _STEP.finditer(code) if one[1] in known.steps), None)
    if found is None:
        return None
    form = _STEP.sub(lambda one: f"steps['{one[1]}']" if one[1] in known.steps else one[0], code)
    return found.start(), found[1], form


def hyphenated_step(source: str, column: int, steps: frozenset[str]) -> tuple[str, str] | None:
    """The step with a hyphen that an expression names as `steps.my-step`, and the right form; None where it names none so."""
    found = _STEP.match(source, max(column - 1, 0))
    if found is None or found[1] not in steps:
        return None
    return found[1], f"{source[: found.start()]}steps['{found[1]}']{source[found.end() :]}"


def unknown_with_hyphen(source: str, column: int) -> str | None:
    """The name that `steps.my-step` means, at its place in an expression; None where no hyphen follows."""
    found = _STEP.match(source, max(column - 1, 0))
    return found[1] if found is not None else None


def _not_known(name: str) -> str:
    return f"unknown name '{name}'"


def _listed(roots: frozenset[str]) -> str:
    return ", ".join(sorted(roots)) or "no names"
