"""What a run may have to undo: a tree that follows the passes of its graphs.

A pass that has ended and left nothing to undo costs nothing; those that did are packed into pages, so that 100,000 rounds take
little memory and can be carried on when the run continues as new.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from itertools import takewhile

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.engine.undo.armed import Armed
from advanced_workflow.workflows.engine.undo.pages import packed, unpacked

PAGE = 500
"""Ended passes that are packed together."""


@dataclass(slots=True)
class Passes:
    """The passes of one container, in the order they ended; those that run come last."""

    pages: list[str] = field(default_factory=list[str])
    """Packed passes, oldest first."""
    ended: list[tuple[str, UndoLog]] = field(default_factory=list[tuple[str, "UndoLog"]])
    running: dict[str, UndoLog] = field(default_factory=dict[str, "UndoLog"])

    def begin(self, key: str) -> UndoLog:
        """The log of a pass that runs, new or taken up again."""
        return self.running.setdefault(key, UndoLog())

    def end(self, key: str) -> list[Armed]:
        """A pass has ended; gives what it will never have to undo."""
        log = self.running.pop(key)
        dropped = log.settle()
        if not log.is_empty:
            self.ended.append((key, log))
        if len(self.ended) >= PAGE:
            self.pages.append(_page(self.ended))
            self.ended.clear()
        return dropped

    def before(self, key: str) -> list[str]:
        """The running passes that began before this one."""
        return list(takewhile(lambda one: one != key, self.running))

    def take_back(self, keys: Set[str]) -> None:
        """Passes that have ended run again: what they armed is theirs again, also where it was packed, and inside of them."""
        missing = set(keys) - self.running.keys()
        self.ended = self._without(self.ended, missing)
        for number in reversed(range(len(self.pages))):
            if not missing:
                break
            page = [(key, UndoLog.load(data)) for key, data in unpacked(self.pages[number])]
            rest = self._without(page, missing)
            if len(rest) < len(page):
                self.pages[number : number + 1] = [_page(rest)] if rest else []
        for key in keys & self.running.keys():
            for passes in self.running[key].inner.values():
                passes.take_back_all()

    def take_back_all(self) -> None:
        """All its passes may run again."""
        while self.unpack():
            pass
        self.running = {**dict(self.ended), **self.running}
        self.ended = []
        self.take_back(self.running.keys())

    def _without(self, ended: list[tuple[str, UndoLog]], missing: set[str]) -> list[tuple[str, UndoLog]]:
        """The ended passes less those that are missing, which run from now on."""
        taken = {key: log for key, log in ended if key in missing}
        self.running.update(taken)
        missing -= taken.keys()
        return [(key, log) for key, log in ended if key not in taken]

    def add(self, other: Passes) -> None:
        """Take over what another run's passes of the same container hold."""
        self.pages += other.pages
        self.ended += other.ended
        for key, log in other.running.items():
            self.begin(key).add(log)

    def unpack(self) -> bool:
        """Take the latest page out of its package; gives whether there was one."""
        if not self.pages:
            return False
        self.ended = [(key, UndoLog.load(data)) for key, data in unpacked(self.pages.pop())] + self.ended
        return True

    @property
    def needs_undo(self) -> bool:
        """Whether anything in it took effect, or may have."""
        return next(self.effects(), None) is not None

    def effects(self) -> Iterator[Armed]:
        """What took effect in it, or may have; the latest first."""
        for log in (*reversed(self.running.values()), *(one for _, one in reversed(self.ended))):
            yield from log.effects()
        for page in reversed(self.pages):
            for _, data in reversed(unpacked(page)):
                yield from UndoLog.load(data).effects()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left in it."""
        return not self.pages and not self.ended and all(one.is_empty for one in self.running.values())

    def dump(self) -> list[Json]:
        """As plain data."""
        ended = [[key, one.dump()] for key, one in self.ended]
        return [self.pages, ended, [[key, one.dump()] for key, one in self.running.items()]]


@dataclass(slots=True)
class UndoLog:
    """What one pass of a graph may have to undo, by the name of a step in the pass."""

    armed: dict[str, list[Armed]] = field(default_factory=dict[str, list[Armed]])
    """A step has several where histories of release 0.1.0 armed it again."""
    inner: dict[str, Passes] = field(default_factory=dict[str, Passes])

    def arm(self, name: str, armed: Armed) -> Armed:
        """Note an action before it is scheduled."""
        self.armed.setdefault(name, []).append(armed)
        return armed

    def of_key(self, name: str, idempotency_key: str) -> Armed | None:
        """What a step armed under this key; there is one entry for a key."""
        return next((one for one in reversed(self.armed.get(name, ())) if one.idempotency_key == idempotency_key), None)

    def passes(self, name: str) -> Passes:
        """The passes of a container."""
        return self.inner.setdefault(name, Passes())

    def latest(self, name: str) -> Armed | None:
        """What a step armed last."""
        stack = self.armed.get(name)
        return stack[-1] if stack else None

    def under_way(self, name: str) -> Armed | None:
        """What a step armed that has not ended yet."""
        latest = self.latest(name)
        return latest if latest is not None and latest.outcome == "running" else None

    def needing(self, name: str) -> list[Armed]:
        """What is to be undone of a step, latest first."""
        return [one for one in reversed(self.armed.get(name, ())) if one.needs_undo]

    def forget_before(self, name: str, armed: Armed) -> None:
        """Let go of earlier entries of the same completed effect."""
        for one in self.armed.get(name, [])[:]:
            same = one.idempotency_key == armed.idempotency_key and one.outcome == armed.outcome == "completed"
            if same and one is not armed:
                self.remove(name, one)

    def holds(self, name: str, armed: Armed) -> bool:
        """Whether it is still to be undone."""
        return any(one is armed for one in self.armed.get(name, ()))

    def remove(self, name: str, armed: Armed) -> None:
        """It was undone, or nothing more can be done about it."""
        stack = self.armed[name] = [one for one in self.armed[name] if one is not armed]
        if not stack:
            del self.armed[name]

    def keep(self, name: str, armed: Armed, number: int) -> None:
        """Note that an undo action failed, in a log of those that did; what is noted first took effect last."""
        stack = self.armed.setdefault(name, [])
        if not stack or not stack[0].is_of(armed) or stack[0].left is None:
            stack.insert(0, armed.with_left([number]))
        elif number not in stack[0].left:
            stack[0].left.append(number)

    def pass_of(self, path: StepPath, name: str) -> UndoLog:
        """The log of the pass that a step is in, by its path and its name there; made where there is none."""
        log = self
        for part in path.parts if not name else path.parts[:-1]:
            log = log.passes(str(part._replace(number=""))).begin(part.number)
        return log

    def turned(self) -> UndoLog:
        """A log of what could not be undone, as one of what is to be: what was noted first took effect last."""
        log = UndoLog.load(self.dump())
        for passes in log.inner.values():
            passes.running = {key: one.turned() for key, one in reversed(passes.running.items())}
        return log

    def add(self, other: UndoLog) -> None:
        """Take over what another log of the same graph holds."""
        for name, stack in other.armed.items():
            self.armed.setdefault(name, []).extend(stack)
        for name, passes in other.inner.items():
            self.passes(name).add(passes)

    def at_hand(self) -> Iterator[tuple[UndoLog, str, Armed]]:
        """All that is armed and not packed: the log it is in, its name there, and itself."""
        for name, stack in list(self.armed.items()):
            for one in list(stack):
                yield self, name, one
        for passes in self.inner.values():
            for log in (*(one for _, one in passes.ended), *passes.running.values()):
                yield from log.at_hand()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left in it."""
        return not self.armed and all(one.is_empty for one in self.inner.values())

    @property
    def needs_undo(self) -> bool:
        """Whether anything in it took effect, or may have."""
        return next(self.effects(), None) is not None

    def effects(self, names: Set[str] | None = None) -> Iterator[Armed]:
        """What took effect in it, or may have, of all steps or those of these names in the pass."""
        for name, stack in self.armed.items():
            if names is None or name in names:
                yield from (one for one in stack if one.needs_undo)
        for name, passes in self.inner.items():
            if names is None or name in names:
                yield from passes.effects()

    def names_needing(self) -> list[str]:
        """The steps of this pass in which something took effect, or may have."""
        armed = [name for name in self.armed if self.needing(name)]
        return [*armed, *(name for name, passes in self.inner.items() if name not in armed and passes.needs_undo)]

    @property
    def has_pages(self) -> bool:
        """Whether some of it is packed."""
        logs = [
            log
            for passes in self.inner.values()
            for log in (*(one for _, one in passes.ended), *passes.running.values())
        ]
        return any(passes.pages for passes in self.inner.values()) or any(log.has_pages for log in logs)

    def settle(self) -> list[Armed]:
        """The pass has ended: let go of what definitely took no effect, and give it."""
        dropped = [(name, one) for name, stack in self.armed.items() for one in stack if not one.needs_undo]
        for name, one in dropped:
            self.remove(name, one)
        for passes in self.inner.values():  # Passes that failed, and that nobody ran again.
            dropped += [("", one) for key in list(passes.running) for one in passes.end(key)]
        self.inner = {name: one for name, one in self.inner.items() if not one.is_empty}
        return [one for _, one in dropped]

    def without_effect(self) -> Iterator[Armed]:
        """What definitely took no effect, in the passes that run."""
        for stack in self.armed.values():
            yield from (one for one in stack if one.outcome == "failed")
        for passes in self.inner.values():
            for log in passes.running.values():
                yield from log.without_effect()

    def dump(self) -> list[Json]:
        """As plain data."""
        armed = {name: [one.dump() for one in stack] for name, stack in self.armed.items()}
        return [armed, {name: one.dump() for name, one in self.inner.items() if not one.is_empty}]

    @staticmethod
    def load(data: Json) -> UndoLog:
        """The log of `dump`."""
        armed, inner, *_ = data  # What a later release adds comes last, here and below.
        return UndoLog(
            {name: [Armed.load(one) for one in stack] for name, stack in armed.items()},
            {
                name: Passes(
                    list(pages),
                    [(key, UndoLog.load(one)) for key, one in ended],
                    {key: UndoLog.load(one) for key, one in running},
                )
                for name, (pages, ended, running, *_) in inner.items()
            },
        )


def _page(ended: list[tuple[str, UndoLog]]) -> str:
    return packed([[key, one.dump()] for key, one in ended])
