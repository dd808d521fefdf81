"""Errors that speak to the person who caused them.

Every error that a user can provoke derives from `ProactiveBenchError`; its text names the place (file, line, field or
sample), what was expected and what to do. The command line prints that text without a traceback and leaves with the
class's `exit_code`: 2 for wrong use, 1 for failure. Where `resumes` is true, it adds how to resume: that sentence is
written nowhere else. Everything else that is raised is a bug of this toolkit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from proactivebench.plain_text import without_keys


class ProactiveBenchError(Exception):
    """A failure that the text explains: unreadable data, an interrupted service, a full disk."""

    exit_code = 1
    resumes = False

    def __str__(self) -> str:
        """The text, without the keys that a server or an address may have put into it."""
        return without_keys(super().__str__())


class ResumableError(ProactiveBenchError):
    """Work that stopped in the middle: a full disk, a process that died. What is finished is kept."""

    resumes = True


class UsageError(ProactiveBenchError):
    """A request that cannot be meant: an unknown scenario, an impossible option, settings that contradict a run."""

    exit_code = 2


class MissingExtraError(UsageError):
    """A library that an extra of this package brings is not installed."""


@contextmanager
def require_extra(what: str, extra: str) -> Iterator[None]:
    """Imports of libraries that come with an extra; where one is missing, says what to install.

    Args:
        what: What needs them, as the beginning of a sentence (`Training`).
        extra: The extra of this package, or the name of another one.

    Raises:
        MissingExtraError: One is not installed.
    """
    try:
        yield
    except ImportError as error:
        package = extra if error.name == extra else f"'proactivebench-toolkit[{extra}]'"
        raise MissingExtraError(f"{what} needs {error.name}: pip install {package}.") from error


class ReplyError(ProactiveBenchError):
    """A request that yielded no answer: it ends its episode as an error and is never scored as an answer.

    Attributes:
        kind: Short name of the boundary that failed, counted in the metrics (`picture`, `model`, `server`).
    """

    kind = "model"
