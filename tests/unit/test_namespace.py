from __future__ import annotations

import pytest

from advanced_workflow.activities.action.decorator import action_of
from advanced_workflow.activities.action.errors import ActionInvalid
from advanced_workflow.activities.action.namespace import Namespace

orders = Namespace("acme.orders")


@orders.action
def charge_card(amount: int) -> int:
    """Charge a card."""
    return amount


@orders.action(name="refund")
async def give_back(amount: int) -> int:
    return -amount


def test_the_name_of_an_action_begins_with_its_namespace() -> None:
    described = [action_of(function) for function in (charge_card, give_back)]

    assert [one.name for one in described if one] == ["acme.orders.charge_card", "acme.orders.refund"]


def test_a_function_of_a_namespace_stays_callable_and_keeps_its_description() -> None:
    described = action_of(charge_card)

    assert charge_card(5) == 5
    assert described
    assert (described.description, described.source) == ("Charge a card.", f"{__name__}:charge_card")


@pytest.mark.parametrize("name", ["", "orders.", ".orders", "acme orders", "acme/orders"])
def test_a_namespace_has_a_name_of_words_with_dots_between(name: str) -> None:
    with pytest.raises(ActionInvalid, match=r"give a name such as 'orders' or 'acme\.orders'"):
        Namespace(name)
