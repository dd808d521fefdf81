"""The progress of work that nobody watches."""

from __future__ import annotations

from rich.progress import Progress

QUIET = Progress(disable=True)
"""Shows nothing; to see something, hand over a `rich.progress.Progress`."""
