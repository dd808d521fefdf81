"""The progress of work that nobody watches."""

from __future__ import annotations

from rich.progress import Progress

QUIET = Progress(disable=True)
"""Shows nothing; whoever wants to see something hands over a `rich.progress.Progress` of their own."""
