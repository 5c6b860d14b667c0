"""Actions of random definitions, for worker processes that are killed: each writes down what it does, and reads what to do from a file."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import pickle
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

from temporalio import activity

from advanced_workflow.activities.action.decorator import action
from tests.engine.deeds import act, begin_undo, end_undo
from tests.engine.script import Script, place_of

FOLDER = "SCRIPTED_FOLDER"
"""Environment variable: where the scripts are, by run, and where is written what was done."""
SCRIPTS, DONE = "scripts.pickle", "done.jsonl"
UNDO_SUFFIX = ".rollback[0]"


@dataclass(frozen=True)
class Deed:
    """Something that an attempt did: it `began` or is `done`, `undo_began` or `undo_ended`."""

    what: str
    by: str
    """Id of the workflow run, which may be a child's or of what undoes one."""
    path: str
    again: bool
    """Whether the run may call it once more: after an earlier attempt, or for another attempt of a child."""
    at: float

    @property
    def run(self) -> str:
        """The run that began it all."""
        return place_of(self.by)[0]


@action(name="do")
async def do() -> None:
    """Do as the script says."""
    _note("began")
    info, (run, before) = activity.info(), place_of(activity.info().workflow_id or "")
    await _linger("before")
    await act(_scripts()[run].at(before + info.activity_id), info.attempt)
    _note("done")
    await _linger("after")


@action(name="undo")
async def undo(undo: dict[str, object]) -> None:
    """Undo as the script says."""
    _note("undo_began")
    run, step_id = place_of(activity.info().workflow_id or "")[0], str(undo["step_id"])
    await _linger("before")
    await begin_undo(_scripts()[run], step_id, activity.info().attempt)
    _note("undo_ended")
    await _linger("after")
    end_undo(_scripts()[run], step_id)


def deeds_in(folder: Path) -> Iterator[Deed]:
    """What was done, in order; a line that its writer did not live to end is none."""
    for line in (folder / DONE).read_text(encoding="utf-8").splitlines():
        yield Deed(**json.loads(line))


def write_scripts(folder: Path, scripts: Mapping[str, Script]) -> None:
    """Say what the actions of these runs do."""
    (folder / SCRIPTS).write_bytes(pickle.dumps(dict(scripts)))
    (folder / DONE).touch()


async def _linger(when: str) -> None:
    """Let a kill come between: each action has its own times, and the same in each attempt."""
    info = activity.info()
    await asyncio.sleep(crc32(f"{when} {info.workflow_id} {info.activity_id}".encode()) % 4 * 0.1)


def _note(what: str) -> None:
    info = activity.info()
    by = info.workflow_id or ""
    path = place_of(by)[1] + info.activity_id.removesuffix(UNDO_SUFFIX)
    line = json.dumps(asdict(Deed(what, by, path, info.attempt > 1 or "~" in by, time.time())))
    os.write(_opened(), f"{line}\n".encode())  # In one piece, whoever else writes, and whenever this process is killed.


@functools.cache
def _opened() -> int:
    return os.open(Path(os.environ[FOLDER], DONE), os.O_WRONLY | os.O_APPEND)


@functools.cache
def _scripts() -> Mapping[str, Script]:
    return pickle.loads(Path(os.environ[FOLDER], SCRIPTS).read_bytes())  # noqa: S301 - the test wrote it
