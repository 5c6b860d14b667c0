from __future__ import annotations

import pytest

from tests.unit.checking import checked, problems


def box(step_id: str, lock: str, *inside: str) -> str:
    return f"{{step_id: {step_id}, step_type: parallel, lock: {lock}, parallel_steps: [{', '.join(inside)}]}}"


def leaf(step_id: str, lock: str) -> str:
    return f"{{step_id: {step_id}, action: x, lock: {lock}}}"


def test_steps_that_share_a_lock_agree_on_its_limit() -> None:
    steps = "- {step_id: a, action: x, lock: l}\n- {step_id: b, action: x, lock: {name: l, max_concurrent: 2}}\n"
    (found,) = checked(steps + "- {step_id: c, action: x, lock: {name: l, max_concurrent: 1}}")

    assert (found.code, found.path) == ("lock_limit", "steps[1].lock")
    assert found.message == "the lock 'l' may be held by 2 at a time here, and by 1 on step 'a'."


@pytest.mark.parametrize("limit", [1, 2])
def test_a_step_does_not_wait_for_a_lock_that_is_held_around_it(limit: int) -> None:
    lock = f"{{name: l, max_concurrent: {limit}}}"
    (found,) = checked("- " + box("outer", lock, box("middle", "m", leaf("inner", lock))))

    assert found.severity == "error"
    assert (found.code, found.path) == ("lock_deadlock", "steps[0].parallel_steps[0].parallel_steps[0].lock")
    assert "'outer'" in found.message


def test_a_loop_holds_its_lock_around_its_body() -> None:
    inner = leaf("inner", "k")
    loop = f"{{step_id: l, step_type: loop, loop_condition: iteration < 2, lock: k, body: [{inner}]}}"

    assert problems(f"- {loop}") == [("lock_deadlock", "steps[0].body[0].lock")]


def test_two_locks_taken_in_different_orders_are_warned_about() -> None:
    steps = f"- {box('a', 'one', leaf('b', 'two'))}\n- {box('c', 'two', leaf('d', 'one'))}\n"
    (found,) = checked(steps)

    assert (found.severity, found.code, found.path) == ("warning", "lock_deadlock", "steps[1].parallel_steps[0].lock")
    assert "'b'" in found.message
    assert problems(steps.replace("lock: two, parallel", "lock: two, dependencies: [a], parallel")) == []


def test_locks_side_by_side_and_in_one_order_are_fine() -> None:
    same = f"- {box('a', 'one', leaf('b', 'two'), leaf('c', 'two'))}\n- {box('d', 'one', leaf('e', 'two'))}\n"

    assert problems(same + f"- {leaf('f', 'one')}\n- {leaf('g', 'two')}") == []
