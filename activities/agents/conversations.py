"""The conversations a worker process has seen, within a bound of memory; what counts is what the run's digest says."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from advanced_workflow.workflows.contract import RawHead, RawMessage
from advanced_workflow.workflows.contract.conversation import canonical, linked_json

MOST_BYTES = 64 * 1024 * 1024
"""Of all conversations together; a message is counted as its JSON, and costs some times that."""

Name: TypeAlias = tuple[str, str, str]
"""Namespace, workflow id, and the agent's path: a run that continues as new keeps what its worker knows."""


@dataclass(frozen=True, slots=True)
class Known:
    """The beginning of a conversation. It never changes; a longer one is another."""

    messages: tuple[RawMessage, ...] = ()
    digests: tuple[str, ...] = ()
    """Of the head alone, then with each message."""
    sizes: tuple[int, ...] = ()
    sure: int = 0
    """So many messages the run is known to have; those after it are what this worker answered."""

    @staticmethod
    def begin(head_digest: str) -> Known:
        """A conversation with no messages yet."""
        return Known(digests=(head_digest,))

    @property
    def digest(self) -> str:
        """Of all of it."""
        return self.digests[-1]

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(self.sizes)

    def first(self, count: int) -> Known:
        """Its first messages."""
        return Known(self.messages[:count], self.digests[: count + 1], self.sizes[:count], sure=min(self.sure, count))

    def with_more(self, messages: Iterable[RawMessage], *, sure: bool = False) -> Known:
        """With these after it; `sure` where the run has them all."""
        added, digests, sizes = list(messages), [*self.digests], [*self.sizes]
        for message in added:
            written = canonical(message)
            digests.append(linked_json(digests[-1], written))
            sizes.append(len(written))
        whole = (*self.messages, *added)
        return Known(whole, tuple(digests), tuple(sizes), sure=len(whole) if sure else self.sure)


class Conversations:
    """What is kept, the longest unused given up first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """Nothing yet."""
        self._most = most_bytes
        self._known: OrderedDict[Name, Known] = OrderedDict()
        self._heads: OrderedDict[str, tuple[RawHead, int]] = OrderedDict()
        self.size = 0
        """Bytes of what is kept."""

    def get(self, name: Name, head_digest: str) -> Known:
        """What is known of a conversation that begins with this head: maybe nothing, maybe more than the run has."""
        known = self._known.get(name)
        if known is None or known.digests[0] != head_digest:
            return Known.begin(head_digest)
        self._known.move_to_end(name)
        return known

    def put(self, name: Name, known: Known) -> None:
        """Keep it in place of what was known of it."""
        self.forget(name)
        self._known[name] = known
        self.size += known.size
        self._make_room()

    def forget(self, name: Name) -> None:
        """Give up what is known of a conversation."""
        known = self._known.pop(name, None)
        self.size -= known.size if known else 0

    def head(self, digest: str) -> RawHead | None:
        """A head, whichever run brought it."""
        found = self._heads.get(digest)
        if found is None:
            return None
        self._heads.move_to_end(digest)
        return found[0]

    def put_head(self, digest: str, head: RawHead) -> None:
        """Keep a head that has this digest."""
        if digest not in self._heads:
            size = len(canonical(head))
            self._heads[digest] = head, size
            self.size += size
            self._make_room()

    def _make_room(self) -> None:
        while self.size > self._most and self._known:
            _, known = self._known.popitem(last=False)
            self.size -= known.size
        while self.size > self._most and self._heads:
            _, (_, size) = self._heads.popitem(last=False)
            self.size -= size
