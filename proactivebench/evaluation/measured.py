"""What scores were measured on, in words, and that scores that stand together were measured on the same.

Two builds can hold scenarios and ids of the same names, so names are not enough: a short digest of samples and frames
goes with them. Runs on different data, or after different leak filters, never share a page or a table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from proactivebench.errors import UsageError
from proactivebench.evaluation.run_log import EPISODES, RunData, read_run, read_where
from proactivebench.evaluation.settings import Part
from proactivebench.provenance import PUBLISHED
from proactivebench.scenarios import SCENARIOS
from proactivebench.work.lines import complete_lines

CAVEAT = "The paper's models were measured on the published benchmark: compare within one benchmark, never across."
"""Stands by the paper's rows where runs were played on other data."""


JUDGE_CAVEAT = "In the paper Qwen3-8B judged free replies, told in other words: another judge gives other scores."
"""Stands by the paper's rows where replies were judged."""


def is_published(data: Iterable[RunData]) -> bool:
    """Whether some runs were all played on the published data."""
    return all((one.source or "").startswith(f"hub:{PUBLISHED}@") for one in data)


def part_of(parts: Mapping[str, Part]) -> str:
    """How many samples a run plays where these are not all, such as `15 of 200 samples`; else empty."""
    played, there = (sum(counts) for counts in zip(*parts.values(), strict=True))
    return "" if played == there else f"{played:,} of {there:,} samples"


def measured_on(folder: Path, data: Sequence[RunData], parts: Sequence[Mapping[str, Part]]) -> str:
    """The benchmark of some runs that agree: its name, a short digest, and what of it was played.

    That is how many samples of which scenarios, and whether a leak filter had left them.

    Args:
        folder: The benchmark's folder, which names it where it was not pulled.
        data: Of each run; at least one.
        parts: Of each run.
    """
    different = {part_of(one) for one in parts}
    played = different.pop() or "all samples" if len(different) == 1 else "as many samples as stand beside each name"
    scenarios = ", ".join(name for name in SCENARIOS if any(name in one for one in parts))
    repository, at, commit = (data[0].source or folder.resolve().name).partition("@")
    name = f"{repository}{at}{commit[:8]}"
    digests = {(name, one.samples[name], one.frames[name]) for one in data for name in one.samples}
    short = hashlib.sha256(json.dumps(sorted(digests)).encode()).hexdigest()[:8]
    filtered = {digest is not None for one in data for digest in one.kept_ids.values()}
    after = f"{' in part' * (len(filtered) == 2)} after the leak filter" if any(filtered) else ""
    return f"{name} ({short}), {played} of {scenarios}{after}"


def run_measured_on(run: Path) -> str:
    """The benchmark of one run, as `measured_on` says it, how much of that is played by now, and what was asked.

    Raises:
        UsageError: The folder is not a run.
    """
    described = read_run(run)
    measured = measured_on(read_where(run) or Path("unknown data"), [described.data], [described.parts])
    done = sum(1 for _ in complete_lines(run / EPISODES))
    so_far = f", {done:,} of {described.episodes:,} episodes so far" if done < described.episodes else ""
    return f"{measured}{so_far}; {described.settings.in_words}"


def differing(first: RunData, second: RunData, *, kept: bool = True) -> tuple[str, str] | None:
    """The first scenario of which two runs had other data, and what was other; None where they agree.

    Args:
        first: Of one run.
        second: Of another.
        kept: Whether the ids that survived the leak filter count.
    """
    kinds: dict[str, Any] = {"samples": "samples", "frames": "pictures"}
    if kept:
        kinds["kept_ids"] = "samples after the leak filter"
    for name in first.samples:
        for kind, words in kinds.items():
            if name in second.samples and getattr(first, kind)[name] != getattr(second, kind)[name]:
                return name, words
    return None


def require_same(first: tuple[Path, RunData], second: tuple[Path, RunData], *, kept: bool = True) -> None:
    """Makes sure that two runs were played on the same data, as far as they played the same scenarios.

    Args:
        first: Folder and data of one run.
        second: Folder and data of another.
        kept: Whether they must have kept the same samples after the leak filter.

    Raises:
        UsageError: They were not.
    """
    found = differing(first[1], second[1], kept=kept)
    if found:
        raise UsageError(
            f"{first[0]} and {second[0]} played different benchmarks: their {found[0]} has other {found[1]}. Scores "
            "compare within one benchmark alone; report these runs apart."
        )
