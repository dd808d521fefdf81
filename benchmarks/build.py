"""Frames per second of every builder, with one worker and with two, beside the plainest loop that does the same work.

All work on made-up raw data in its true layout, drawn at the start (some minutes in all); only the drawings are real
ones. The plain loops read, decode, convert and write the same pictures, one after the other, with the libraries alone,
and take the checksum of what they write: no plan, no journal, no manifest. Pictures that are copied are decoded too,
since a damaged one must be found. Ours is the whole build. What it takes to start two workers is measured too. Prints
one JSON line with frames per second of the clock and, for a machine that has other work too, per second of processor
time, and how many times the plain loop's those are (`ratio`).

    python benchmarks/build.py
    python benchmarks/build.py --scenario COCO --scenario QD
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from benchmarks.build_quickdraw import build_with_pillow
from builders.base import Builder, PlannedSample
from builders.pictures import JPEG_QUALITY
from builders.pipeline.build import build
from builders.pipeline.workers import Workers
from builders.registry import make_builder
from builders.vsod_labels import JUDGEMENT, PLACE
from proactivebench.scenarios import get_scenario
from raw_sources import fakes

Planned = Sequence[PlannedSample[Any]]


def encode_anew(suffix: str, pictures: Iterable[Path], out: Path) -> int:
    """Opens pictures and saves them again."""
    count = 0
    for count, path in enumerate(pictures, start=1):
        image = Image.open(path)
        encoded = BytesIO()
        kind = "JPEG" if suffix == "jpg" else "PNG"
        image.convert("RGB").save(encoded, kind, quality=JPEG_QUALITY)  # PNG has none and ignores it
        write(out / f"{count}.{suffix}", encoded.getvalue())
    return count


def write(path: Path, data: bytes) -> None:
    """Writes a frame, and takes its checksum."""
    path.write_bytes(data)
    hashlib.sha256(data).hexdigest()


def copy(pictures: Iterable[Path], out: Path) -> int:
    """Decodes pictures, and copies them."""
    count = 0
    for count, path in enumerate(pictures, start=1):
        data = path.read_bytes()
        Image.open(BytesIO(data)).load()
        write(out / f"{count}{path.suffix}", data)
    return count


def _rod(planned: Planned, out: Path) -> int:
    return encode_anew("jpg", [path for sample in planned for path in sample.recipe if path], out)


def _vsod(planned: Planned, out: Path) -> int:
    return encode_anew("jpg", [path for sample in planned for path in sample.recipe], out)


def _mvpn(planned: Planned, out: Path) -> int:
    return encode_anew("png", [path for sample in planned for path in sample.recipe], out)


def _imagenet_c(planned: Planned, out: Path) -> int:
    return copy([path for sample in planned for path in sample.recipe.severities], out)


def _generated(planned: Planned, out: Path) -> int:
    """Scales, cuts, corrupts and saves photos at five levels."""
    from imagecorruptions import corrupt

    for sample in planned:
        image = Image.open(sample.recipe.original.picture).convert("RGB")
        scale = 256 / min(image.size)
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
        left, top = (image.width - 224) // 2, (image.height - 224) // 2
        pixels = np.asarray(image.crop((left, top, left + 224, top + 224)))
        for severity in range(1, 6):
            worse = Image.fromarray(corrupt(pixels, severity, sample.recipe.corruption))
            worse.save(out / f"{sample.recipe.stem}-{severity}.jpg", quality=85, optimize=True)
    return 5 * len(planned)


def _quickdraw(planned: Planned, out: Path) -> int:
    return build_with_pillow([sample.recipe for sample in planned], out)


def _changeit(planned: Planned, out: Path) -> int:
    """Decodes videos, and saves the first frame at or after each second that is wanted."""
    count = 0
    for sample in planned:
        wanted = iter(sample.recipe.seconds)
        second = next(wanted, None)
        with av.open(str(sample.recipe.path)) as container:
            for frame in container.decode(video=0):
                if second is not None and frame.time is not None and frame.time >= second:
                    count += 1
                    picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
                    picture.save(out / f"{count}.jpg", quality=JPEG_QUALITY)
                    second = next(wanted, None)
    return count


def _coco(planned: Planned, out: Path) -> int:
    return copy([sample.recipe.picture for sample in planned], out)


def _draw_rod(raw: Path) -> dict[str, Any]:
    fakes.make_rod(raw, sequences=len(fakes.ROD_SEQUENCES))
    return {}


def _draw_vsod(raw: Path) -> dict[str, Any]:
    fakes.make_vsod(raw, videos=6, frames=120)
    labels = raw / "labels.csv"
    rows = [(f"test/video_{number:03}", "12", "2", "speaker", "", f"Shirt {number}", "", "yes") for number in range(6)]
    labels.write_text("\n".join(",".join(row) for row in [PLACE + JUDGEMENT, *rows]) + "\n")
    return {"labels": labels}


def _draw_mvpn(raw: Path) -> dict[str, Any]:
    folder = fakes.make_mvpn(raw, sets=60)
    return {"class_names": folder / "class_names.csv"}


def _draw_imagenet_c(raw: Path) -> dict[str, Any]:
    fakes.make_imagenet_c(raw, wnids=6, pictures=8)
    return {"per_category": 8}


def _draw_imagenet(raw: Path) -> dict[str, Any]:
    fakes.make_imagenet(raw, pictures=96)
    return {"per_category": 16, "from_imagenet": raw}


def _draw_quickdraw(raw: Path) -> dict[str, Any]:
    fakes.make_quickdraw(raw)
    return {}


def _draw_changeit(raw: Path) -> dict[str, Any]:
    fakes.make_changeit(raw)
    return {}


def _draw_coco(raw: Path) -> dict[str, Any]:
    fakes.make_coco(raw, images=200)
    return {}


CASES: dict[str, tuple[str, Callable[[Path], dict[str, Any]], Callable[[Planned, Path], int]]] = {
    "ROD": ("ROD", _draw_rod, _rod),
    "VSOD": ("VSOD", _draw_vsod, _vsod),
    "MVP-N": ("MVP-N", _draw_mvpn, _mvpn),
    "IN-C": ("IN-C", _draw_imagenet_c, _imagenet_c),
    "IN-C-generated": ("IN-C", _draw_imagenet, _generated),
    "QD": ("QD", _draw_quickdraw, _quickdraw),
    "CIT": ("CIT", _draw_changeit, _changeit),
    "COCO": ("COCO", _draw_coco, _coco),
}
"""Name -> scenario, what draws its raw data, and the plain loop."""


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure(run: Callable[[], int]) -> dict[str, Any]:
    """Frames per second of a run that returns its number of frames."""
    clock, processor = time.perf_counter(), processor_seconds()
    frames = run()
    return {
        "frames": frames,
        "frames_per_second": round(frames / (time.perf_counter() - clock)),
        "frames_per_processor_second": round(frames / (processor_seconds() - processor)),
    }


def compare(builder: Builder[Any, Any], plain: Callable[[Planned, Path], int], folder: Path) -> dict[str, Any]:
    """Measures the plain loop, and the build with one worker and with two."""
    plans = [sample for unit in builder.units() for sample in builder.plan(unit).samples]
    planned = list({sample.frames_key: sample for sample in plans}.values())
    for name in ("once", "plain"):
        (folder / name).mkdir()
    plain(planned, folder / "once")  # libraries are imported and compiled at their first use
    line: dict[str, Any] = {"plain": measure(lambda: plain(planned, folder / "plain"))}
    for workers in (1, 2):
        out = folder / str(workers)
        line[f"workers_{workers}"] = measure(lambda: build(builder, out, workers=workers).frames)  # noqa: B023
    for ours in (line["workers_1"], line["workers_2"]):
        ours["ratio"] = round(ours["frames_per_processor_second"] / line["plain"]["frames_per_processor_second"], 2)
    line["start_of_workers_2_s"] = seconds_to_start(builder)
    return line


def _where(builder: object, item: int) -> int:
    return os.getpid()


def seconds_to_start(builder: Builder[Any, Any]) -> float:
    """How long it takes until two workers, once called for, have imported a builder and answer."""
    with Workers(2, builder) as pool:
        called = 0.0
        for process in pool.map(_where, itertools.count()):
            if not called and multiprocessing.active_children():
                called = time.perf_counter()
            if process != os.getpid():
                break
        return round(time.perf_counter() - called, 1)


def main() -> None:
    """Runs everything and prints the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", action="append", choices=CASES, help="only this one; may be repeated")
    arguments = parser.parse_args()
    line: dict[str, Any] = {"benchmark": "build", "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    for name in arguments.scenario or CASES:
        scenario, draw, plain = CASES[name]
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder) / "raw"
            raw.mkdir()
            builder = make_builder(get_scenario(scenario), raw, **draw(raw))
            line[name] = compare(builder, plain, Path(folder))
    print(json.dumps(line))


if __name__ == "__main__":
    main()
