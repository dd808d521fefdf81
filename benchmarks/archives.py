"""Seconds and memory of unpacking the archives of the catalogue, made up with as many members as the real ones have.

The members hold a few bytes each, so what is measured is what grows with their number: the directory, the names that
are remembered, the files that are made. The plain way beside it is `shutil.unpack_archive`, which checks nothing. Each
runs in a process of its own. Prints one JSON line per archive.

    python -m benchmarks.archives [NAME...]
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import resource
import shutil
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from raw_sources.archives import unpack


def _coco(split: str, pictures: int) -> Iterator[str]:
    return (f"{split}/COCO_{split}_{number:012}.jpg" for number in range(pictures))


def _imagenet_c(*corruptions: str) -> Iterator[str]:
    classes = [f"n{number:08}" for number in range(1000)]
    for corruption, severity, name in product(corruptions, range(1, 6), classes):
        yield from (f"{corruption}/{severity}/{name}/ILSVRC2012_val_{number:08}.JPEG" for number in range(50))


ARCHIVES: dict[str, Callable[[], Iterator[str]]] = {
    "annotations_trainval2014.zip": lambda: (f"annotations/{number}_val2014.json" for number in range(6)),
    "val2014.zip": lambda: _coco("val2014", 40_504),
    "train2014.zip": lambda: _coco("train2014", 82_783),
    "noise.tar": lambda: _imagenet_c("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur.tar": lambda: _imagenet_c("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather.tar": lambda: _imagenet_c("frost", "snow", "fog", "brightness"),
    "digital.tar": lambda: _imagenet_c("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
    "extra.tar": lambda: _imagenet_c("speckle_noise", "gaussian_blur", "spatter", "saturate"),
}
"""Archive -> the names of its members; ImageNet-C has 50,000 pictures for each corruption and severity."""


def write(path: Path, names: Iterable[str]) -> None:
    """Writes an archive with members of a few bytes."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as zipped:
            for name in names:
                zipped.writestr(zipfile.ZipInfo(name), b"picture")
        return
    with tarfile.open(path, "w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 7
            tar.addfile(info, io.BytesIO(b"picture"))
            tar.getmembers().clear()  # which it would keep all


def _measure(way: str, archive: Path, folder: Path, results: SimpleQueue[tuple[float, int]]) -> None:
    start = time.perf_counter()
    if way == "ours":
        unpack(archive, folder)
    else:
        shutil.unpack_archive(archive, folder, filter=None if archive.suffix == ".zip" else "data")
    results.put((time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))


def measured(way: str, archive: Path, folder: Path) -> dict[str, object]:
    """Unpacks an archive in a process of its own; returns the seconds, the memory, and the number of files."""
    context = multiprocessing.get_context("spawn")
    results: SimpleQueue[tuple[float, int]] = context.SimpleQueue()
    child = context.Process(target=_measure, args=(way, archive, folder, results))
    child.start()
    child.join()
    assert child.exitcode == 0, f"{way}: ended with {child.exitcode}"
    seconds, memory = results.get()
    files = sum(path.is_file() for path in folder.rglob("*"))
    shutil.rmtree(folder)
    return {"seconds": round(seconds, 1), "peak_mb": memory, "files": files}


def main() -> None:
    """Measures the archives that are named, by default all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ARCHIVES))
    for name in parser.parse_args().names or ARCHIVES:
        with tempfile.TemporaryDirectory() as place:
            archive = Path(place, name)
            names = list(ARCHIVES[name]())
            write(archive, names)
            line = {"archive": name, "members": len(names), "bytes": archive.stat().st_size}
            ways = {way: measured(way, archive, Path(place, way)) for way in ("ours", "plain")}
            print(json.dumps({**line, **ways}), flush=True)


if __name__ == "__main__":
    main()
