"""The formats that `fuzz_readers` tries: a sound file of each, and the way the toolkit reads it."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from builders.coco import CocoBuilder
from builders.pictures import read_picture
from builders.quickdraw import QuickDrawBuilder
from proactivebench.errors import ProactiveBenchError
from proactivebench.samples import read_samples
from proactivebench.scenarios.check import check_environment
from raw_sources import fakes
from raw_sources.archives import Limits, unpack
from raw_sources.base import Problem, SourceError
from raw_sources.changeit import read_categories, read_labels
from raw_sources.coco import Coco
from raw_sources.fakes.videos import write_video
from raw_sources.folders import picture_size
from raw_sources.imagenet import ImageNet
from raw_sources.mvpn import parse_entry, read_class_names
from raw_sources.pickles import read_string_lists
from raw_sources.quickdraw import QuickDraw
from raw_sources.rod import parse_frame_name
from raw_sources.video import duration_seconds, frames_at, readable_seconds
from raw_sources.vsod import Vsod
from tests.support.example_samples import ENTRIES

_LIMITS = Limits(members=1_000, total_bytes=10**7, file_bytes=10**7)


class Format(NamedTuple):
    """How one kind of file is tried.

    Attributes:
        whole: Writes a sound file, with everything that belongs to it, into a folder, and returns it.
        read: Reads the file as the toolkit does.
    """

    whole: Callable[[Path], Path]
    read: Callable[[Path], object]


def in_our_words(read: Callable[[], object]) -> None:
    """Calls a reader; its refusals are fine where a terminal can print them."""
    try:
        read()
    except (SourceError, ProactiveBenchError) as error:
        assert str(error).isprintable(), "unprintable"
        str(error).encode()


def _file(name: str, data: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


def _drawings(times: bool) -> bytes:
    stroke = [[0, 10, 200], [0, 255, 3], *([[0, 16, 30]] * times)]
    entry = {"word": "cat", "recognized": True, "drawing": [stroke, stroke]}
    return b"".join(json.dumps(entry | {"key_id": str(key)}).encode() + b"\n" for key in range(100, 110))


def _read_drawings(path: Path) -> None:
    source = QuickDraw.locate(path.parent)
    source.verify()
    builder = QuickDrawBuilder(source, per_category=3)
    for planned in builder.plan("cat").samples:
        list(builder.render(planned))


def _coco(folder: Path) -> Path:
    return next(fakes.make_coco(folder, images=2).rglob("instances_val2014.json"))


def _read_coco(path: Path) -> None:
    builder, problems = CocoBuilder(Coco(path.parent.parent, path)), list[Problem]()
    for record in builder.read(problems):
        builder.plan(record)
    list(map(str, problems))


def _vsod(folder: Path) -> Path:
    root = fakes.make_vsod(folder, videos=1, frames=1)
    box = fakes.voc_xml("0000.jpg", (320, 180), [(0, 0, 60, 60), (30, 30, 90, 90)])
    return _file("Annotations/test/video_000/0000.xml", box.encode())(root)


def _read_vsod(path: Path) -> None:
    problems = list[Problem]()
    for record in Vsod(path.parents[3]).read(problems):
        assert all(0 <= frame.covered <= 1.000001 for frame in record.frames)
    list(map(str, problems))


def _read_lists(path: Path) -> None:
    for entries in read_string_lists(path):
        for entry in entries:
            try:
                parse_entry(entry)
            except ValueError as error:
                str(error).encode()


def _truth(folder: Path) -> Path:
    fakes.make_imagenet(folder, pictures=3)
    return next(folder.rglob("ILSVRC2012_validation_ground_truth.txt"))


def _read_truth(path: Path) -> None:
    problems = list[Problem]()
    list(ImageNet.locate(path.parents[2]).read(problems))
    list(map(str, problems))


def _picture(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(pixels).save(folder / name, exif=exif)
        return folder / name

    return write


def _read_picture(path: Path) -> None:
    picture_size(path)
    read_picture(path, 20)


def _video(name: str, codec: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        pixels = np.random.default_rng(0).integers(0, 255, (6, 48, 64, 3), np.uint8)
        write_video(folder / name, codec, [(i / 2, Image.fromarray(frame)) for i, frame in enumerate(pixels)])
        return folder / name

    return write


def _read_frames(path: Path) -> None:
    for _ in frames_at(path, [0.0, 1.0, 2.0]):
        pass


def _read_video(path: Path) -> None:
    for read in (readable_seconds, duration_seconds, _read_frames):
        in_our_words(partial(read, path))  # each for itself, for an error ends only its reader


def _archive(name: str, mode: Literal["zip", "w", "w:gz"]) -> Callable[[Path], Path]:
    buffer = io.BytesIO()
    if mode == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
            for member in ("d/a", "d/b", "d/c/e"):
                zipped.writestr(zipfile.ZipInfo(member), b"hello" * 200)
    else:
        with tarfile.open(fileobj=buffer, mode=mode) as tar:
            for member in ("d/a", "d/b", "d/" + "c" * 120):
                info = tarfile.TarInfo(member)
                info.size = 1_000
                tar.addfile(info, io.BytesIO(b"hello" * 200))
    return _file(name, buffer.getvalue())


def _read_archive(path: Path) -> None:
    try:
        unpack(path, path.parent / "out", _LIMITS)
    finally:
        shutil.rmtree(path.parent / "out", ignore_errors=True)
        assert [found.name for found in path.parent.iterdir()] == [path.name], "something was left behind"


def _read_samples(path: Path) -> None:
    for sample in read_samples(path, "COCO", on_error=lambda error: None):
        check_environment(sample)


_LIST = [["0027/0/0000_0.png", "0027/0/0001_1.png"]] * 4
_CATEGORIES = 'DIR_NAME,ACTION_NAME,CENTERING_PARAM\napple,"Apple Peeling/Cutting",0.309\ntea,"Tea Pouring",0.1\n'

FORMATS = {
    "quickdraw": Format(_file("cat.ndjson", _drawings(times=False)), _read_drawings),
    "quickdraw-raw": Format(_file("cat.ndjson", _drawings(times=True)), _read_drawings),
    "coco": Format(_coco, _read_coco),
    "changeit-labels": Format(_file("x.csv", b"".join(b"%d,%d\n" % (k, k % 4) for k in range(40))), read_labels),
    "changeit-categories": Format(_file("categories.csv", _CATEGORIES.encode()), read_categories),
    "vsod-xml": Format(_vsod, _read_vsod),
    "mvpn-pickle": Format(_file("x.pkl", pickle.dumps(_LIST)), _read_lists),
    "mvpn-pickle-0": Format(_file("x.pkl", pickle.dumps(_LIST, 0)), _read_lists),
    "mvpn-names": Format(_file("x.csv", b"class_id,name\n0027,Brio drink\n28,Lumo tea\n"), read_class_names),
    "imagenet-truth": Format(_truth, _read_truth),
    "rod-names": Format(
        _file("x", b"natural_bluebl_greenr-cowboy hat-s6"),
        lambda path: parse_frame_name(path.read_text("utf-8", "surrogateescape")),
    ),
    "jpeg": Format(_picture("x.jpg"), _read_picture),
    "png": Format(_picture("x.png"), _read_picture),
    "mp4": Format(_video("x.mp4", "libx264"), _read_video),
    "webm": Format(_video("x.webm", "libvpx-vp9"), _read_video),
    "zip": Format(_archive("x", "zip"), _read_archive),
    "tar": Format(_archive("x", "w"), _read_archive),
    "tar.gz": Format(_archive("x", "w:gz"), _read_archive),
    "samples": Format(_file("x.jsonl", json.dumps(ENTRIES["COCO"]).encode() + b"\n"), _read_samples),
}
