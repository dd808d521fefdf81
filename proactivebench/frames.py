"""The frames that a run is played on: which files they are, and the bytes that each of them has.

Samples name frames by paths, and a path promises nothing about the picture. So the frames that the samples of a
scenario can show are part of what a run is, by their SHA-256, and every picture that is read while it is played must
still have it. A frame that is missing at the start is part of it too: it may not turn up in the middle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from proactivebench.benchmark import Benchmark
from proactivebench.digests import file_digests
from proactivebench.frame_bytes import is_frame
from proactivebench.images import Picture, PictureError
from proactivebench.scenarios import Sample, Scenario
from proactivebench.scenarios.reach import shown_states
from proactivebench.views import View
from proactivebench.work.aside import Table

MISSING = ""
"""Stands for the digest of a frame that is not there."""

_TOGETHER = 4096
"""Frames that are read together."""


@dataclass(frozen=True)
class Frames:
    """The frames of some scenarios.

    Attributes:
        root: The folder that their paths start from.
        scenarios: Short names of the scenarios.
    """

    root: Path
    scenarios: Sequence[str]
    _table: Table

    @classmethod
    def of(
        cls,
        benchmark: Benchmark,
        scenarios: Sequence[Scenario],
        report: Callable[[int, int], None] = lambda done, total: None,
    ) -> Frames:
        """The frames that the samples of some scenarios can show, those that the leak filter drops included.

        Args:
            benchmark: Where they are.
            scenarios: Scenarios that the benchmark holds.
            report: Told how many frames of how many are done with, as `file_digests` does it.

        Raises:
            UsageError: The benchmark does not hold a scenario, a frame is a link that leads out of it, or a tar is
                damaged.
            SampleError: A line is not a sample.
            OSError: A frame cannot be read.
            ResumableError: The temporary folder is full.
        """
        frames = cls.shown_by(benchmark.root, [(one, benchmark.samples(one, filtered=False)) for one in scenarios])
        [(count,)] = frames._table.read("SELECT COUNT(DISTINCT path) FROM rows")
        done, last = 0, ""
        while paths := frames._paths_after(last):
            files = {path: file for path in paths if is_frame(file := benchmark.frame(path))}
            found = file_digests(files.values(), partial(_tell, report, done, len(paths), count))
            rows = ((found[file], path) for path, file in files.items())
            frames._table.run_all("UPDATE rows SET sha256 = ? WHERE path = ?", rows)
            done, last = done + len(paths), paths[-1]
        return frames

    @classmethod
    def shown_by(cls, root: Path, samples: Iterable[tuple[Scenario, Iterable[Sample]]]) -> Frames:
        """The frames that samples can show, as if none of them were there.

        Args:
            root: The folder that their paths start from.
            samples: Those of each scenario.
        """
        table = Table("path TEXT, scenario TEXT, sha256 TEXT, PRIMARY KEY (path, scenario)")
        names = []
        for scenario, there in samples:
            names.append(scenario.name)
            rows = ((state.frame_path(), scenario.name, MISSING) for sample in there for state in shown_states(sample))
            table.run_all("INSERT OR IGNORE INTO rows VALUES (?, ?, ?)", rows)
        return cls(root, names, table)

    def _paths_after(self, last: str) -> list[str]:
        """The paths that come after one, ascending, as many as are read together."""
        query = "SELECT DISTINCT path FROM rows WHERE path > ? ORDER BY path LIMIT ?"
        return [path for (path,) in self._table.read(query, (last, _TOGETHER))]

    def identity(self) -> dict[str, str]:
        """What tells the frames of each scenario from any others: SHA-256 over their paths and digests, as JSON."""
        found = {}
        for name in self.scenarios:
            digest, comma = hashlib.sha256(b"["), ""
            query = "SELECT path, sha256 FROM rows WHERE scenario = ? ORDER BY path"
            for pair in self._table.read(query, (name,)):
                digest.update(f"{comma}{json.dumps(pair)}".encode())
                comma = ", "
            digest.update(b"]")
            found[name] = digest.hexdigest()
        return found

    def picture(self, frame_path: str, view: View | None = None) -> Picture:
        """A picture of one of these frames, which can be read as long as it is the same.

        Args:
            frame_path: Below `root`.
            view: What to show of it.

        Raises:
            PictureError: It is not one of these frames.
        """
        for (digest,) in self._table.read("SELECT sha256 FROM rows WHERE path = ? LIMIT 1", (frame_path,)):
            return Picture(self.root / frame_path, view, digest)
        raise PictureError(f"{frame_path!r} is not a frame that a sample can show.")


def _tell(report: Callable[[int, int], None], before: int, frames: int, count: int, done: int, total: int) -> None:
    """Says of some bytes of the frames that are read together how many of all frames they are."""
    report(before + frames * done // total, count)


def data_identity(
    benchmark: Benchmark, scenarios: Sequence[Scenario], frames: Frames, *, filtered: bool
) -> dict[str, Any]:
    """What tells the data of a run from any others, as JSON values: by kind, and by short scenario name.

    Args:
        benchmark: Where the samples are.
        scenarios: The scenarios that are played.
        frames: What they can show.
        filtered: Whether the leak filter counts.

    Returns:
        `source` (where they were pulled from, else None), and for each scenario the SHA-256 of its `samples`, of its
        `frames`, and of its `kept_ids` (None where no list applies).
    """
    return {
        "source": benchmark.source,
        "samples": {scenario.name: benchmark.samples_digest(scenario) for scenario in scenarios},
        "frames": frames.identity(),
        "kept_ids": {scenario.name: benchmark.kept_digest(scenario) if filtered else None for scenario in scenarios},
    }
