"""A cache whose size is bounded by what its values weigh, not by how many they are."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class WeighedCache(Generic[K, V]):
    """Values by key in two generations: once the younger one is full the older one goes, and what was used since stays.

    Threads may use it at once: what they do to a dict is atomic, and a weight that is counted wrongly only moves the bound.
    """

    def __init__(self, most: int) -> None:
        """Keep values of this weight together, and one more where it is heavier itself."""
        self._most = most // 2
        self._weight = 0
        self._young: dict[K, tuple[V, int]] = {}
        self._old: dict[K, tuple[V, int]] = {}

    def get(self, key: K) -> V | None:
        """The value, where it is still kept."""
        found = self._young.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            return self.keep(key, *found)
        return None if found is None else found[0]

    def keep(self, key: K, value: V, weight: int) -> V:
        """Keep a value, or give the one that another thread kept meanwhile."""
        if self._weight + weight > self._most and self._young:
            self._old, self._young, self._weight = self._young, {}, 0
        self._weight += weight
        return self._young.setdefault(key, (value, weight))[0]

    def clear(self) -> None:
        """Forget everything."""
        self._old, self._young, self._weight = {}, {}, 0

    def __len__(self) -> int:
        """How many values are kept."""
        return len({*self._young, *self._old})
