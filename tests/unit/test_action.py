from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, JsonValue
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from typing_extensions import TypedDict

from advanced_workflow.activities.action import context, threads
from advanced_workflow.activities.action.decorator import Action, action, action_of
from advanced_workflow.activities.action.errors import ActionError, ActionInvalid
from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES
from tests.patience import PATIENCE_SECONDS, never_ends


class Parcel(BaseModel):
    weight: float
    label: str = "none"


@dataclass
class Point:
    x: int
    y: int = 0


class Pair(TypedDict):
    left: int
    right: int


def described(function: Callable[..., object]) -> Action:
    found = action_of(function)
    assert found is not None
    return found


async def run(function: Callable[..., object], *arguments: Any, environment: ActivityEnvironment | None = None) -> Any:
    return await (environment or ActivityEnvironment()).run(described(function).activity(), *arguments)


@action
def add(a: int, b: int = 10) -> int:
    """Add two numbers.

    More text.
    """
    return a + b


@action
async def weigh(parcel: Parcel) -> Parcel:
    await asyncio.sleep(0)
    return Parcel(weight=parcel.weight * 2)


@action
def move(point: Point) -> Point:
    return Point(point.x + 1, point.y)


@action
def swap(pair: Pair) -> Pair:
    return {"left": pair["right"], "right": pair["left"]}


@action
def echo(value: Any) -> Any:
    return value


@action(name="shop.nothing")
def nothing() -> None:
    return None


@action
def optional(parcel: Parcel | None = None) -> str:
    return parcel.label if parcel else "no parcel"


@action
def open_ended(first: str, **others: int) -> dict[str, Any]:
    return {first: others}


@action
def pay(token: Annotated[str, Field(min_length=30)]) -> str:
    return token


async def test_an_action_stays_callable_as_it_was():
    assert add(1, 2) == 3
    assert await weigh(Parcel(weight=1)) == Parcel(weight=2)


def test_an_action_is_described_by_its_name_docstring_and_place():
    found = described(add)

    assert (found.name, found.description) == ("add", "Add two numbers.")
    assert found.source.endswith("test_action:add")
    assert described(nothing).name == "shop.nothing"


@pytest.mark.parametrize(
    ("function", "given", "expected"),
    [
        (add, {"a": 1, "b": 2}, 3),
        (add, {"a": 1}, 11),
        (weigh, {"weight": 1.5}, {"weight": 3.0, "label": "none"}),
        (move, {"x": 1}, {"x": 2, "y": 0}),
        (swap, {"left": 1, "right": 2}, {"left": 2, "right": 1}),
        (echo, {"any": ["thing", None]}, {"any": ["thing", None]}),
        (nothing, {}, None),
        (nothing, None, None),
        (optional, None, "no parcel"),
        (optional, {"weight": 1, "label": "x"}, "x"),
        (open_ended, {"first": "a", "b": 1}, {"a": {"b": 1}}),
    ],
)
async def test_the_input_object_reaches_the_parameters(
    function: Callable[..., object], given: JsonValue, expected: JsonValue
):
    assert await run(function, given) == expected


async def test_an_action_without_mapped_input_is_called_without_an_argument():
    assert await run(nothing) is None
    assert await run(optional) == "no parcel"


@pytest.mark.parametrize(
    ("function", "given", "place"),
    [
        (add, {"a": "many"}, "a: "),
        (add, {}, "a: it is missing"),
        (add, {"a": 1, "c": 2}, "c: "),
        (add, [1, 2], "the input: "),
        (add, None, "a: it is missing"),
        (weigh, {"weight": 1, "label": 2}, "label: "),
        (weigh, None, "the input: "),
        (nothing, {"x": 1}, "x: "),
    ],
)
async def test_input_that_does_not_fit_fails_at_once_naming_action_and_field(
    function: Callable[..., object], given: JsonValue, place: str
):
    with pytest.raises(ApplicationError) as caught:
        await run(function, given)

    assert caught.value.type == "InputInvalid"
    assert caught.value.non_retryable
    assert f"action {described(function).name!r}: input does not fit: " in caught.value.message
    assert place in caught.value.message


async def test_a_refused_input_is_not_shown():
    with pytest.raises(ApplicationError) as caught:
        await run(pay, {"token": "hunter2"})

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": [1.0, float("nan")]}, "result.a[1]: nan is not JSON"),
        (float("inf"), "result: inf is not JSON"),
        ({"a": b"raw"}, "result.a: bytes is not JSON"),
        ({1: "one"}, "result: key 1 is not a string"),
        (object(), "the result, a object, does not fit"),
    ],
)
async def test_a_result_that_is_not_json_fails_at_once(value: object, reason: str):
    @action
    def give() -> Any:
        return value

    with pytest.raises(ApplicationError, match="action 'give'") as caught:
        await run(give)

    assert (caught.value.type, caught.value.non_retryable) == ("DataInvalid", True)
    assert reason in caught.value.message


async def test_a_result_that_breaks_its_annotation_fails():
    @action
    def lie() -> Parcel:
        return "no parcel"  # pyright: ignore[reportReturnType]

    with pytest.raises(ApplicationError, match="does not fit its return annotation"):
        await run(lie)


async def test_rich_types_become_json():
    @action
    def rich() -> dict[str, Any]:
        return {"when": datetime.fromisoformat("2026-01-02T03:04:05+00:00"), "parts": (1, 2), "point": Point(1, 2)}

    assert await run(rich) == {"when": "2026-01-02T03:04:05Z", "parts": [1, 2], "point": {"x": 1, "y": 2}}


async def test_a_result_above_the_payload_limit_fails_at_once():
    @action
    def long() -> str:
        return "x" * PAYLOAD_LIMIT_BYTES

    with pytest.raises(ApplicationError, match=r"2,080,770 bytes.*return a reference") as caught:
        await run(long)

    assert (caught.value.type, caught.value.non_retryable) == ("PayloadTooLarge", True)


async def test_errors_of_the_function_keep_their_type_and_details():
    class CardDeclined(ActionError):
        pass

    @action
    def charge() -> None:
        raise CardDeclined("no money", retryable=False, details={"code": 51})

    with pytest.raises(ApplicationError) as caught:
        await run(charge)

    assert (caught.value.message, caught.value.type, caught.value.non_retryable) == ("no money", "CardDeclined", True)
    assert caught.value.details == ({"code": 51},)
    assert not ActionError("again").non_retryable
    assert ActionError("again", type="Busy").type == "Busy"


async def test_other_exceptions_pass_unchanged():
    @action
    def fail() -> None:
        raise LookupError("nobody there")

    with pytest.raises(LookupError, match="nobody there"):
        await run(fail)


async def test_plain_functions_run_in_a_thread_with_their_context():
    variable: ContextVar[str] = ContextVar("variable", default="unset")
    seen: dict[str, object] = {}

    @action
    def look() -> str:
        seen["thread"] = threading.current_thread().name
        seen["variable"] = variable.get()
        return context.idempotency_key()

    variable.set("set")

    assert (await run(look)).endswith(":test")
    assert str(seen["thread"]).startswith("adw-action")
    assert seen["variable"] == "set"


async def test_the_event_loop_goes_on_while_plain_functions_run():
    barrier = threading.Barrier(3)

    @action
    def meet() -> int:
        return barrier.wait(timeout=PATIENCE_SECONDS)

    assert sorted(await asyncio.gather(*(run(meet) for _ in range(3)))) == [0, 1, 2]


async def test_a_cancelled_async_action_is_interrupted():
    started = asyncio.Event()

    @action
    async def wait() -> None:
        started.set()
        await never_ends()

    environment = ActivityEnvironment()
    running = asyncio.ensure_future(run(wait, environment=environment))
    await started.wait()
    environment.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_cancelled_plain_action_is_awaited_and_its_result_counts():
    started = threading.Event()

    @action
    def wait() -> str:
        started.set()
        while not context.cancelled():
            time.sleep(0.01)
        time.sleep(0.05)
        return "finished"

    environment = ActivityEnvironment()
    running = asyncio.ensure_future(run(wait, environment=environment))
    await asyncio.to_thread(started.wait)
    environment.cancel()

    assert await running == "finished"


async def test_a_plain_action_that_no_thread_has_begun_never_runs_once_cancelled(monkeypatch: pytest.MonkeyPatch):
    ran: list[str] = []
    release = threading.Event()

    @action
    def occupy() -> None:
        release.wait(PATIENCE_SECONDS)

    @action
    def late() -> None:
        ran.append("late")

    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(threads, "_threads", pool)
        first = asyncio.ensure_future(run(occupy))
        environment = ActivityEnvironment()
        second = asyncio.ensure_future(run(late, environment=environment))
        await asyncio.sleep(0.05)
        environment.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        release.set()
        await first

    assert ran == []


async def test_signs_of_life_are_sent_and_repeat_what_the_action_reported():
    sent: list[tuple[Any, ...]] = []

    @action
    def work() -> None:
        context.heartbeat({"done": 1})
        while len(sent) < 3:
            time.sleep(0.01)

    environment = ActivityEnvironment()
    environment.info = replace(environment.info, heartbeat_timeout=timedelta(seconds=0.3))
    environment.on_heartbeat = lambda *details: sent.append(details)
    await run(work, environment=environment)
    count = len(sent)
    await asyncio.sleep(0.2)

    assert set(map(str, sent)) == {"({'done': 1},)"}
    assert len(sent) == count


def test_schemas_describe_input_and_result():
    info = described(add).info()
    assert info.input_schema is not None
    assert info.input_schema["required"] == ["a"]
    assert info.input_schema["additionalProperties"] is False
    assert info.output_schema == {"type": "integer"}

    parcel = described(weigh).info()
    assert parcel.input_schema is not None
    assert parcel.input_schema["required"] == ["weight"]


def test_a_result_without_annotation_has_no_schema():
    @action
    def bare(x: int):
        return x

    assert described(bare).info().output_schema is None


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: action(lambda *values: values), "has no name"),
        (lambda: action(_takes_field_default), "Annotated"),
        (lambda: action(_takes_lock), "not JSON"),
        (lambda: action(_names_unknown), "'Missing'"),
        (lambda: action(_yields), "generator"),
    ],
)
def test_functions_that_cannot_be_actions_are_refused_when_they_are_decorated(make: Callable[[], object], reason: str):
    with pytest.raises(ActionInvalid, match=reason):
        make()


def _takes_field_default(amount: int = Field(ge=0)) -> int:
    return amount


def _takes_lock(lock: threading.Thread) -> None:
    del lock


def _names_unknown(x: Missing) -> None:  # pyright: ignore[reportUndefinedVariable]  # noqa: F821
    del x


def _yields():
    yield 1


def test_defaults_of_plain_parameters_are_in_the_schema_but_no_secret_one() -> None:
    @action
    def search(
        query: str,
        limit: int = 10,
        *,
        newest: bool | None = None,
        pin: Annotated[int, Field(json_schema_extra={"writeOnly": True})] = 1234,
        until: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    ) -> None: ...

    described = action_of(search)
    assert described is not None
    schema = described.input.schema()
    assert schema is not None
    properties: Any = schema["properties"]

    assert {name: one["default"] for name, one in properties.items() if "default" in one} == {
        "limit": 10,
        "newest": None,
    }
