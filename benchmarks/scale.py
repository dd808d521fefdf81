"""How building and evaluating grow with the number of drawings: rates, peak memory, bytes.

The drawings are made from the bundled ones: the first two strokes of a real drawing under a number of its own, in form
and 345 categories of the real data, so a sample has two frames. Each size is built, with one process and with two,
and all its episodes are played by `scripted:ask`, each time by the program itself in a process of its own, whose peak
is what the system says of the largest process. Prints one JSON line for each, and at last the exponents: 1 is growth in
proportion, 0 none.

    python -m benchmarks.scale --sizes 1000 10000 100000

A million needs about 12 GB of disk, two million files and, on one slow core, hours; TMPDIR says where.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, pairwise
from math import ceil, log
from pathlib import Path
from typing import Any

import orjson

from raw_sources.quickdraw import CATEGORIES

BUNDLED = Path(__file__).parent.parent / "raw_sources" / "bundled" / "quickdraw" / "simplified"
STROKES = 2


def lines(category: str, drawings: Sequence[dict[str, Any]], first: int, count: int) -> Iterator[bytes]:
    """Drawings of a category, made from real ones."""
    for key, drawing in zip(range(first, first + count), cycle(drawings), strict=False):
        made = {**drawing, "word": category, "recognized": True, "key_id": str(10**15 + key)}
        yield orjson.dumps({**made, "drawing": drawing["drawing"][:STROKES]}) + b"\n"


def make_raw(folder: Path, size: int) -> int:
    """Writes at least so many drawings, in files of one size; returns how many each has."""
    real = [orjson.loads(line) for path in sorted(BUNDLED.iterdir()) for line in path.read_bytes().splitlines()]
    several = [drawing for drawing in real if len(drawing["drawing"]) >= STROKES]
    each = ceil(size / len(CATEGORIES))
    for place, category in enumerate(CATEGORIES):
        with (folder / f"{category}.ndjson").open("wb") as file:
            file.writelines(lines(category, several, place * each, each))
    return each


def measured(*words: object) -> dict[str, float]:
    """Runs the program; its seconds, those of the processor, and the memory of its largest process."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "proactivebench", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": round(used.ru_maxrss / 1024),
    }


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names)  # noqa: PTH118, PTH202


def measure(size: int, workers: Sequence[int], *, plays: bool) -> Iterator[dict[str, Any]]:
    """Builds and plays that many drawings."""
    with tempfile.TemporaryDirectory() as place:
        raw, run = Path(place, "raw"), Path(place, "run")
        raw.mkdir()
        each = make_raw(raw, size)
        samples = each * len(CATEGORIES)
        for count in workers:
            out = Path(place, f"data{count}")
            took = measured("build", "qd", "--raw", raw, "--out", out, "--per-category", each, "--workers", count)
            yield _line(f"build, {count} process{'es' * (count > 1)}", samples, took) | {"bytes": size_of(out)}
            if count != workers[-1]:
                subprocess.run(["rm", "-rf", out], check=True)
        if plays:
            took = measured("evaluate", "--model", "scripted:ask", "--data", out, "--out", run, "--no-filter")
            yield _line("evaluate", samples, took) | {"bytes": size_of(run)}


def _line(what: str, samples: int, took: dict[str, float]) -> dict[str, Any]:
    return {"what": what, "samples": samples, **took, "samples_per_second": round(samples / took["seconds"], 1)}


def exponents(results: Sequence[dict[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """How time, memory and bytes grow from each size to the next, as powers of the number of samples."""
    found: dict[str, dict[str, list[float]]] = {}
    for what in dict.fromkeys(line["what"] for line in results):
        steps = list(pairwise(line for line in results if line["what"] == what))
        found[what] = {
            figure: [round(log(b[figure] / a[figure]) / log(b["samples"] / a["samples"]), 2) for a, b in steps]
            for figure in ("processor_seconds", "peak_mb", "bytes")
        }
    return found


def line_of_page(line: dict[str, Any]) -> str:
    """A line as docs/scale.md has it."""
    figures = (line["samples_per_second"], line["processor_seconds"] * 1000 / line["samples"])
    rates = " | ".join(f"{figure:,.1f}" for figure in figures)
    return f"| {line['what']} | {line['samples']:,} | {rates} | {line['peak_mb']} | {line['bytes'] / 1e6:,.0f} |"


def main() -> None:
    """Measures the sizes, and prints the lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--no-evaluate", action="store_true", help="only build")
    arguments = parser.parse_args()
    results = []
    for size in arguments.sizes:
        for line in measure(size, arguments.workers, plays=not arguments.no_evaluate):
            results.append(line)
            print(json.dumps(line), flush=True)
    print(json.dumps({"exponents": exponents(results)}))


if __name__ == "__main__":
    main()
