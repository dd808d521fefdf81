"""Progress on the terminal: how far it is, and the scores so far."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from proactivebench.evaluation.judging import JudgedReply
from proactivebench.evaluation.records import Episode


class _CountingProgress(Progress):
    """A bar that first says what is going on, and then how far it is; not even an empty line where nobody watches."""

    def __init__(self, console: Console):
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_interactive,
        )
        self._bar = self.add_task("", total=None)
        self._done = self._errors = 0

    def say(self, text: str) -> None:
        """Shows what is going on before the first piece is done."""
        self.update(self._bar, description=text)

    def check(self, done: int, total: int) -> None:
        """Shows how much of the pictures was read to tell them from others."""
        self.say(f"Checking pictures: {done / total:.0%}")

    def begin(self, total: int, done: int) -> None:
        """Begins with `done` of `total` pieces finished earlier."""
        self.update(self._bar, description="", total=total, completed=done)

    def _count(self, failed: bool, scores: str) -> None:
        self._errors += failed
        self._done += not failed
        errors = f"  errors {self._errors}" if self._errors else ""
        self.update(self._bar, advance=1, description=scores + errors)


class RunProgress(_CountingProgress):
    """The progress of a run, with the scores so far."""

    _correct = _suggestions = 0

    def count(self, episode: Episode) -> None:
        """Counts an episode that has ended."""
        failed = episode.error is not None
        if not failed:
            self._correct += episode.correct
            self._suggestions += len(episode.turns) - 1
        played = max(1, self._done + (not failed))
        self._count(failed, f"acc {self._correct / played:.1%}  psr {self._suggestions / played:.2f}")


class JudgeProgress(_CountingProgress):
    """The progress of a judge, with the scores so far."""

    _categories = _suggestions = 0

    def count(self, reply: JudgedReply) -> None:
        """Counts a reply that was judged."""
        failed = reply.error is not None
        self._categories += reply.category
        self._suggestions += reply.suggestion
        judged = max(1, self._done + (not failed))
        self._count(failed, f"cc {self._categories / judged:.1%}  ps {self._suggestions / judged:.1%}")
