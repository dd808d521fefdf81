"""Who watches a run: told how far it is, and what there is to know about it. Nothing is printed below the commands."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

Finished = TypeVar("Finished")


class Watcher(Generic[Finished]):
    """Is told how far a run, or the judging of one, has come; this one keeps silent."""

    def check(self, done: int, total: int) -> None:
        """That many bytes of the frames were read, to tell them from others; see `Frames`."""

    def begin(self, total: int, done: int) -> None:
        """How many pieces there are, and how many of them were done before; of several processes an even share."""

    def count(self, finished: Finished) -> None:
        """A piece is done: an episode that has ended, or a judgement."""

    def note(self, said: str) -> None:
        """What is different about the machine since the run was last played, in a sentence."""


UNWATCHED: Watcher[Any] = Watcher()
