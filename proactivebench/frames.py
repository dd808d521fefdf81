"""The frames that a run is played on: which files they are, and the bytes that each of them has.

Samples name frames by paths, and a path promises nothing about the picture. So the frames that the samples of a
scenario can show are part of what a run is, by their SHA-256, and every picture that is read while it is played must
still have it. A frame that is missing at the start is part of it too: it may not turn up in the middle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proactivebench.benchmark import Benchmark
from proactivebench.digests import file_digests
from proactivebench.frame_bytes import is_frame
from proactivebench.images import Picture, PictureError
from proactivebench.scenarios import Scenario
from proactivebench.scenarios.reach import shown_states
from proactivebench.views import View

MISSING = ""
"""Stands for the digest of a frame that is not there."""


@dataclass(frozen=True)
class Frames:
    """The frames of some scenarios.

    Attributes:
        root: The folder that their paths start from.
        digests: Path below `root` -> SHA-256, or `MISSING`.
        scenarios: Short scenario name -> paths of its frames, ascending.
    """

    root: Path
    digests: Mapping[str, str]
    scenarios: Mapping[str, Sequence[str]]

    @classmethod
    def of(
        cls,
        benchmark: Benchmark,
        scenarios: Iterable[Scenario],
        report: Callable[[int, int], None] = lambda done, total: None,
    ) -> Frames:
        """The frames that the samples of some scenarios can show, those that the leak filter drops included.

        Args:
            benchmark: Where they are.
            scenarios: Scenarios that the benchmark holds.
            report: Told how many bytes are read, as `file_digests` does it.

        Raises:
            UsageError: The benchmark does not hold a scenario, a frame is a link that leads out of it, or a tar is
                damaged.
            SampleError: A line is not a sample.
            OSError: A frame cannot be read.
        """
        shown = {}
        for scenario in scenarios:
            samples = benchmark.samples(scenario, filtered=False)
            shown[scenario.name] = sorted({state.frame_path() for sample in samples for state in shown_states(sample)})
        files = {path: benchmark.frame(path) for paths in shown.values() for path in paths}
        found = file_digests((file for file in files.values() if is_frame(file)), report)
        return cls(benchmark.root, {path: found.get(file, MISSING) for path, file in files.items()}, shown)

    def identity(self) -> dict[str, str]:
        """What tells the frames of each scenario from any others: SHA-256 over their paths and digests."""
        digests = {name: [(path, self.digests[path]) for path in paths] for name, paths in self.scenarios.items()}
        return {name: hashlib.sha256(json.dumps(pairs).encode()).hexdigest() for name, pairs in digests.items()}

    def picture(self, frame_path: str, view: View | None = None) -> Picture:
        """A picture of one of these frames, which can be read as long as it is the same.

        Args:
            frame_path: Below `root`.
            view: What to show of it.

        Raises:
            PictureError: It is not one of these frames.
        """
        if frame_path not in self.digests:
            raise PictureError(f"{frame_path!r} is not a frame that a sample can show.")
        return Picture(self.root / frame_path, view, self.digests[frame_path])


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
