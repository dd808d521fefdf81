"""Frames per second of the Quick, Draw! build, beside a plain Pillow loop over the same drawings.

Both run in one process on the same raw files and do the same work: parse, draw every stroke prefix anti-aliased in
256 x 256 pixels, encode as PNG, write. Ours is the whole pipeline, selection, journal and manifest included. Prints one
JSON line with frames per second of the clock and, for a machine that has other work too, per second of processor time.

    python benchmarks/build_quickdraw.py --raw ../shared/data/quickdraw/simplified

The disk counts. Some file systems (ext4) make new files slowly for minutes after many were deleted, as a run of this
does at its end; TMPDIR=/dev/shm leaves the disk out.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

from builders.pipeline.build import build
from builders.quickdraw import QuickDrawBuilder
from builders.quickdraw_frames import LINE_WIDTH, MARGIN, SIZE
from raw_sources.quickdraw import DrawingRef, QuickDraw

OVERSAMPLING = 4


def build_with_pillow(refs: list[DrawingRef], out: Path) -> int:
    """Draws the same drawings with Pillow and returns the number of frames."""
    frames = 0
    for ref in refs:
        with ref.path.open("rb") as file:
            file.seek(ref.offset)
            strokes = json.loads(file.read(ref.length))["drawing"]
        folder = out / ref.category / ref.key_id
        folder.mkdir(parents=True)
        xs = [x for stroke in strokes for x in stroke[0]]
        ys = [y for stroke in strokes for y in stroke[1]]
        scale = (SIZE - 2 * MARGIN) * OVERSAMPLING / max(max(xs) - min(xs), max(ys) - min(ys))
        left = SIZE * OVERSAMPLING / 2 - (min(xs) + max(xs)) / 2 * scale
        top = SIZE * OVERSAMPLING / 2 - (min(ys) + max(ys)) / 2 * scale
        canvas = Image.new("L", (SIZE * OVERSAMPLING, SIZE * OVERSAMPLING), 255)
        pen = ImageDraw.Draw(canvas)
        for number, stroke in enumerate(strokes):
            points = [(x * scale + left, y * scale + top) for x, y in zip(stroke[0], stroke[1], strict=True)]
            pen.line(points, fill=0, width=LINE_WIDTH * OVERSAMPLING, joint="curve")
            canvas.reduce(OVERSAMPLING).save(folder / f"{number:04d}.png")
            frames += 1
    return frames


def main() -> None:
    """Runs both and prints the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, default=Path("../shared/data/quickdraw/simplified"))
    parser.add_argument("--categories", type=int, default=100, help="how many categories, from the first on")
    arguments = parser.parse_args()
    source = QuickDraw.locate(arguments.raw)
    builder = QuickDrawBuilder(source, categories=tuple(source.files)[: arguments.categories])
    refs = [sample.recipe for unit in builder.units() for sample in builder.plan(unit).samples]
    line: dict[str, object] = {"benchmark": "build_quickdraw", "processes": 1, "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[str, Callable[[], int]] = {
            "toolkit": lambda: build(builder, Path(folder) / "toolkit").frames,
            "pillow": lambda: build_with_pillow(refs, Path(folder) / "pillow"),
        }
        for name, run in runs.items():
            clock, processor = time.perf_counter(), time.process_time()
            frames = run()
            line[name] = {
                "frames": frames,
                "frames_per_second": round(frames / (time.perf_counter() - clock)),
                "frames_per_processor_second": round(frames / (time.process_time() - processor)),
            }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
