"""`Namespace`: the actions of one team or package under a name of their own, so that names cannot clash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, overload

from advanced_workflow.activities.action.decorator import action
from advanced_workflow.activities.action.errors import ActionInvalid

_F = TypeVar("_F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Namespace:
    """What the names of some actions begin with.

    ```python
    orders = Namespace("orders")


    @orders.action
    def charge_card(...): ...  # definitions call it orders.charge_card
    ```

    Raises `ActionInvalid` for a name that is not made of letters, digits and `_`, with dots between.
    """

    name: str

    def __post_init__(self) -> None:
        if not all(part.isidentifier() for part in self.name.split(".")):
            raise ActionInvalid(f"namespace {self.name!r}: give a name such as 'orders' or 'acme.orders'.")

    @overload
    def action(self, function: _F, /) -> _F: ...
    @overload
    def action(self, /, *, name: str) -> Callable[[_F], _F]: ...
    def action(self, function: Callable[..., object] | None = None, /, *, name: str | None = None) -> object:
        """Make a function an action of this namespace; otherwise as `advanced_workflow.action`."""

        def decorate(decorated: Callable[..., object]) -> Callable[..., object]:
            return action(name=f"{self.name}.{name or decorated.__name__}")(decorated)

        return decorate if function is None else decorate(function)
