"""The progress of a run on the terminal: how far it is, and the scores so far."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from proactivebench.evaluation.records import Episode


class RunProgress(Progress):
    """A progress bar that is told every episode that ends."""

    def __init__(self, console: Console):
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._bar = self.add_task("", total=None)
        self._played = self._correct = self._suggestions = self._errors = 0

    def say(self, text: str) -> None:
        """Shows what is going on before the first episode."""
        self.update(self._bar, description=text)

    def begin(self, total: int, done: int) -> None:
        """Begins with `done` of `total` episodes finished earlier."""
        self.update(self._bar, description="Playing", total=total, completed=done)

    def count(self, episode: Episode) -> None:
        """Counts an episode; the scores shown are those of this session."""
        if episode.error is None:
            self._played += 1
            self._correct += episode.correct
            self._suggestions += len(episode.turns) - 1
        else:
            self._errors += 1
        scores = ""
        if self._played:
            scores = f"acc {self._correct / self._played:.1%}  psr {self._suggestions / self._played:.2f}"
        errors = f"  errors {self._errors}" if self._errors else ""
        self.update(self._bar, advance=1, description=scores + errors)
