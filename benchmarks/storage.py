"""What frames in tars cost and save beside files: the same drawings, built, played, checked and packed from both.

The drawings are those of `benchmarks.scale`: two frames each. Every command is the program itself in a process of its
own, and what was built is still in the memory of the system. Prints one JSON line for each command and storage: seconds
of the clock and of the processor, peak memory, and of a build how many files it leaves, their bytes, and what the disk
gives them.

    python -m benchmarks.storage --size 10000
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.scale import make_raw, measured
from raw_sources.quickdraw import CATEGORIES


def kept(folder: Path) -> dict[str, int]:
    """How many files lie below a folder, their bytes, and the bytes that the disk gives to them and to folders."""
    stats = [os.lstat(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in ["", *names]]  # noqa: PTH118
    files = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]  # noqa: PTH118
    return {
        "files": len(files),
        "bytes": sum(map(os.path.getsize, files)),
        "disk_bytes": sum(stat.st_blocks * 512 for stat in stats),
    }


def measure(size: int) -> Iterator[dict[str, Any]]:
    """Does everything with both storages, in turn."""
    with tempfile.TemporaryDirectory() as place:
        raw = Path(place, "raw")
        raw.mkdir()
        each = make_raw(raw, size)
        said = {"samples": each * len(CATEGORIES)}
        outs = {storage: Path(place, storage) for storage in ("files", "shards")}
        for storage, out in outs.items():
            words = ("qd", "--raw", raw, "--out", out, "--per-category", each, "--storage", storage)
            yield {"what": "build", "storage": storage, **said, **measured("build", *words), **kept(out)}
        for what in ("evaluate", "check", "package"):
            for storage, out in outs.items():
                run = ("--model", "scripted:ask", "--no-filter", "--out", Path(place, f"run {storage}"), "--data")
                yield {"what": what, "storage": storage, **said, **measured(what, *(run * (what == "evaluate")), out)}


def line_of_page(line: dict[str, Any]) -> str:
    """A line as docs/scale.md has it."""
    left = f"{line['files']:,} | {line['disk_bytes'] / 1e6:,.0f}" if "files" in line else "|"
    return (
        f"| {line['what']} | {line['storage']} | {line['samples']:,} | {line['processor_seconds']:.1f} | "
        f"{line['peak_mb']} | {left} |"
    )


def main() -> None:
    """Measures, and prints the lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=10_000)
    for line in measure(parser.parse_args().size):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
