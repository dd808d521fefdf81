"""What a build says of itself when it is done: how much it gave, and why not more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from proactivebench.errors import ProactiveBenchError
from raw_sources.base import Problem


class NothingBuiltError(ProactiveBenchError):
    """Raw data without a single usable record."""


def nothing_built(
    what: str, problems: Sequence[Problem], left_out: Mapping[str, int], shown: int = 3
) -> NothingBuiltError:
    """The error for a part that came out empty, in one line with the first reasons.

    Args:
        what: What there is none of.
        problems: Raw data that is broken or missing.
        left_out: Reason -> number of records that were left out for it.
        shown: Number of reasons.
    """
    skips = Counter(left_out).most_common()
    reasons = [*map(str, problems), *(f"{count:,} x {reason}" for reason, count in skips)]
    more = f"; and {len(reasons) - shown:,} more" if len(reasons) > shown else ""
    return NothingBuiltError(
        f"No {what} could be built: " + ("; ".join(reasons[:shown]) + more if reasons else "there are no raw records.")
    )


@dataclass(slots=True)
class BuildReport:
    """What a build gave.

    Attributes:
        scenario: Short name of the scenario, or `train`.
        samples: Number of samples, or rows.
        frames: Number of frames.
        left_out: Reason -> number of records that were left out for it.
        problems: Raw data that is broken or missing; empty where nothing had to be done.
        up_to_date: Whether the build was there already, and nothing had to be done.
    """

    scenario: str
    samples: int
    frames: int
    left_out: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    up_to_date: bool = False
