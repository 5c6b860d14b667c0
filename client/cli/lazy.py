"""Commands whose modules are loaded when they are called: `adw --help` and `adw check` need neither a server nor Temporal's SDK."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
from typer.core import MarkupMode, TyperCommand, TyperGroup
from typer.main import get_command

MARKUP: MarkupMode = "rich"


class LazyCommand(TyperCommand):
    """A command as `--help` lists it; the rest of it is loaded when it is called."""

    def __init__(self, name: str, place: str, summary: str, panel: str) -> None:
        """`place` is MODULE:FUNCTION, and `summary` the first line of the function's docstring."""
        super().__init__(name, help=summary, rich_help_panel=panel, rich_markup_mode=MARKUP)
        self.place = place

    def function(self) -> Callable[..., Any]:
        """Load the function."""
        module, _, name = self.place.partition(":")
        return getattr(import_module(module), name)

    # Context and the rest are typer's own or click's, which depends on typer's version.
    def make_context(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Read the arguments, as the loaded command says them."""
        alone = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=MARKUP, add_completion=False)
        alone.command(self.name)(self.function())
        return get_command(alone).make_context(*arguments, **options)


def group_of(*commands: LazyCommand) -> type[TyperGroup]:
    """A class of groups with these commands, in their order."""

    class Commands(TyperGroup):
        def __init__(self, **options: Any) -> None:  # noqa: ANN401 - as typer has it
            options["commands"] = {str(one.name): one for one in commands}
            super().__init__(**options)

    return Commands
