"""What a full rebuild and the paper's Table 1 take: the tables of docs/scale.md, from measured rates.

    python -m benchmarks.estimate

Frames per second of processor time are those of `benchmarks/build.jsonl`, which `benchmarks/build.py` has printed; the
sizes and the suggestions of 22 models are the paper's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from proactivebench.scenarios import SCENARIOS

MEASURED = Path(__file__).with_name("build.jsonl")
REQUESTS_PER_SECOND = (1, 10, 100)


def frames(name: str) -> int:
    """Frames of a scenario of the paper's size; COCO stores a photo for each sample, and views are cut from it."""
    size = SCENARIOS[name].paper
    assert size is not None
    return size.samples if name == "COCO" else size.images


def frames_per_second() -> dict[str, int]:
    """Frames that one core makes in a second, by short scenario name."""
    rates = {}
    for line in MEASURED.read_text(encoding="utf-8").splitlines():
        for name, found in json.loads(line).items():
            if name in SCENARIOS:
                rates[name] = int(found["workers_1"]["frames_per_processor_second"])
    return rates


def rebuild() -> Iterator[str]:
    """A line for each scenario: frames, rate, minutes of one core."""
    total = 0.0
    for name, rate in sorted(frames_per_second().items(), key=lambda item: list(SCENARIOS).index(item[0])):
        minutes = frames(name) / rate / 60
        total += minutes
        yield f"| {name} | {frames(name):,} | {rate:,} | {minutes:.1f} |"
    yield f"| together | | | {total:.1f} |"


def turns() -> float:
    """Turns of the 22 models of Table 1 in one setting: each sample's suggestions, and its answer."""
    text = resources.files("proactivebench.published").joinpath("paper_results.json").read_bytes()
    results = json.loads(text)["mcqa"].values()
    sizes = {name: scenario.paper.samples for name, scenario in SCENARIOS.items() if scenario.paper}
    return float(sum(size * (1 + model[name]["psr"]) for model in results for name, size in sizes.items()))


def table_1() -> Iterator[str]:
    """A line for each rate at which models answer: hours for all models."""
    for rate in REQUESTS_PER_SECOND:
        yield f"| {rate} | {turns() / rate / 3600:.1f} |"


if __name__ == "__main__":
    print("\n".join([*rebuild(), f"{turns():,.0f} turns", *table_1()]))
