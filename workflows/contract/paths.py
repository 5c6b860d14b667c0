"""The grammar of step paths, and of the ids and keys that are made of them.

A path says where a step is in its run: the steps around it and the step itself, with dots between, as in `ship[3].label`.

    path = part *( "." part )
    part = [ owner "!" ] step-id [ "[" copy "]" / "#" round [ "[" turn "]" ] ]

Only what repeats what is inside of it has a copy or a round in its part, and then a part follows, unless it is the round of a loop over
an action. The owner is the step whose failure an error handler of several steps is for. An agent has its turns as a fan-out has copies,
and the call of a tool its number as a loop has rounds: `look[3].restart#0`; a tool that is an agent has both.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

LONGEST_ID = 1_000
"""Bytes of an id that the server takes."""

_PART = re.compile(
    r"(?:(?P<owner>[A-Za-z_][A-Za-z0-9_-]*)!)?(?P<step_id>[A-Za-z_][A-Za-z0-9_-]*)(?P<number>\[\d+\]|#\d+(?:\[\d+\])?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"\[\d+\]|#\d+", re.ASCII)
_LAST_NUMBER = re.compile(r"(\[\d+\]|#\d+)$", re.ASCII)
_AGENT_TOOL = re.compile(r"(?P<name>[A-Za-z0-9_-]+)#\d+\[\d+\]$", re.ASCII)
"""The end of the path of an agent that is a tool, with its turn."""
_UNDO = re.compile(r"(?P<path>.+)\.rollback\[\d+\]", re.ASCII)
_LATER = re.compile(r"(?P<first>.+)~(?P<number>[2-9]|[1-9]\d{1,8})", re.ASCII | re.DOTALL)
_NUMBERED = len("~999999999")
"""Characters that the number of a later attempt may take."""
_TELLING = 12
"""Characters of an execution id that tell it from others; those before them are the time."""
_BELOW = (".", "[", "#", "!")
"""What follows a step's path in the paths of what runs for it."""


class PathPart(NamedTuple):
    """One part of a path."""

    step_id: str
    number: str = ""
    """Of the copy or round: `[3]`, `#2`."""
    owner: str = ""
    """Id of the step that an error handler runs for, where it has several."""

    def __str__(self) -> str:
        return f"{handler_key(self.owner, self.step_id) if self.owner else self.step_id}{self.number}"


class StepPath(str):
    """Where a step is in its run; also the id of its activity."""

    __slots__ = ()

    @property
    def parts(self) -> tuple[PathPart, ...]:
        """Its parts, the outermost first. Raises ValueError for what is not a path."""
        found: list[PathPart] = []
        for text in self.split("."):
            part = _PART.fullmatch(text)
            if part is None:
                raise ValueError(
                    f"{str(self)!r} is not a step's path: {text!r} is not a step's id with its copy or round."
                )
            found.append(PathPart(part["step_id"], part["number"] or "", part["owner"] or ""))
        return tuple(found)

    @property
    def name(self) -> str:
        """Its last part: the step's name in the pass of the graph it runs in."""
        return self.rpartition(".")[2]

    @property
    def container(self) -> StepPath | None:
        """Path of the step it is nested in: of `ship[3].label` it is `ship`. An error handler is not nested in its owner."""
        around = self.rpartition(".")[0]
        return StepPath(_LAST_NUMBER.sub("", around)) if around else None

    @property
    def numbers(self) -> str:
        """The copies and rounds it is in, as its path says them: of `ship[3].try#2` it is `[3]#2`."""
        return "".join(_NUMBER.findall(self))

    @property
    def pass_number(self) -> str:
        """The copy or round it is in, where what is just around it repeats."""
        found = _LAST_NUMBER.search(self.rpartition(".")[0])
        return found[0] if found else ""

    @property
    def passes(self) -> Iterator[str]:
        """What the paths of the copies and rounds around it begin with, the outermost first: `ship[3].`."""
        start = 0
        while (dot := self.find(".", start)) >= 0:
            if _NUMBER.search(self, start, dot):
                yield self[: dot + 1]
            start = dot + 1

    @property
    def owners(self) -> Iterator[str]:
        """Paths of what it belongs to, and its own: `a.b!c` gives `a`, `a.b`, `a.b!c`; `a[3].b` gives `a`, `a[3]`, `a[3].b`."""
        for position, character in enumerate(self):
            if character in _BELOW:
                yield self[:position]
        yield self

    @property
    def depth(self) -> int:
        """How many steps it belongs to."""
        return sum(character in ".!" for character in self)

    def belongs_to(self, other: str) -> bool:
        """Whether it runs inside of another step, or is an error handler that runs for it."""
        return self.startswith(other) and self.startswith(_BELOW, len(other))

    def round(self, number: int) -> StepPath:
        """Its round of that number, where it is a loop."""
        return StepPath(self + round_key(number))

    def undo_id(self, number: int) -> str:
        """Activity id of the undo action that its definition lists at this place."""
        return f"{self}.rollback[{number}]"

    @property
    def child_undo_id(self) -> str:
        """What the report names the undoing of its child's run."""
        return f"{self}.rollback"

    @property
    def watch_id(self) -> str:
        """Id of the activity that looks up how its child's run ended."""
        return f"{self}.child"

    def child_run_id(self, workflow_id: str, attempt: int, undone: int = 0) -> str:
        """Temporal workflow id of its child's run; what was `undone` so often and runs again is another run."""
        again = (f"~u{undone}" if undone else "") + (f"~{attempt}" if attempt > 1 else "")
        return _run_id(f"{workflow_id}/{self}{again}")


def turn_of(path: StepPath) -> int:
    """The turn of an agent that a call of it is in, from 1; 0 where it is in none."""
    number = path.pass_number.strip("[]#")
    return int(number) + 1 if number else 0


def turn_name(path: StepPath) -> str:
    """The same in words: `turn 3`; of an agent that is a tool itself with its name, `helper turn 1`."""
    inner = _AGENT_TOOL.search(path.rpartition(".")[0])
    return f"{inner['name'] + ' ' if inner else ''}turn {turn_of(path)}"


def copy_key(index: int) -> str:
    """What names a copy of a fan-out, after the fan-out's own name."""
    return f"[{index}]"


def round_key(number: int) -> str:
    """What names a round of a loop, after the loop's own name."""
    return f"#{number}"


def handler_key(owner: str, handler: str) -> str:
    """The name of an error handler of several steps when it runs for this one, by their ids."""
    return f"{owner}!{handler}"


def undone_path(activity_id: str) -> StepPath | None:
    """Path of the step that an undo action is for, by the action's activity id; None for any other activity."""
    undo = _UNDO.fullmatch(activity_id)
    return StepPath(undo["path"]) if undo else None


def undo_run_id(workflow_id: str, execution_id: str, attempt: int = 1, *, completed: bool = False) -> str:
    """Temporal workflow id of the run that undoes what another left, whoever asks for it.

    The server runs one of an id, so this decides who undoes, and that nothing is undone twice: attempt 2 is for what attempt 1 left.
    Whoever takes the effects over instead takes such an id, too; what else has one is passed over (`undo_ids`). Of a run that `completed` only what it could not undo
    itself is meant; the rest stands, and has an id of its own.
    """
    what = "rollback-rest" if completed else "rollback"
    return attempt_id(_run_id(f"{workflow_id}-{what}-{execution_id[-_TELLING:]}", LONGEST_ID - _NUMBERED), attempt)


def attempt_id(first: str, attempt: int) -> str:
    """The id of an attempt to undo, by that of the first one."""
    return first + (f"~{attempt}" if attempt > 1 else "")


def attempt_in(undo_run_id: str) -> tuple[str, int]:
    """The id of the first attempt to undo what that run undoes, and which attempt it is."""
    later = _LATER.fullmatch(undo_run_id)
    return (later["first"], int(later["number"])) if later else (undo_run_id, 1)


def old_undo_run_id(workflow_id: str) -> str:
    """The id that release 0.1.0 gave to the run that undoes a child."""
    return _run_id(f"{workflow_id}-rollback")


def idempotency_key(execution_id: str, activity_id: str) -> str:
    """The key that a step's action, or an undo action, takes effect under."""
    return f"{execution_id}:{activity_id}"


def _run_id(id: str, longest: int = LONGEST_ID) -> str:
    """The id of a run that belongs to another. Where that one's is long, what is too long for the server ends in a digest."""
    if len(id.encode()) <= longest:
        return id
    digest = hashlib.sha256(id.encode()).hexdigest()
    return f"{id.encode()[: longest - len(digest) - 1].decode(errors='ignore')}~{digest}"
