"""Seconds and memory of what `publish` writes, archive and viewer file, beside the shortest way with plain libraries.

The plain way is `shutil.make_archive` and `datasets.Dataset.from_list(...).to_parquet(...)` over the same frames. Both
run in processes of their own on two benchmarks, the second four times as large: memory that grows between them grows
with the benchmark. Prints one JSON line; peaks are of the whole process, the libraries (some 150 MB) included.

    python benchmarks/publish.py --megabytes 200
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.progress import Progress

from builders.base import Builder, Frame, Plan, PlannedSample
from builders.hub.build import Build
from builders.hub.package import package
from builders.hub.viewer import write_viewer
from builders.pipeline.build import build
from proactivebench import scenarios

FRAME_BYTES = 500_000
FRAMES = 4


class NoiseBuilder(Builder[int, int]):
    """Samples whose frames are noise of a fixed length; nothing decodes them."""

    scenario = scenarios.QD

    def __init__(self, samples: int):
        self.samples = samples

    def settings(self) -> dict[str, Any]:
        return {"samples": self.samples}

    def versions(self) -> dict[str, str]:
        return {}

    def units(self) -> Sequence[int]:
        return range(self.samples)

    def plan(self, unit: int) -> Plan[int]:
        fields = {
            "image_template": f"QuickDraw/{unit}/{{image}}.png",
            "first_image": 0,
            "num_images": FRAMES,
            "reference_image": FRAMES - 1,
            "prompt": "What is this?",
            "options": ["Continue the drawing.", "I cannot tell."],
            "categories": ["Cat.", "Dog."],
            "answer": "Cat.",
        }
        return Plan([PlannedSample(str(unit), fields, unit, f"noise {unit}", "CC0")])

    def render(self, planned: PlannedSample[int]) -> Iterator[Frame]:
        for number in range(FRAMES):
            noise = random.Random(f"{planned.recipe}/{number}").randbytes(FRAME_BYTES)
            yield Frame(f"QuickDraw/{planned.recipe}/{number:04d}.png", noise)


def with_toolkit(folder: Path) -> None:
    """What `publish` does before it uploads."""
    build = Build.open(folder)
    package(build, Progress(disable=True))
    write_viewer(build, Progress(disable=True))


def with_plain_libraries(folder: Path) -> None:
    """The same files, made the shortest way."""
    from datasets import Dataset, Features, Image, List, Value, disable_progress_bars

    disable_progress_bars()
    shutil.make_archive(str(folder / "plain"), "zip", folder / "test", "QuickDraw")
    rows = []
    for line in (folder / "test" / "QuickDraw_preprocessed.jsonl").read_text().splitlines():
        sample = json.loads(line)
        paths = [folder / "test" / sample["image_template"].format(image=f"{number:04d}") for number in range(FRAMES)]
        frames = [{"bytes": path.read_bytes(), "path": path.name} for path in paths]
        rows.append({"frames": frames, "question": sample["prompt"], "answer": sample["answer"]})
    features = Features({"frames": List(Image()), "question": Value("string"), "answer": Value("string")})
    Dataset.from_list(rows, features=features).to_parquet(folder / "plain.parquet")


WAYS = {"toolkit": with_toolkit, "plain": with_plain_libraries}


def measure(job: tuple[str, Path]) -> dict[str, float]:
    """Seconds of one way, and the peak memory of the process that it runs in."""
    way, folder = job
    start = time.perf_counter()
    WAYS[way](folder)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": round(seconds, 2), "peak_mb": round(peak / 1e6)}


def main() -> None:
    """Runs both ways on both sizes and prints the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200, help="frames of the smaller benchmark")
    arguments = parser.parse_args()
    line: dict[str, object] = {"benchmark": "publish"}
    spawn = multiprocessing.get_context("spawn")
    for megabytes in (arguments.megabytes, 4 * arguments.megabytes):
        with tempfile.TemporaryDirectory() as name:
            build(NoiseBuilder(max(1, megabytes * 1_000_000 // (FRAMES * FRAME_BYTES))), Path(name))
            with spawn.Pool(1, maxtasksperchild=1) as pool:
                line[f"{megabytes} MB"] = {way: pool.apply(measure, ((way, Path(name)),)) for way in WAYS}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
