"""Definitions side by side: several versions of one `workflow_id`, which of them is the highest, and which one is meant.

The order of versions, from the lowest:

1. Texts that are no version numbers (`spring`), with the numbers inside them compared as numbers: `spring-9` before `spring-10`.
2. Version numbers: one or more numbers with dots between (`2`, `1.10`, `v2.0.1`; a missing number is 0), then what semantic versions
   have: `1.9` before `1.10`, `2.0-rc.1` before `2.0`, `-rc.9` before `-rc.10`, and what follows a `+` decides last.

Two different texts are never equal (`1`, then `1.0`), so each worker that has the same definitions takes the same one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from advanced_workflow.workflows.definition.problems.places import listed, shorten
from advanced_workflow.workflows.errors import DefinitionNotFound

if TYPE_CHECKING:
    from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

AT = "@"
"""Between a definition's id and a version, where people name both: `small-order@2.0`. No `workflow_id` has one."""

_NUMBER = re.compile(
    r"[vV]?(?P<release>[0-9]+(?:\.[0-9]+)*)(?:-(?P<before>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
_DIGITS = re.compile(r"([0-9]+)")
_Order: TypeAlias = tuple[Any, ...]


def order_of(version: str) -> _Order:
    """What versions are compared by: the highest one has the greatest."""
    found = _NUMBER.fullmatch(version)
    natural = (_natural(version), version)
    if found is None:
        return (0, natural)
    release = [int(one) for one in found["release"].split(".")]
    while release and release[-1] == 0:
        release.pop()
    return (1, tuple(release), _before_release(found["before"]), natural)


def _before_release(text: str | None) -> _Order:
    """A version without such a part is higher than all that have one; numbers are lower than words."""
    if text is None:
        return (1,)
    return (0, tuple((0, int(one), "") if one.isdecimal() else (1, 0, one) for one in text.split(".")))


def _natural(text: str) -> _Order:
    return tuple((1, int(one), "") if one.isdecimal() and one.isascii() else (0, 0, one) for one in _DIGITS.split(text))


def split_name(name: str) -> tuple[str, str | None]:
    """The id and the version that `ID@VERSION` names; without a version where there is none."""
    workflow_id, _, version = name.partition(AT)
    return workflow_id, version or None


def full_name(workflow: AdvancedWorkflow) -> str:
    """`ID@VERSION`."""
    return f"{workflow.workflow_id}{AT}{workflow.version}"


class Definitions:
    """Definitions at hand, each known by its id and version. Of equal ones the last counts."""

    def __init__(self, workflows: Known = ()) -> None:
        """Of a mapping only the values count."""
        given = (
            cast("Mapping[str, AdvancedWorkflow]", workflows).values() if isinstance(workflows, Mapping) else workflows
        )
        self._by_id: dict[str, dict[str, AdvancedWorkflow]] = {}
        for one in given:
            self._by_id.setdefault(one.workflow_id, {})[one.version] = one
        self._by_id = {workflow_id: _highest_first(versions) for workflow_id, versions in self._by_id.items()}

    @classmethod
    def of(cls, known: Known) -> Definitions:
        """Those that a caller gives."""
        return known if isinstance(known, Definitions) else cls(known)

    def __iter__(self) -> Iterator[AdvancedWorkflow]:
        """All of them, by id, the highest version of each first."""
        for workflow_id in self.ids:
            yield from self._by_id[workflow_id].values()

    @property
    def ids(self) -> list[str]:
        """In the order of the alphabet."""
        return sorted(self._by_id)

    def find(self, workflow_id: str | None, version: str | None = None) -> AdvancedWorkflow | None:
        """The one of exactly that version, or the highest, which new runs take; None where there is none."""
        versions = self._by_id.get(workflow_id or "", {})
        return next(iter(versions.values()), None) if version is None else versions.get(version)

    def named(self, workflow_id: str, version: str | None) -> AdvancedWorkflow:
        """The same where the id is known. Raises `DefinitionNotFound` for a version that is not there."""
        found = self.find(workflow_id, version)
        if found is None:
            raise DefinitionNotFound(f"{self.lack(workflow_id, version or '')}.")
        return found

    def versions(self, workflow_id: str) -> list[str]:
        """The versions of a definition, the highest first."""
        return list(self._by_id.get(workflow_id, ()))

    def joined(self, workflow: AdvancedWorkflow) -> Definitions:
        """The same and one more, which takes the place of one that has its id and version."""
        made = Definitions()
        versions = {**self._by_id.get(workflow.workflow_id, {}), workflow.version: workflow}
        made._by_id = {**self._by_id, workflow.workflow_id: _highest_first(versions)}
        return made

    def lack(self, workflow_id: str, version: str) -> str:
        """The part of a sentence that says that a version of a known definition is not there, and which ones are."""
        known = listed([repr(one) for one in self.versions(workflow_id)])
        return f"definition {workflow_id!r} has no version {shorten(version)!r}; it has {known}"


def _highest_first(versions: Mapping[str, AdvancedWorkflow]) -> dict[str, AdvancedWorkflow]:
    return {version: versions[version] for version in sorted(versions, key=order_of, reverse=True)}


Known: TypeAlias = "Iterable[AdvancedWorkflow] | Mapping[str, AdvancedWorkflow]"
"""How callers give the definitions that are at hand."""
