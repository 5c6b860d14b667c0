"""The console that everything for people goes through: what is shown is visible, on the line that it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.text import Text

from advanced_workflow.workflows.plain.text import visible, visible_lines


class SafeConsole(Console):
    """Writes out control characters, line breaks and what cannot be seen in every text, wherever it came from.

    A text of several lines is shown as such only where it is said: see `Lines`.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render it; the colours are rich's own, so that they are left."""
        if isinstance(renderable, str | Text):
            renderable = _on_one_line(self.render_str(renderable) if isinstance(renderable, str) else renderable)
        for segment in super().render(renderable, options):
            shown = segment.text if segment.control else visible_lines(segment.text)
            yield segment if shown == segment.text else Segment(shown, segment.style)


@dataclass(frozen=True, slots=True)
class Lines:
    """A text whose line breaks are meant. It belongs where the lines after the first cannot be taken for something else."""

    text: str | Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Segment]:
        """The pieces of the text. Given as a text it would be put on one line by the console."""
        return self._text.__rich_console__(console, options)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """The width of its longest line and word."""
        return self._text.__rich_measure__(console, options)

    @property
    def _text(self) -> Text:
        return Text(self.text) if isinstance(self.text, str) else self.text


def _on_one_line(text: Text) -> Text:
    """The same text and styles, with every character visible."""
    if visible(text.plain) == text.plain:
        return text
    shown = text.blank_copy()
    for number, one in enumerate(text.plain):
        part = text[number]
        shown.append_text(part) if visible(one) == one else shown.append(visible(one))
    return shown
