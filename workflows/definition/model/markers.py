"""What the fields of a definition say about themselves.

A fact of the language stands at the field that carries it, as a marker in its `Annotated[...]`. What `check` looks at, what
the engine compiles, what a rerun compares and what editors complete is derived from the markers (`marked.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Literal, TypeAlias, cast

from advanced_workflow.workflows.definition.model.roots import INPUT, LOOP, with_names
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.places import Loc
from advanced_workflow.workflows.plain.interpolation import expressions_in

ANYTHING: Final[frozenset[str]] = frozenset()
BOOL: Final = frozenset({"bool"})
LIST: Final = frozenset({"list"})
NUMBER: Final = frozenset({"number"})
SPAN: Final = frozenset({"number", "string", "duration"})
TEXT: Final = frozenset({"string"})
TIME: Final = frozenset({"string", "timestamp"})

Source: TypeAlias = tuple[Loc, Any, str | None]
"""Where an expression is, its text (or a condition), and the target of its result where it has one."""

ReferenceKind: TypeAlias = Literal["dependency", "next", "route", "handler", "rollback_to"]


class Moment(Enum):
    """When in a step's life an expression is evaluated."""

    JOINING = auto()
    """Each time something before it settles, until it starts."""
    CHOOSING = auto()
    """When its turn has come and whether it runs is not decided yet."""
    RUNNING = auto()
    """While it runs."""
    BETWEEN_ROUNDS = auto()
    """Before each round of a loop, or after it."""
    COUNTING = auto()
    """Each time something inside of it settles."""
    ENDED = auto()
    """Once what it runs has completed."""
    UNDOING = auto()
    """When what it did is undone."""


class Trait(Enum):
    """What step types have in common; each kind of step says which it has. A loop over a `body` has none."""

    NAMES_ACTION = auto()
    """It runs the action it names."""
    CALLS = auto()
    """What it does is an activity, on a queue of workers."""
    TRIED = auto()
    """It is tried again when it fails, and undone."""
    TAKES_INPUT = auto()
    """It hands an input to what it runs."""


@dataclass(frozen=True, slots=True)
class Expr:
    """The field is an expression.

    `adds` are names it may use besides the ordinary ones, `gives` the types of value that are good (any when empty), `reads` makes
    of such a value what the field needs, and raises ValueError with the reason where it cannot, `words` are texts that are not
    expressions, `fix` is what `check` advises for one that does not compile.

    Of `steps` it may read those before its own, and with `sees_inside` those nested in it (not the copies of a fan-out), with
    `sees_itself` its own, with `sees_rounds` on a loop over an action the latest output of its own, and on any `iteration`.
    `at` is when it is evaluated.
    """

    adds: frozenset[str] = frozenset()
    gives: frozenset[str] = ANYTHING
    reads: Callable[[object], object] | None = None
    sees_inside: bool = False
    sees_itself: bool = False
    sees_rounds: bool = False
    words: frozenset[str] = frozenset()
    fix: str = "Correct the expression."
    at: Moment = Moment.RUNNING

    def names(self, roots: frozenset[str], *, on_loop: bool) -> frozenset[str]:
        """The names that the expression may use; `roots` are the ordinary ones where its step is."""
        names = with_names(roots, self.adds) if self.adds else roots
        return names | LOOP if on_loop and self.sees_rounds else names

    def sources(self, loc: Loc, value: object) -> Iterator[Source]:
        """The expressions that a value of the field holds."""
        if isinstance(value, str) and value not in self.words:
            yield loc, value, None


@dataclass(frozen=True, slots=True)
class Pinned(Expr):
    """The field is a number or an expression, which is evaluated once, when its step starts: what it gave holds until the step ends."""


@dataclass(frozen=True, slots=True)
class AtStart(Expr):
    """The field is a value or an expression over the run's input alone, which is evaluated before anything begins."""

    def names(self, roots: frozenset[str], *, on_loop: bool) -> frozenset[str]:
        """The input."""
        return INPUT


@dataclass(frozen=True, slots=True)
class Mapped(Expr):
    """Every string in the field is an expression, nested ones included; everything else is a literal."""

    def sources(self, loc: Loc, value: object) -> Iterator[Source]:
        """The strings, as deep as they are."""
        if isinstance(value, str):
            yield loc, value, None
        elif isinstance(value, Mapping):
            for name, inner in cast("Mapping[str, object]", value).items():
                yield from self.sources((*loc, name), inner)
        elif isinstance(value, list):
            for index, inner in enumerate(cast("list[object]", value)):
                yield from self.sources((*loc, index), inner)


@dataclass(frozen=True, slots=True)
class Targets(Expr):
    """The field's keys are expressions, and its values say where their results are written."""

    def sources(self, loc: Loc, value: object) -> Iterator[Source]:
        """The keys, each with its target."""
        for source, target in cast("Mapping[str, str]", value).items():
            yield (*loc, source), source, target


@dataclass(frozen=True, slots=True)
class Tested(Expr):
    """The field is a list of conditions, each of which is an expression or has its three parts."""

    def sources(self, loc: Loc, value: object) -> Iterator[Source]:
        """The conditions that test something."""
        for index, condition in enumerate(cast("tuple[Any, ...]", value)):
            if not condition.default:
                yield (*loc, index), condition, None


@dataclass(frozen=True, slots=True)
class Interpolated(Expr):
    """The field is a text with expressions in it, each in `{{` and `}}`."""

    def sources(self, loc: Loc, value: object) -> Iterator[Source]:
        """The expressions, in their order."""
        if isinstance(value, str):
            for source in expressions_in(value):
                yield loc, source, None


@dataclass(frozen=True, slots=True)
class Sees:
    """The expressions of the objects in the field may use these names beside those that they may use anyway."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class For:
    """The field means something only for these step types, and for those with one of these traits."""

    what: frozenset[StepType | Trait]

    def __init__(self, *what: StepType | Trait) -> None:
        """Take them one by one."""
        object.__setattr__(self, "what", frozenset(what))

    @classmethod
    def all_but(cls, *types: StepType) -> For:
        """For every step type but these."""
        return cls(*(one for one in StepType if one not in types))

    def fits(self, step_type: StepType, traits: frozenset[Trait]) -> bool:
        """Whether the field means something for a step of this type and with these traits."""
        return step_type in self.what or not traits.isdisjoint(self.what)


@dataclass(frozen=True, slots=True)
class Needed:
    """A step needs the field, those types that are named or else all it is for; `fix` is what `check` advises."""

    fix: str
    types: frozenset[StepType] = frozenset()


@dataclass(frozen=True, slots=True)
class MakesResult:
    """The field decides what the step's result is: a rerun keeps no result that was made with another value."""


@dataclass(frozen=True, slots=True)
class StepName:
    """The field names steps."""

    kind: ReferenceKind


@dataclass(frozen=True, slots=True)
class Nested:
    """The field holds a graph of steps."""


@dataclass(frozen=True, slots=True)
class Name:
    """The field holds a name, or several: at most `longest` bytes, no control characters, and not empty unless it may be."""

    what: str
    longest: int = 1_000
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class Spelled:
    """How the text in the field is spelled, in the words of people; its pattern says the same."""

    words: str


@dataclass(frozen=True, slots=True)
class ActionName(Name):
    """The field names actions."""

    what: str = "the name of an action"


@dataclass(frozen=True, slots=True)
class QueueName(Name):
    """The field names a task queue."""

    what: str = "the name of a task queue"


@dataclass(frozen=True, slots=True)
class AtMost:
    """The field is a number that Temporal takes up to so much."""

    most: float


@dataclass(frozen=True, slots=True)
class Duration:
    """The field is a number of seconds, where it is a number."""


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The field is a JSON Schema (2020-12)."""


@dataclass(frozen=True, slots=True)
class WithinRun:
    """The field is a number of seconds that the workflow's own `timeout` cuts short."""


@dataclass(frozen=True, slots=True)
class EndsWait:
    """The field ends what its object waits for; `what` says that in a sentence. Only with the field `of`, where one is named.

    Nothing is said where the field `after` has another value than its default: it means nothing without this one, which is told.
    """

    what: str
    of: str | None = None
    after: str = "on_timeout"


@dataclass(frozen=True, slots=True)
class NotYet:
    """The field, or this one value of it, is checked and not run yet; `what` is its name in the sentence."""

    what: str
    value: object = None


@dataclass(frozen=True, slots=True)
class ShortForm:
    """A bare string may stand for the whole object, and means this field of it."""

    description: str
