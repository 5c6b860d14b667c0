"""Commands whose modules are loaded when they are called: `adw --help` and `adw check` need neither a server nor Temporal's SDK."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import MarkupMode, TyperCommand, TyperGroup
from typer.main import get_command

from advanced_workflow.client.cli.streams import prepare_streams
from advanced_workflow.client.cli.telling import Asked, answer, require_text

MARKUP: MarkupMode = "rich"
ASKED = "advanced_workflow.asked"
"""Where a command's context keeps what was asked."""


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
        context = get_command(alone).make_context(*arguments, **options)
        asked = context.meta.get(ASKED)
        if isinstance(asked, Asked):
            asked.command, asked.given = context.command_path, context.params
        return context


def group_of(*commands: LazyCommand) -> type[TyperGroup]:
    """A class of groups with these commands, in their order."""

    class Commands(TyperGroup):
        def __init__(self, **options: Any) -> None:  # noqa: ANN401 - as typer has it
            options["commands"] = {str(one.name): one for one in commands}
            super().__init__(**options)

        # The rest is typer's own business.
        def main(
            self,
            args: Sequence[str] | None = None,
            prog_name: str | None = None,
            *more: Any,  # noqa: ANN401
            **extra: Any,  # noqa: ANN401
        ) -> Any:  # noqa: ANN401
            """Run a command and leave with its exit code, whatever happens."""
            prepare_streams()
            name = prog_name or "adw"
            if f"_{name.upper()}_COMPLETE" in os.environ:
                return super().main(args, name, *more, **extra)
            arguments = list(sys.argv[1:] if args is None else args)
            asked = Asked("--json" in arguments[: arguments.index("--") if "--" in arguments else None], name)

            def call() -> None:
                require_text(arguments)
                with self.make_context(name, [*arguments]) as context:
                    context.meta[ASKED] = asked
                    self.invoke(context)

            raise SystemExit(int(answer(call, asked)))

    return Commands
