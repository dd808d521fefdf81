"""Errors that speak to the person who caused them.

Every error that a user can provoke derives from `ProactiveBenchError`; its text names the place (file, line, field or
sample), what was expected and what to do. The command line prints that text without a traceback and leaves with the
class's `exit_code`: 2 for wrong use, 1 for failure. Everything else that is raised is a defect of ours.
"""

from __future__ import annotations


class ProactiveBenchError(Exception):
    """A failure that the text explains: unreadable data, an interrupted service, a full disk."""

    exit_code = 1


class UsageError(ProactiveBenchError):
    """A request that cannot be meant: an unknown scenario, an impossible option, settings that contradict a run."""

    exit_code = 2


class ReplyError(ProactiveBenchError):
    """A request that yielded no answer: it ends its episode as an error and is never scored as an answer.

    Attributes:
        kind: Short name of the boundary that failed, counted in the metrics (`picture`, `model`, `server`).
    """

    kind = "model"
