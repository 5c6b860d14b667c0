"""`parallel` with `for_each`: a copy of the nested graph for each item of a list."""

from __future__ import annotations

import asyncio
from collections.abc import Set
from typing import Any

from advanced_workflow.workflows.contract import FAILED_COPIES, Json, SkipReason
from advanced_workflow.workflows.contract.paths import copy_key
from advanced_workflow.workflows.definition.check.rules.repetition import MOST_COPIES
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.containers.enough import ENOUGH, Enough, judged, rate_is_lost
from advanced_workflow.workflows.engine.containers.graphs import run_graph
from advanced_workflow.workflows.engine.containers.nested import fails_its_pass, nested_graph
from advanced_workflow.workflows.engine.containers.tolerated import run_undone_as_new, settle_tolerated
from advanced_workflow.workflows.engine.graph.driver import end_all
from advanced_workflow.workflows.engine.graph.limits import number_at
from advanced_workflow.workflows.engine.people.events import Listener
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.events import event_fits
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.quiet import quiet
from advanced_workflow.workflows.engine.undo.backwards import Part
from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain.text import shortened

_CUT_OFF = "cut_off"
"""In the cursor: copies that were cancelled, as the container was complete or its success rate out of reach."""
MOST_LISTED = 20
"""Failed copies that an error message names, and that are shown beside the fan-out."""
_LONGEST_ERROR = 200


async def run_copies(step: StepContext) -> Done:
    """Run the copies; succeed when enough of them succeeded, or when `complete_when` holds.

    As soon as the success rate is out of reach, the copies that run are cancelled and no other starts.
    Only the counts, the outputs and the errors of copies that have ended are kept.
    """
    cursor = step.record.cursor
    if step.record.status is StepStatus.PENDING:
        run_undone_as_new(step)
    again = frozenset[int]()
    if "items" not in cursor:
        with step.reading("for_each"):
            cursor.update(items=_items(step), next=0, running=[], results=[], failures=[])
    elif step.record.status is StepStatus.PENDING and not cursor.get(ENOUGH):
        again = _run_failed_again(step)
    step.begin()
    copies = _Copies(step, again)
    try:
        if not cursor.get(ENOUGH):
            await copies.enough.watch(copies.run())
    except asyncio.CancelledError:
        step.record.output = copies.output()
        raise
    output = copies.output()
    names = ", ".join(_name(one) for one in output["failures"][:MOST_LISTED])
    cut_off = output["skipped_steps"]
    done = judged(step, output, names, "copies", satisfied=bool(cursor.get(ENOUGH)), cut_off=cut_off)
    await copies.settle_failures()
    return done


class _Copies:
    """The copies of one fan-out. The step's cursor says where they are, so that they can continue in another history."""

    def __init__(self, step: StepContext, again: Set[int]) -> None:
        """`again` are copies that an operator runs again where they were cut off."""
        self._step = step
        self._again = again
        self._lost = False
        self._cursor = step.record.cursor
        self._passes = step.frame.undo.passes(step.key)
        limit = number_at("max_concurrency", step.plan.step.max_concurrency, step.numbers)
        self._limit = min(limit or MOST_COPIES, MOST_COPIES)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.enough = Enough(step)

    async def run(self) -> None:
        """Run until every item has had its copy."""
        add_on = self._step.plan.step.add_on
        listener = Listener(self._takes, self._add, shared=False)
        if add_on is not None:
            self._step.run.events.listen(add_on.event, listener)
        try:
            self._look()
            for index in list(self._cursor["running"]):
                self._start(index)
            if self._lost:  # In an earlier history: what was under way then takes up its place, and is ended.
                await quiet()
            self._fill()
            await self._finished
            if self._lost and await end_all(list(self._tasks.values())):
                raise asyncio.CancelledError
        except (Exception, asyncio.CancelledError):
            self._finished.cancel()
            await end_all(list(self._tasks.values()))
            raise
        finally:
            self._cut_off(*self._tasks)  # They had not taken their first turn.
            self._step.record.notes["progress"] = self.progress()
            self._step.run.withdrawals.emptied(self._step.path)
            if add_on is not None:
                self._step.run.events.stop_listening(add_on.event, listener)

    def _look(self) -> None:
        """See whether the success rate is out of reach: from that moment on, nothing that waits inside begins."""
        progress = self.progress()
        completed, failed = progress["completed"], progress["failed"]
        left = progress["total"] - completed - failed
        if not self._lost and rate_is_lost(self._step, completed, failed, left) and patched(Patch.RULES_2):
            self._lost = True
            self._step.run.withdrawals.empty(self._step.path, SkipReason.NOT_NEEDED)

    async def settle_failures(self) -> None:
        """The container is a success: what failed copies left is undone, or kept."""
        failed = self._cursor["failures"]
        if failed:
            keys = tuple(copy_key(one["index"]) for one in failed)
            counts = {"failed": len(failed), "of": len(self._cursor["items"]), "what": "copies"}
            await settle_tolerated(self._step, Part(self._step.plan, self._passes, keys), counts)
        for key in list(self._passes.running):
            self._step.run.saga.end_pass(self._passes, key)

    def progress(self) -> dict[str, Json]:
        """Counts of copies, shown while they run."""
        return {
            "total": len(self._cursor["items"]),
            "completed": len(self._cursor["results"]),
            "failed": len(self._cursor["failures"]),
            "running": len(self._cursor["running"]),
        }

    def output(self) -> dict[str, Json]:
        """The results by item."""
        results = sorted(self._cursor["results"], key=_index)
        failures = sorted(self._cursor["failures"], key=_index)
        total = len(results) + len(failures)
        return {
            "total_steps": total,
            "successful_steps": len(results),
            "failed_steps": len(failures),
            "skipped_steps": len(self._cursor["items"]) - total,
            "success_rate": len(results) / total if total else 1.0,
            "results": results,
            "failures": failures,
        }

    def _takes(self, item: Json) -> bool:
        # Copies that are being ended take no more; the event stays for somebody else.
        return not self._finished.done() and event_fits(self._step, self._step.plan.add_match, item)

    def _add(self, item: Json) -> None:
        self._cursor["items"].append(item)
        self._fill()

    def _fill(self) -> None:
        while not self._lost and len(self._tasks) < self._limit and self._cursor["next"] < len(self._cursor["items"]):
            index = self._cursor["next"]
            self._cursor["next"] = index + 1
            self._cursor["running"].append(index)
            self._start(index)
        self._step.record.notes["progress"] = self.progress()
        if (self._lost or not self._tasks) and not self._finished.done():
            self._finished.set_result(None)

    def _start(self, index: int) -> None:
        self._tasks[index] = asyncio.ensure_future(self._follow(index))

    async def _follow(self, index: int) -> None:
        try:
            await self._copy(index)
        except (Exception, asyncio.CancelledError) as error:
            if not self._finished.done():
                self._finished.set_exception(error)
            return
        finally:
            del self._tasks[index]
        if self._finished.done():
            return
        progress = self.progress()
        self._step.record.notes["progress"] = progress
        self.enough.look(progress["total"], progress["completed"], progress["failed"])
        self._look()
        if not self.enough.reached:
            self._fill()

    async def _copy(self, index: int) -> None:
        step, key = self._step, copy_key(index)
        frame = step.frame.repeated(
            step.plan.step_id,
            f"{step.key}{key}",
            self._passes.begin(key),
            {"item": self._cursor["items"][index], "index": index},
        )
        step.run.state.adopt(frame)
        if index in self._again:
            step.run.state.reset_failed(nested_graph(step), frame)
        await step.run.budget.breathe()
        try:
            await run_graph(step.run, nested_graph(step), frame, is_lost=lambda standing: standing.broken)
            self._cursor["running"].remove(index)
            self._note(index, frame)
        except asyncio.CancelledError:
            self._cut_off(index)
            raise
        finally:
            cut_off = index in self._cursor.get(_CUT_OFF, ())
            if not (self._failed(index) or cut_off) or not frame.undo.needs_undo or not patched(Patch.RULES_2):
                step.run.saga.end_pass(self._passes, key)
            # Else it stays at hand until the container is over: it may be undone by itself, or continue.
            step.run.state.end_pass(frame, step.frame, keep=cut_off and not self.enough.reached)

    def _cut_off(self, *indexes: int) -> None:
        """Copies were cancelled; where an operator runs the container again, they continue."""
        for index in set(indexes) & set(self._cursor["running"]):
            self._cursor["running"].remove(index)
            self._cursor.setdefault(_CUT_OFF, []).append(index)

    def _show(self, failure: dict[str, Json]) -> None:
        """Tell the first copies that failed by their numbers: their records are let go after a while."""
        shown: list[Json] = self._step.record.notes.setdefault(FAILED_COPIES, [])
        if len(shown) < MOST_LISTED:
            shown.append({**failure, "error": _in_words(failure["error"])})

    def _failed(self, index: int) -> bool:
        failures = self._cursor["failures"]
        return bool(failures) and failures[-1]["index"] == index

    def _note(self, index: int, frame: Frame) -> None:
        records = [self._step.run.state.records[frame.prefix + one] for one in nested_graph(self._step).steps]
        failed = [one for one in records if fails_its_pass(one)]
        if failed:
            error = failed[0].error.model_dump(mode="json", exclude_none=True) if failed[0].error else None
            failure: dict[str, Json] = {"index": index, "step_id": failed[0].plan.step_id, "error": error}
            self._cursor["failures"].append(failure)
            self._show(failure)
            return
        outputs = {one.plan.step_id: one.output for one in records if one.has_output}
        self._cursor["results"].append({"index": index, "steps": outputs})


def _in_words(error: dict[str, Any] | None) -> str:
    return shortened(f"{error['type']}: {error['message']}", _LONGEST_ERROR) if error else ""


def _name(failure: dict[str, Any]) -> str:
    return f"{copy_key(failure['index'])} ({failure['error']['type'] if failure['error'] else 'Failed'})"


def _index(entry: dict[str, Any]) -> int:
    return entry["index"]


def _run_failed_again(step: StepContext) -> frozenset[int]:
    """An operator runs the failed step again: copies that failed run again, those that were cut off continue; gives the latter.

    The others keep their results.
    """
    cursor = step.record.cursor
    cut_off = frozenset(cursor.pop(_CUT_OFF, ()))
    for one in cursor["failures"]:
        step.run.state.drop(f"{step.path}{copy_key(one['index'])}.")
    cursor["running"] = sorted({*cursor["running"], *cut_off, *(one["index"] for one in cursor["failures"])})
    cursor["failures"] = []
    if patched(Patch.RULES_2):
        step.frame.undo.passes(step.key).take_back({copy_key(index) for index in cursor["running"]})
    return cut_off


def _items(step: StepContext) -> list[Json]:
    value: Json = step.plan.items.evaluate(step.scope()) if step.plan.items is not None else []
    if not isinstance(value, list):
        raise DataInvalid("the expression must give a list.")
    return list(value)  # pyright: ignore[reportUnknownArgumentType]
