"""Decisions that came before their step asks, by the path of the step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from advanced_workflow.workflows.contract import DecideRequest, Json
from advanced_workflow.workflows.engine.people.heard import Heard


class EarlyDecisions:
    """What is kept until its step asks."""

    def __init__(self) -> None:
        """None came."""
        self.kept: dict[str, list[DecideRequest]] = {}
        self.size = 0
        """Bytes of them all."""

    def of(self, path: str, person: str) -> Heard | None:
        """What a person has said about a step."""
        heard = (Heard(one) for one in self.kept.get(path, ()))
        return next((one for one in heard if one.person == person), None)

    def keep(self, path: str, heard: Heard) -> None:
        """Keep a decision."""
        self.kept.setdefault(path, []).append(heard.request)
        self.size += heard.size

    def take(self, *names: str) -> Iterator[DecideRequest]:
        """Give up what was kept under these names, in this order."""
        for name in dict.fromkeys(names):
            for one in self.kept.pop(name, ()):
                self.size -= Heard(one).size
                yield one

    def take_all(self) -> Iterator[DecideRequest]:
        """Give up everything."""
        yield from self.take(*self.kept)

    def dump(self) -> dict[str, Json]:
        """As plain data."""
        return {name: [one.model_dump(mode="json") for one in kept] for name, kept in self.kept.items()}

    def load(self, data: Mapping[str, Json]) -> None:
        """Take over what `dump` gave."""
        for path, kept in data.items():
            for one in kept:
                self.keep(path, Heard(DecideRequest.model_validate(one)))
