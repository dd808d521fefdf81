"""One raw folder that holds everything, as users have it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raw_sources import fakes
from raw_sources.base import Source
from raw_sources.changeit import ChangeIt
from raw_sources.coco import Coco
from raw_sources.fakes.videos import changeit_frame, write_video
from raw_sources.imagenet import ImageNet
from raw_sources.imagenet_c import ImageNetC
from raw_sources.mvpn import Mvpn
from raw_sources.quickdraw import QuickDraw
from raw_sources.rod import Rod
from raw_sources.vsod import Vsod

COUNTS: dict[type[Source[Any]], dict[str, int]] = {
    Rod: {"sequences": 2, "pictures": 27},
    Vsod: {"videos": 2, "frames": 48, "occluded frames": 38},
    Mvpn: {"classes": 6, "sets": 24, "pictures": 48},
    Coco: {"pictures with one box": 6},
    ImageNet: {"pictures": 6},
    ImageNetC: {"corruptions": 19, "classes": 4, "pictures": 380},
    QuickDraw: {"categories": 20, "drawings": 280, "recognized": 280},
    ChangeIt: {"annotations": 5, "videos": 4},
}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_all(tmp_path_factory.mktemp("raw"))


@pytest.mark.parametrize("source", COUNTS)
def test_every_source_finds_its_own_and_nothing_else(raw: Path, source: type[Source[Any]]) -> None:
    located = source.locate(raw)
    assert located.verify().counts == COUNTS[source]
    records = list(located.records())
    assert records
    assert list(source.locate(raw).records()) == records


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def one_video_per_codec(folder: Path) -> None:
    for name, codec in (("x.mp4", "libx264"), ("x.webm", "libvpx-vp9"), ("y.webm", "libsvtav1")):
        write_video(folder / name, codec, ((t / 5, changeit_frame("beer", t / 5)) for t in range(40, 50)))


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: fakes.make_rod(folder, sequences=1),
        lambda folder: fakes.make_vsod(folder, videos=1, frames=3),
        lambda folder: fakes.make_mvpn(folder, classes=1),
        lambda folder: fakes.make_coco(folder, images=2),
        lambda folder: fakes.make_imagenet(folder, pictures=2),
        lambda folder: fakes.make_imagenet_c(folder, wnids=1),
        one_video_per_codec,
    ],
)
def test_made_up_data_has_the_same_bytes_every_time(tmp_path: Path, make: Callable[[Path], object]) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        make(tmp_path / name)
    assert digests(tmp_path / "first") == digests(tmp_path / "second") != {}
