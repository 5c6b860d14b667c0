"""LangGraph's checkpointer over the memory of a step: only the latest state is kept, and what people answer is put beside it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.engine.graphs.library import langgraph
from advanced_workflow.workflows.engine.graphs.memory import Memory
from advanced_workflow.workflows.engine.graphs.restrictions import Applied

_INTERRUPT, _RESUME = "__interrupt__", "__resume__"
_PLACES: Mapping[str, int] = {"__error__": -1, "__scheduled__": -2, _INTERRUPT: -3, _RESUME: -4}
"""Of what a node has once, as LangGraph's own savers have it; other writes are numbered."""
THREAD = {"configurable": {"thread_id": "run"}}


class Saved:
    """The state of one graph, as LangGraph has it saved."""

    def __init__(self, memory: Memory, applied: Applied, on_round: Callable[[], None]) -> None:
        """`on_round` is called whenever the nodes of a round have ended."""
        self._memory = memory
        self._applied = applied
        self._on_round = on_round
        self._serde: Any = langgraph("langgraph.checkpoint.serde.jsonplus").JsonPlusSerializer()

    def latest(self, namespace: str, wanted: str | None) -> Any:  # noqa: ANN401 - LangGraph's
        """The latest state in a namespace, None where there is none or another one is wanted."""
        point = self._memory.points.get(namespace)
        if point is None or wanted not in (None, point["id"]):
            return None
        written: Mapping[str, Any] = self._memory.writes.get(namespace, {})
        return langgraph("langgraph.checkpoint.base").CheckpointTuple(
            config=_config(namespace, point["id"]),
            checkpoint=self._loaded(point["state"]),
            metadata=self._loaded(point["metadata"]),
            parent_config=None,
            pending_writes=[
                (task, channel, self._loaded(value))
                for task, writes in written.items()
                for channel, value, _ in writes.values()
            ],
        )

    def put(self, namespace: str, checkpoint: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
        """A round of nodes has ended with this state."""
        state, about = self._dumped(checkpoint), self._dumped(metadata)
        self._memory.forget(namespace)
        self._memory.points[namespace] = {"id": checkpoint["id"], "state": state, "metadata": about}
        if not namespace:
            self._memory.keep_state()
            self._on_round()
        return _config(namespace, checkpoint["id"])

    def put_writes(self, namespace: str, writes: Sequence[tuple[str, Any]], task: str, path: str) -> None:
        """What a node gave that has ended, or asks."""
        held: dict[str, Json] = self._memory.writes.setdefault(namespace, {}).setdefault(task, {})
        for number, (channel, value) in enumerate(writes):
            place = str(_PLACES.get(channel, number))
            if channel in _PLACES or place not in held:
                held[place] = [channel, self._dumped(value), path]

    def open_interrupts(self) -> list[Any]:
        """What nodes ask people now, in an order that depends on the graph alone."""
        places: dict[str, list[str]] = {}
        found: dict[str, Any] = {}
        for _, _, writes in sorted(self._interrupted(), key=lambda one: len(one[0])):
            _, value, path = writes[str(_PLACES[_INTERRUPT])]
            for one in self._loaded(value):
                places.setdefault(one.id, []).append(path)
                found[one.id] = one
        return [found[one] for one in sorted(found, key=lambda one: places[one])]

    def resume(self, interrupt: str, answer: Json) -> None:
        """Give an answer to the node that asked: it runs again, and is given it then."""
        asking = [one for one in self._interrupted() if self._asks(one[2], interrupt)]
        innermost = max(asking, key=lambda one: len(one[0]))[2]
        place = str(_PLACES[_RESUME])
        before: list[Json] = self._loaded(innermost[place][1]) if place in innermost else []
        innermost[place] = [_RESUME, self._dumped([*before, answer]), ""]
        for _, _, writes in asking:
            self._answered(writes, interrupt)

    def _answered(self, writes: dict[str, Json], interrupt: str) -> None:
        place = str(_PLACES[_INTERRUPT])
        channel, value, path = writes[place]
        left = tuple(one for one in self._loaded(value) if one.id != interrupt)
        if left:
            writes[place] = [channel, self._dumped(left), path]
        else:
            del writes[place]

    def _asks(self, writes: dict[str, Json], interrupt: str) -> bool:
        return any(one.id == interrupt for one in self._loaded(writes[str(_PLACES[_INTERRUPT])][1]))

    def _interrupted(self) -> Iterator[tuple[str, str, dict[str, Json]]]:
        """Namespace, task and writes of each node that asks."""
        for namespace, tasks in self._memory.writes.items():
            for task, writes in tasks.items():
                if str(_PLACES[_INTERRUPT]) in writes:
                    yield namespace, task, writes

    def _dumped(self, value: object) -> Json:
        kind, data = self._serde.dumps_typed(value)
        return [kind, base64.b64encode(data).decode()]

    def _loaded(self, dumped: Json) -> Any:  # noqa: ANN401 - whatever it was
        kind, text = dumped
        with self._applied():  # Classes of the graph's own module are those that it runs with.
            return self._serde.loads_typed((kind, base64.b64decode(text)))


def saver_of(saved: Saved) -> Any:  # noqa: ANN401 - LangGraph's
    """The checkpointer that LangGraph calls."""
    return _class()(saved)


@cache
def _class() -> Any:  # noqa: ANN401 - a class of LangGraph's
    class Saver(langgraph("langgraph.checkpoint.base").BaseCheckpointSaver):
        def __init__(self, saved: Saved) -> None:
            super().__init__()  # pyright: ignore[reportUnknownMemberType]
            self._saved = saved

        async def aget_tuple(self, config: Any) -> Any:  # noqa: ANN401
            return self._saved.latest(_namespace(config), config["configurable"].get("checkpoint_id"))

        async def aput(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:  # noqa: ANN401
            return self._saved.put(_namespace(config), checkpoint, metadata)

        async def aput_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:  # noqa: ANN401
            self._saved.put_writes(_namespace(config), writes, task_id, task_path)

    return Saver


def _namespace(config: Mapping[str, Any]) -> str:
    return config["configurable"].get("checkpoint_ns", "")


def _config(namespace: str, id: str) -> dict[str, Any]:
    return {"configurable": {**THREAD["configurable"], "checkpoint_ns": namespace, "checkpoint_id": id}}
