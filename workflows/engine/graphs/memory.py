"""Where a user's graph stands: plain data in the cursor of its step, so that it continues in another history.

It holds the graph's latest state, and what the calls gave of the nodes that have not ended: LangGraph runs such a node again, after an
interrupt or in a new history, and each of its calls is made once all the same.
"""

from __future__ import annotations

import copy
import hashlib

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.engine.state.record import GRAPH, Record
from advanced_workflow.workflows.errors import GraphNotDeterministic
from advanced_workflow.workflows.plain.strict_json import encode

Entry = dict[str, Json]
"""A call of a node: `worker`, `digest` of what it was given, `shown`, its `number` in the step, and once it ended `end`."""


class Memory:
    """What is known of a graph that runs."""

    def __init__(self, record: Record) -> None:
        """Take up where the record says it stands, or at the beginning."""
        self._data: dict[str, Json] = record.cursor.setdefault(GRAPH, {"next": 0, "calls": {}, "asked": {}})

    @property
    def has_begun(self) -> bool:
        """Whether the step's input was built."""
        return "first" in self._data or "points" in self._data

    @property
    def first(self) -> dict[str, Json] | None:
        """The state to begin with; None once the graph has a state of its own."""
        return copy.deepcopy(self._data.get("first"))

    def begin(self, state: dict[str, Json]) -> None:
        """Begin with this state."""
        self._data["first"], self._data["task"] = state, state.get("task")

    @property
    def task(self) -> Json:
        """What the expressions of the workers see under that name."""
        return self._data.get("task")

    def keep_state(self) -> None:
        """The graph has a state of its own from now on."""
        self._data.pop("first", None)

    @property
    def has_called(self) -> bool:
        """Whether any call was made."""
        return self._data["next"] > 0

    @property
    def points(self) -> dict[str, Json]:
        """The latest state of the graph and of each subgraph that runs, by its namespace."""
        return self._data.setdefault("points", {})

    @property
    def writes(self) -> dict[str, Json]:
        """What the nodes gave that ended since, by namespace and task."""
        return self._data.setdefault("writes", {})

    def call(self, task: str, number: int, worker: str, value: Json, shown: str) -> Entry:
        """The call that is the how-manieth of this run of a node; a new one where the node never came so far.

        Raises `GraphNotDeterministic` where it was another call before.
        """
        calls: list[Entry] = self._data["calls"].setdefault(task, [])
        digest = hashlib.sha256(encode([worker, value], "what the call is given")).hexdigest()
        if number < len(calls):
            known = calls[number]
            if known["digest"] != digest:
                node = task.rpartition("|")[2].partition(":")[0]
                raise GraphNotDeterministic(
                    f"node {node!r} ran again, as LangGraph has it after an interrupt, and its call {number + 1} was {known['shown']} and is "
                    f"{shown} now; let it depend on the state and on earlier calls only."
                )
            return known
        entry: Entry = {"worker": worker, "digest": digest, "shown": shown, "number": self._next_number()}
        calls.append(entry)
        return entry

    def asking(self, interrupt: str) -> Entry:
        """What a node asks people: its `number`, and once they decided the `answer`."""
        asked: dict[str, Entry] = self._data["asked"]
        if interrupt not in asked:
            asked[interrupt] = {"number": self._next_number()}
        return asked[interrupt]

    def _next_number(self) -> int:
        """A number that no call of the step has."""
        self._data["next"] += 1
        return self._data["next"] - 1

    def forget(self, namespace: str) -> None:
        """The nodes of a graph have ended that ran in this namespace: they will not run again."""
        inside = f"{namespace}|" if namespace else ""
        for held in (self._data["calls"], self.points, self.writes):
            for name in [one for one in held if one.startswith(inside) and one != namespace]:
                del held[name]
        self.writes.pop(namespace, None)
        if not namespace:
            self._data["asked"].clear()

    def allow_again(self) -> None:
        """An operator runs the step again: calls that failed are made again."""
        for calls in self._data["calls"].values():
            for entry in calls:
                if "error" in entry.get("end", {}):
                    del entry["end"]
                    entry["again"] = True
