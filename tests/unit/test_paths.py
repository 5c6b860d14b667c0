from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.contract.paths import (
    LONGEST_ID,
    PathPart,
    StepPath,
    copy_key,
    handler_key,
    idempotency_key,
    old_undo_run_id,
    round_key,
    undo_run_id,
    undone_path,
)

STEP_IDS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,7}", fullmatch=True) | st.sampled_from(["rollback", "child"])
NUMBERS = st.just("") | st.integers(0, 10**6).flatmap(lambda one: st.sampled_from([copy_key(one), round_key(one)]))
PARTS = st.builds(PathPart, STEP_IDS, NUMBERS, st.just("") | STEP_IDS)
STEPS = st.builds(PathPart, STEP_IDS, st.just(""), st.just("") | STEP_IDS)


def path_of(parts: Iterable[PathPart]) -> StepPath:
    return StepPath(".".join(map(str, parts)))


@st.composite
def paths(draw: st.DrawFn) -> StepPath:
    """Of a step: only what is around it has copies and rounds."""
    return path_of((*draw(st.lists(PARTS, max_size=4)), draw(STEPS)))


@given(st.lists(PARTS, min_size=1, max_size=5))
def test_a_path_is_made_of_its_parts_and_gives_them_back(parts: list[PathPart]) -> None:
    path = path_of(parts)

    assert path.parts == tuple(parts)
    assert path_of(path.parts) == path


@given(paths())
def test_a_path_says_of_each_part_where_it_is(path: StepPath) -> None:
    parts = path.parts

    assert path.name == str(parts[-1])
    assert path.pass_number == (parts[-2].number if len(parts) > 1 else "")
    assert path.numbers == "".join(one.number for one in parts)
    assert path.container == (path_of((*parts[:-2], parts[-2]._replace(number=""))) if len(parts) > 1 else None)
    around = [path_of(parts[: count + 1]) for count, one in enumerate(parts[:-1]) if one.number]
    assert list(path.passes) == [f"{one}." for one in around]


@given(paths())
def test_a_path_belongs_to_all_its_owners_and_to_nothing_else(path: StepPath) -> None:
    owners = list(path.owners)

    assert owners[-1] == path
    assert all(path.belongs_to(one) for one in owners[:-1])
    assert [place for place in range(len(path)) if path.belongs_to(path[:place])] == [len(one) for one in owners[:-1]]
    assert path.depth == sum(1 + bool(one.owner) for one in path.parts) - 1


@given(paths(), st.integers(0, 99))
def test_an_undo_action_is_told_from_every_step(path: StepPath, number: int) -> None:
    assert undone_path(path) is None
    assert undone_path(path.undo_id(number)) == path
    assert undone_path(path.watch_id) is None


@given(paths(), st.uuids())
def test_a_key_names_execution_and_path(path: StepPath, execution: object) -> None:
    key = idempotency_key(str(execution), path)

    assert key == f"{execution}:{path}"
    assert key.partition(":")[0] == str(execution)


def test_the_ids_that_histories_hold_stay_as_they_are() -> None:
    path = StepPath("ship[3].label")

    assert path.round(2) == "ship[3].label#2"
    assert path.undo_id(0) == "ship[3].label.rollback[0]"
    assert path.child_undo_id == "ship[3].label.rollback"
    assert path.watch_id == "ship[3].label.child"
    assert path.child_run_id("order-7", 1) == "order-7/ship[3].label"
    assert path.child_run_id("order-7", 2) == "order-7/ship[3].label~2"
    assert old_undo_run_id("order-7") == "order-7-rollback"
    execution = "01a21631-6d2b-7a58-b789-cbfc5fe5b3cc"
    assert undo_run_id("order-7", execution) == "order-7-rollback-cbfc5fe5b3cc"
    assert undo_run_id("order-7", execution, 2) == "order-7-rollback-cbfc5fe5b3cc~2"
    assert undo_run_id("order-7", execution, completed=True) == "order-7-rollback-rest-cbfc5fe5b3cc"
    assert handler_key("pay", "refund") == "pay!refund"


@pytest.mark.parametrize("run", ["x" * LONGEST_ID, "é" * (LONGEST_ID // 2), "x" * (LONGEST_ID - 20)])
def test_what_belongs_to_a_run_of_a_long_id_has_an_id_that_the_server_takes(run: str) -> None:
    first, second = ("01a21631-6d2b-7a58-b789-cbfc5fe5b3cc", "01a21631-6d2b-7a58-b789-cbfc5fe5b3cd")
    path = StepPath("ship[3].label")
    ids = [
        *(path.child_run_id(run, attempt) for attempt in (1, 2)),
        *(undo_run_id(run, execution, attempt) for execution in (first, second) for attempt in (1, 2)),
        undo_run_id(run, first, completed=True),
        old_undo_run_id(run),
    ]

    assert all(len(one.encode()) <= LONGEST_ID for one in ids)
    assert len({run, *ids}) == 1 + len(ids)


@pytest.mark.parametrize(
    "text", ["", ".", "a.", "a..b", "a[3", "a#", "a[3]#2", "!a", "a!", "a b", "1a", "a[x]", "a\u00b2"]
)
def test_what_is_not_a_path_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is not a step's path"):
        _ = StepPath(text).parts
