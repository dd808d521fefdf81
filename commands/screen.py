"""The terminal as commands write to it: whatever they print is text.

File names, names of samples, replies and words of servers come from strangers. They are neither markup to Rich nor
commands to the terminal, and no key is among them (`plain_text`). Only our own sentences ask for markup.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from proactivebench.plain_text import as_text, without_keys


class Screen(Console):
    """A console that takes nothing for markup unless it is told to; arguments are those of Rich."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, highlight=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(as_text(without_keys(text)), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=as_text(segment.text))
