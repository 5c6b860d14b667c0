"""The latest entries of a log: bounded, however many and however large they are; those before them are counted."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """So many entries of so much weight in all, the latest one in any case."""

    def __init__(self, most: int, most_weight: int, kind: Callable[[T], str]) -> None:
        """`kind` says under which name an entry is counted once it is no longer listed."""
        self._most = most
        self._most_weight = most_weight
        self._kind = kind
        self._entries: deque[tuple[T, int]] = deque()
        self._weight = 0
        self.left_out: Counter[str] = Counter()
        """How many are no longer listed, by kind."""

    @property
    def listed(self) -> list[T]:
        """Those that are listed, the oldest first."""
        return [entry for entry, _ in self._entries]

    def keep(self, entry: T, weight: int) -> None:
        """Take one more."""
        self._entries.append((entry, weight))
        self._weight += weight
        while len(self._entries) > self._most or (self._weight > self._most_weight and len(self._entries) > 1):
            oldest, weight = self._entries.popleft()
            self._weight -= weight
            self.left_out[self._kind(oldest)] += 1
